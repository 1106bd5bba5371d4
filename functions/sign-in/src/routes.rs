//! The operations.

use std::time::Duration;

use application::accounts::{Email, NewSession, Registration, Rotated, Rotation, Subject, caller, user};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use chrono::{DateTime, TimeDelta, Utc};
use domain::settings::Locale;
use domain::zone;
use runtime::address::ClientAddress;
use runtime::ask::cause;
use runtime::clock::{Stopwatch, new_id};
use runtime::json::JsonBody;
use runtime::problem::Problem;
use runtime::request::RequestContext;
use runtime::user::Caller;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::body::Fields;
use crate::password::Password;
use crate::refresh_token::RefreshToken;
use crate::{Desk, NAME, browser};

/// How long a refresh token is good.
const REFRESH: TimeDelta = TimeDelta::days(30);
/// How long a session goes on at most, however often it is refreshed.
const SESSION: TimeDelta = TimeDelta::days(365);
/// How long after its use a refresh token still gives the same next one.
const GRACE: TimeDelta = TimeDelta::seconds(10);
/// How long it takes to register after the hash, whoever has the address; several times as long as the work.
const REGISTERING: Duration = Duration::from_millis(400);

/// What somebody opens an account with.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes the body, which is read field by field")]
pub(crate) struct RegisterInput {
    /// One plain address; it becomes the address of the settings.
    email: String,
    /// 8–256 characters.
    #[schema(min_length = 8, max_length = 256)]
    password: String,
    /// An IANA name; absent: the default of new users.
    time_zone: Option<String>,
    /// `en-US`, `en-GB` or `ur-PK`.
    locale: Option<String>,
}

/// What somebody signs in with.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes the body, which is read field by field")]
pub(crate) struct SignInInput {
    email: String,
    password: String,
    /// Whether the refresh token goes into a cookie instead of the answer; for pages of this origin.
    cookie: Option<bool>,
}

/// A refresh token, or where it is.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes the body, which is read field by field")]
pub(crate) struct RefreshInput {
    /// The newest refresh token.
    refresh_token: Option<String>,
    /// Whether it is in the cookie; for pages of this origin.
    cookie: Option<bool>,
}

/// A new password.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes the body, which is read field by field")]
pub(crate) struct PasswordInput {
    current_password: String,
    /// 8–256 characters.
    #[schema(min_length = 8, max_length = 256)]
    new_password: String,
    /// The newest refresh token of the session that goes on; all others end.
    refresh_token: Option<String>,
    /// Whether it is in the cookie; for pages of this origin.
    cookie: Option<bool>,
}

/// Tokens.
#[derive(Serialize, ToSchema)]
pub(crate) struct Tokens {
    /// For `Authorization: Bearer`.
    access_token: String,
    /// `Bearer`.
    token_type: &'static str,
    /// How long the access token is good, in seconds.
    expires_in: i64,
    /// For the next one; absent when it is in the cookie.
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    /// Who is signed in.
    user_id: String,
}

/// What was done.
#[derive(Serialize, ToSchema)]
pub(crate) struct Done {
    /// `registered`, `signed_out` or `changed`.
    status: &'static str,
}

/// Opens an account
///
/// The answer does not tell whether somebody has the address already; then nothing is changed.
#[utoipa::path(
    post,
    path = "/auth/register",
    tag = "sign-in",
    request_body = RegisterInput,
    responses(
        (status = 200, description = "Whoever has no account by this address yet has one now", body = Done),
        (status = 429, description = "Too many from the same address of the network", headers(("Retry-After" = u32, description = "Seconds"))),
    )
)]
pub(crate) async fn register(
    State(desk): State<Desk>,
    context: RequestContext,
    address: ClientAddress,
    JsonBody(body, _): JsonBody,
) -> Result<Response, Problem> {
    let mut fields = Fields::of(&body, &["email", "password", "time_zone", "locale"]);
    let email = email(&mut fields);
    let chosen = fields.text("password");
    let password = fields.parse("password", desk.hasher.chosen(chosen, email.as_ref()).await?);
    let time_zone =
        fields.optional_text("time_zone").map(|name| zone::parse(name).map_err(|error| error.to_string()));
    let time_zone = time_zone.and_then(|parsed| fields.parse("time_zone", parsed));
    let locale = fields.optional_text("locale");
    let locale = locale.map(|tag| Locale::parse(tag).ok_or("must be \"en-US\", \"en-GB\" or \"ur-PK\""));
    let locale = locale.and_then(|parsed| fields.parse("locale", parsed));
    fields.finish()?;
    let (Some(email), Some(password)) = (email, password) else { return Err(Problem::internal()) };

    let now = desk.clock.now();
    desk.charge(&callers(address), now).await?;
    let password_hash = desk.hasher.hash(password).await?;
    // From here on: how long one waits for a turn at hashing is the same for everybody, and may be longer.
    let watch = Stopwatch::start();
    let cause = cause(&context, &new_id(now).to_string(), NAME, &desk.clock);
    desk.application.register(&cause, Registration { email, password_hash, time_zone, locale }).await?;
    // An account that is opened is more work than one that is there already, and nobody shall see it.
    tokio::time::sleep(REGISTERING.saturating_sub(watch.elapsed())).await;
    Ok(Json(Done { status: "registered" }).into_response())
}

