//! Who is calling.
//!
//! With `AUTH=jwt` the user is whose token was verified; with `AUTH=local`, on the loopback interface only, whoever the caller says.

use axum::{
    extract::FromRequestParts,
    http::{StatusCode, request::Parts},
};
use chrono::{DateTime, Utc};

use crate::{
    headers::{Single, is_printable, single},
    problem::{FieldError, Problem},
};

/// The user of whoever does not say who they are.
pub const LOCAL_USER: &str = "local";
const USER_HEADER: &str = "x-user-id";
const LONGEST_USER_ID: usize = 128;

/// Whom a request was let in as, with `AUTH=jwt`; without, no request has one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Identity {
    /// Nobody: what asks for no user.
    Nobody,
    /// The user of a token that was verified.
    User {
        /// Which.
        user_id: String,
        /// When the token is over.
        expires_at: DateTime<Utc>,
    },
}

/// The caller of a request: an extractor.
///
/// With `AUTH=jwt`: the user of the token, whatever other headers say; a 401 where none was asked for. With `AUTH=local`: the header `X-User-ID` (1–128 printable ASCII characters), else [`LOCAL_USER`]. A header that is
/// empty, longer, not printable or given twice is a 400.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The user, as far as the headers say.
    pub user_id: String,
    said_so: bool,
    expires_at: Option<DateTime<Utc>>,
}

impl Caller {
    /// Gives a caller who said who they are, for calls that no request brought.
    pub fn named(user_id: impl Into<String>) -> Caller {
        Caller { user_id: user_id.into(), said_so: true, expires_at: None }
    }

    /// Gives when the caller's token is over, for what goes on after the answer has begun; `None` without tokens.
    pub fn expires_at(&self) -> Option<DateTime<Utc>> {
        self.expires_at
    }

    /// Gives the user of a request whose body may name one too.
    ///
    /// The body's `user_id` counts when the header is absent; with neither, it is [`LOCAL_USER`].
    ///
    /// # Errors
    /// 403 when body and header name different users; 422 naming `user_id` when the body's is not 1–128 printable
    /// ASCII characters.
    pub fn with_body_user(&self, body_user_id: Option<&str>) -> Result<String, Problem> {
        let Some(body_user_id) = body_user_id else { return Ok(self.user_id.clone()) };
        if !is_user_id(body_user_id) {
            let message = format!("must be 1 to {LONGEST_USER_ID} printable ASCII characters");
            return Err(Problem::validation(vec![FieldError::new("user_id", message)]));
        }
        if self.said_so && self.user_id != body_user_id {
            return Err(Problem::forbidden("the user_id of the body is not the caller"));
        }
        Ok(body_user_id.to_owned())
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Caller, Problem> {
        match parts.extensions.get() {
            Some(Identity::User { user_id, expires_at }) => {
                return Ok(Caller { expires_at: Some(*expires_at), ..Caller::named(user_id.clone()) });
            }
            Some(Identity::Nobody) => {
                return Err(Problem::new(
                    StatusCode::UNAUTHORIZED,
                    "Unauthorized",
                    "nobody is signed in here",
                ));
            }
            None => {}
        }
        match single(&parts.headers, USER_HEADER) {
            Single::Absent => Ok(Caller { user_id: LOCAL_USER.to_owned(), said_so: false, expires_at: None }),
            Single::Text(user_id) if is_user_id(user_id) => Ok(Caller::named(user_id)),
            Single::Text(_) | Single::Malformed => Err(Problem::bad_request(format!(
                "the header X-User-ID must be given once, with 1 to {LONGEST_USER_ID} printable ASCII characters"
            ))),
        }
    }
}

/// Says whether a text may be the name of a user.
pub(crate) fn is_user_id(user_id: &str) -> bool {
    (1..=LONGEST_USER_ID).contains(&user_id.len())
        && is_printable(user_id)
        && !user_id.starts_with(' ')
        && !user_id.ends_with(' ')
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    async fn caller(header: Option<&str>) -> Result<Caller, Problem> {
        let mut request = Request::new(());
        if let Some(header) = header {
            let value = header.as_bytes().try_into().expect("a header value");
            request.headers_mut().insert(USER_HEADER, value);
        }
        Caller::from_request_parts(&mut request.into_parts().0, &()).await
    }

    #[tokio::test]
    async fn the_header_names_the_user_and_its_absence_means_the_local_user() {
        assert_eq!(caller(Some("ayesha")).await.expect("a caller").user_id, "ayesha");
        assert_eq!(caller(None).await.expect("a caller").user_id, LOCAL_USER);
    }

    #[tokio::test]
    async fn s11_beside_a_token_the_header_says_nothing() {
        let expires_at = DateTime::from_timestamp(1_000, 0).expect("an instant");
        let amna = Identity::User { user_id: "amna".to_owned(), expires_at };
        for (identity, user_id) in [(amna, Some("amna")), (Identity::Nobody, None)] {
            let mut request = Request::new(());
            request.headers_mut().insert(USER_HEADER, "bilal".parse().expect("a header value"));
            request.extensions_mut().insert(identity);
            let caller = Caller::from_request_parts(&mut request.into_parts().0, &()).await;
            match user_id {
                Some(user_id) => {
                    let caller = caller.expect("a caller");
                    assert_eq!((&*caller.user_id, caller.expires_at()), (user_id, Some(expires_at)));
                }
                None => assert_eq!(caller.expect_err("a refusal").status(), 401),
            }
        }
    }

    #[tokio::test]
    async fn an_unusable_header_is_refused() {
        for header in ["", " ", &"x".repeat(129), "عائشہ"] {
            let problem = caller(Some(header)).await.expect_err("a refusal");
            assert_eq!(problem.status(), 400, "{header:?}");
        }
    }

    #[tokio::test]
    async fn the_body_names_the_user_unless_the_header_names_another() {
        let silent = caller(None).await.expect("a caller");
        assert_eq!(silent.with_body_user(Some("bilal")), Ok("bilal".to_owned()));
        assert_eq!(silent.with_body_user(None), Ok(LOCAL_USER.to_owned()));
        let ayesha = caller(Some("ayesha")).await.expect("a caller");
        assert_eq!(ayesha.with_body_user(Some("ayesha")), Ok("ayesha".to_owned()));
        assert_eq!(ayesha.with_body_user(Some("bilal")).expect_err("a refusal").status(), 403);
        assert_eq!(silent.with_body_user(Some("")).expect_err("a refusal").status(), 422);
    }
}