/// Signs in
///
/// With `"cookie": true` a page of this origin gets the refresh token in a cookie that no script can read.
#[utoipa::path(
    post,
    path = "/auth/sign-in",
    tag = "sign-in",
    request_body = SignInInput,
    responses(
        (status = 200, description = "An access token for 10 minutes, and a refresh token for 30 days", body = Tokens),
        (status = 401, description = "The address or the password is wrong"),
        (status = 403, description = "A cookie was asked for by a page of another origin"),
        (status = 429, description = "Too many failures; wait", headers(("Retry-After" = u32, description = "Seconds"))),
    )
)]
pub(crate) async fn sign_in(
    State(desk): State<Desk>,
    context: RequestContext,
    address: ClientAddress,
    headers: HeaderMap,
    JsonBody(body, _): JsonBody,
) -> Result<Response, Problem> {
    let mut fields = Fields::of(&body, &["email", "password", "cookie"]);
    let email = email(&mut fields);
    let given = fields.text("password");
    let password = fields.parse("password", Password::given(given).ok_or("is too long"));
    let into_cookie = fields.is("cookie");
    fields.finish()?;
    let (Some(email), Some(password)) = (email, password) else { return Err(Problem::internal()) };
    if into_cookie {
        browser::check_origin(&headers)?;
    }

    let now = desk.clock.now();
    let (of_account, of_caller) = (email.subjects(address.network()), callers(address));
    desk.charge(&[&of_account[..], &of_caller].concat(), now).await?;
    let account = desk.application.account(&email).await?;
    let kept = account.as_ref().map(|account| account.password_hash.clone());
    let is_right = desk.hasher.is_right(password, kept).await?;
    // Nobody's failure is noted for somebody who never was.
    let user_id = account.as_ref().map(|account| account.user_id.clone());
    let cause = cause(&context, user_id.as_deref().unwrap_or_default(), NAME, &desk.clock);
    if let Some(account) = account.filter(|_| is_right)
        && let Ok(user) = account.user_id.parse()
    {
        let token = RefreshToken::first(user, new_id(now), &desk.signing.keys);
        let (session_id, token_hash) = (token.session_id, token.hash());
        let session = NewSession { session_id, token_hash, expires_at: now + REFRESH };
        let settled = (&of_account[..], &of_caller[..]);
        if desk.application.begin_session(&cause, &session, &account, settled).await? {
            return Ok(desk.tokens(&token, into_cookie, now));
        }
    }
    desk.application.sign_in_failed(&cause, &of_account[0], user_id.is_some()).await?;
    tracing::info!(is_known = user_id.is_some(), "a sign-in failed");
    Ok(unauthorized("the e-mail address or the password is wrong"))
}

/// Gives new tokens for a refresh token
///
/// A refresh token is good once. Used again within 10 seconds it gives the same next one; used again later it ends the session.
#[utoipa::path(
    post,
    path = "/auth/refresh",
    tag = "sign-in",
    request_body = RefreshInput,
    responses(
        (status = 200, description = "An access token, and the next refresh token", body = Tokens),
        (status = 401, description = "The refresh token is not good, or not any more"),
        (status = 403, description = "The cookie was used by a page of another origin"),
    )
)]
pub(crate) async fn refresh(
    State(desk): State<Desk>,
    context: RequestContext,
    headers: HeaderMap,
    JsonBody(body, _): JsonBody,
) -> Result<Response, Problem> {
    let (shown, from_cookie) = shown_token(&body, &headers)?;
    let now = desk.clock.now();
    let Some(token) = shown else { return Ok(over(from_cookie)) };
    let next = token.next(&desk.signing.keys);
    let cause = cause(&context, &token.user_id.to_string(), NAME, &desk.clock);
    let rotation = Rotation {
        user_id: cause.user_id.clone(),
        session_id: token.session_id,
        used: token.hash(),
        next: next.hash(),
        expires_at: now + REFRESH,
        grace: GRACE,
        not_before: now - SESSION,
        was_issued: token.was_issued(&desk.signing.keys),
    };
    match desk.application.rotate(&cause, &rotation).await? {
        Rotated::Yes => Ok(desk.tokens(&next, from_cookie, now)),
        Rotated::Unknown => Ok(over(from_cookie)),
        Rotated::Reused => {
            tracing::warn!(user_id = cause.user_id, "a refresh token was used twice; its session has ended");
            Ok(over(from_cookie))
        }
    }
}

/// Signs out
///
/// Ends the session of a refresh token, if there is one. Its access tokens are good until they expire.
#[utoipa::path(
    post,
    path = "/auth/sign-out",
    tag = "sign-in",
    request_body = RefreshInput,
    responses(
        (status = 200, description = "There is no such session, or no more", body = Done),
        (status = 403, description = "The cookie was used by a page of another origin"),
    )
)]
pub(crate) async fn sign_out(
    State(desk): State<Desk>,
    context: RequestContext,
    headers: HeaderMap,
    JsonBody(body, _): JsonBody,
) -> Result<Response, Problem> {
    let (shown, from_cookie) = shown_token(&body, &headers)?;
    if let Some(token) = shown {
        let cause = cause(&context, &token.user_id.to_string(), NAME, &desk.clock);
        desk.application.sign_out(&cause, token.session_id, &token.hash()).await?;
    }
    let response = Json(Done { status: "signed_out" }).into_response();
    Ok(if from_cookie { with_cookie(response, browser::forget()) } else { response })
}

/// Changes the password
///
/// Every session ends but the one whose refresh token is shown, if one is.
#[utoipa::path(
    post,
    path = "/auth/password",
    tag = "sign-in",
    request_body = PasswordInput,
    responses(
        (status = 200, description = "It is changed", body = Done),
        (status = 403, description = "The current password is wrong"),
        (status = 404, description = "The user has no account here"),
        (status = 409, description = "It was changed by another request at the same time"),
        (status = 429, description = "Too many failures; wait", headers(("Retry-After" = u32, description = "Seconds"))),
    )
)]
pub(crate) async fn change_password(
    State(desk): State<Desk>,
    context: RequestContext,
    who: Caller,
    headers: HeaderMap,
    JsonBody(body, _): JsonBody,
) -> Result<Json<Done>, Problem> {
    let mut fields = Fields::of(&body, &["current_password", "new_password", "refresh_token", "cookie"]);
    let settings = desk.application.fresh_settings(&who.user_id).await?;
    let email = settings.email.as_deref().and_then(Email::parse);
    let current = fields.text("current_password");
    let current = fields.parse("current_password", Password::given(current).ok_or("is too long"));
    let chosen = fields.text("new_password");
    let chosen = fields.parse("new_password", desk.hasher.chosen(chosen, email.as_ref()).await?);
    let (kept, _) = token_of(&mut fields, &headers)?;
    fields.finish()?;
    let (Some(current), Some(chosen)) = (current, chosen) else { return Err(Problem::internal()) };

    let now = desk.clock.now();
    let cause = cause(&context, &who.user_id, NAME, &desk.clock);
    let account = desk.application.account_of(&who.user_id).await?;
    let account = account.ok_or_else(|| Problem::not_found("this user has no account here"))?;
    let subject = user(&who.user_id);
    desk.charge(std::slice::from_ref(&subject), now).await?;
    if !desk.hasher.is_right(current, Some(account.password_hash.clone())).await? {
        desk.application.sign_in_failed(&cause, &subject, true).await?;
        return Err(Problem::forbidden("the current password is wrong"));
    }
    let hash = desk.hasher.hash(chosen).await?;
    let kept = kept.filter(|token| token.user_id.to_string() == who.user_id);
    let kept = kept.map(|token| (token.session_id, token.hash()));
    if desk.application.change_password(&cause, &account, &hash, kept).await? {
        Ok(Json(Done { status: "changed" }))
    } else {
        Err(Problem::conflict("the password was changed by another request at the same time"))
    }
}

/// Gives the keys that access tokens are signed with
///
/// A JSON Web Key Set (RFC 7517); for `JWT_JWKS_URL`.
#[utoipa::path(
    get,
    path = "/.well-known/jwks.json",
    tag = "sign-in",
    operation_id = "signing_keys",
    responses((status = 200, description = "The public keys", body = Value))
)]
pub(crate) async fn keys(State(desk): State<Desk>) -> Response {
    let headers = [(header::CACHE_CONTROL, "public, max-age=600")];
    (headers, Json(desk.signing.keys.published())).into_response()
}

impl Desk {
    /// Counts an attempt.
    ///
    /// # Errors
    /// 429 for who has to wait.
    async fn charge(&self, subjects: &[Subject], now: DateTime<Utc>) -> Result<(), Problem> {
        if subjects.is_empty() {
            return Ok(());
        }
        match self.application.charge_attempt(new_id(now), subjects, now).await? {
            None => Ok(()),
            Some(seconds) => Err(Problem::too_many_requests("too many attempts, try again later", seconds)),
        }
    }

    fn tokens(&self, refresh: &RefreshToken, into_cookie: bool, now: DateTime<Utc>) -> Response {
        let user_id = refresh.user_id.to_string();
        let signer = &self.signing.signer;
        let tokens = Tokens {
            access_token: signer.sign(&user_id, new_id(now), now),
            token_type: "Bearer",
            expires_in: signer.lifetime().num_seconds(),
            refresh_token: (!into_cookie).then(|| refresh.text()),
            user_id,
        };
        let response = ([(header::CACHE_CONTROL, "no-store")], Json(tokens)).into_response();
        if into_cookie { with_cookie(response, browser::keep(&refresh.text(), REFRESH)) } else { response }
    }
}

fn email(fields: &mut Fields) -> Option<Email> {
    let text = fields.text("email");
    fields.parse("email", Email::parse(text).ok_or("must be one e-mail address, such as amna@example.org"))
}

/// Gives the network that tries, where that is known.
fn callers(address: ClientAddress) -> Vec<Subject> {
    address.network().map(caller).into_iter().collect()
}

fn shown_token(body: &Value, headers: &HeaderMap) -> Result<(Option<RefreshToken>, bool), Problem> {
    let mut fields = Fields::of(body, &["refresh_token", "cookie"]);
    let is_given = body.get("refresh_token").is_some_and(|token| !token.is_null());
    let token = token_of(&mut fields, headers);
    if !is_given && !matches!(token, Ok((_, true))) && token.is_ok() {
        fields.text("refresh_token");
    }
    fields.finish()?;
    token
}

/// Gives the refresh token of the body or of the cookie, and whether the cookie is meant; what is none of ours is none.
fn token_of(fields: &mut Fields, headers: &HeaderMap) -> Result<(Option<RefreshToken>, bool), Problem> {
    let given = fields.optional_text("refresh_token");
    if fields.is("cookie") {
        browser::check_origin(headers)?;
        return Ok((browser::cookie(headers).and_then(RefreshToken::parse), true));
    }
    Ok((given.and_then(RefreshToken::parse), false))
}

/// Says that a session is over.
fn over(from_cookie: bool) -> Response {
    let response = unauthorized("the refresh token is not good, or not any more; sign in again");
    if from_cookie { with_cookie(response, browser::forget()) } else { response }
}

fn unauthorized(detail: &'static str) -> Response {
    let mut response = Problem::new(StatusCode::UNAUTHORIZED, "Unauthorized", detail).into_response();
    let challenge = HeaderValue::from_static(r#"Bearer realm="kaam""#);
    response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    response
}

fn with_cookie(mut response: Response, cookie: HeaderValue) -> Response {
    response.headers_mut().append(header::SET_COOKIE, cookie);
    response
}
