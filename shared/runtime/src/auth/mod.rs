//! Who may call: with `AUTH=jwt`, who shows a token that an issuer signed for us.
//!
//! A token is a bearer token (RFC 6750) in the form of RFC 7519, checked as RFC 8725 wants it: the kind of the configured key decides
//! on the algorithm (EdDSA, ES256, RS256 of published keys, HS256 of a secret), keys come from the configured issuer alone, and issuer,
//! audience, times and type must be right. `sub` is the user.
//!
//! | request | answer |
//! |---|---|
//! | without `Authorization` | 401 |
//! | twice, another scheme, a token that is not believed | 401, `invalid_token` |
//! | the issuer's keys are not to be had | 503 with `Retry-After` |
//! | events or ticks with a user's token | 403 |

mod issuer;
mod key;
mod settings;
mod signing;
mod token;
mod verified;

use std::{fmt, sync::Arc};

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use sha2::{Digest as _, Sha256};

pub(crate) use settings::NAMES;
pub use settings::Settings;
pub use signing::{Signer, SigningKeys};

use self::{
    issuer::{Found, Issuer},
    key::{Key, KeySet},
    settings::Source,
    token::{Expected, Rejected, Unverified, Verified},
    verified::Remembered,
};
use crate::{clock::Clock, invocation::BroughtByHost, problem::Problem, user::Identity};

const REALM: &str = r#"Bearer realm="kaam""#;

/// Why a request is not let in.
#[derive(Debug)]
enum Denied {
    /// It shows nothing.
    Absent,
    /// What it shows can not be read, or is not believed.
    Invalid,
    /// The keys are not to be had; to be tried again after so many seconds.
    Away(u32),
}

/// Believes tokens, or does not.
pub(crate) struct Authenticator {
    users: Verifier,
    /// The digest of `EVENTS_TOKEN`: comparing digests takes as long whatever was guessed right.
    events_token: Option<[u8; 32]>,
    events: Option<Verifier>,
    /// Whether events need nothing to be shown: only this machine can reach the server, and nothing is configured.
    events_are_open: bool,
}

impl Authenticator {
    /// Prepares for what the settings say; nothing is fetched before the first token.
    pub(crate) fn new(settings: &Settings, is_loopback: bool, clock: &Clock) -> Authenticator {
        let verifier = |keys, expected: &Expected| Verifier {
            keys,
            expected: expected.clone(),
            clock: clock.clone(),
            remembered: Remembered::default(),
        };
        let published = |place: &issuer::Place, authorities| {
            Keys::Published(Issuer::new(place.clone(), authorities, clock.clone()))
        };
        let keys = match &settings.source {
            Source::Secret(secret) => Keys::Fixed(KeySet::new(vec![Key::secret(secret.reveal().as_bytes())])),
            Source::Own(keys) => Keys::Fixed(keys.key_set()),
            Source::Published(place) => published(place, None),
        };
        let events = settings.events.issuer.as_ref();
        let token = settings.events.token.as_ref();
        let events_are_open = is_loopback && !settings.guards_events();
        if !is_loopback && !settings.guards_events() {
            tracing::info!(
                "events and ticks over HTTP are refused: neither EVENTS_TOKEN nor EVENTS_ISSUER is set"
            );
        }
        Authenticator {
            users: verifier(keys, &settings.expected),
            events_token: token.map(|token| Sha256::digest(token.reveal()).into()),
            events: events.map(|(place, expected)| {
                verifier(published(place, settings.events.authorities.clone()), expected)
            }),
            events_are_open,
        }
    }

    /// Says whether events and ticks are taken from whoever is on this machine.
    pub(crate) fn events_are_open(&self) -> bool {
        self.events_are_open
    }

    /// Lets in who shows the token of a user, who is known from then on.
    pub(crate) async fn let_in_user(&self, request: &mut Request) -> Result<(), Response> {
        let verified = self.user(request.headers()).await.map_err(Denied::into_response)?;
        let expires_at = DateTime::from_timestamp(verified.expires_at, 0).unwrap_or(DateTime::<Utc>::MAX_UTC);
        request.extensions_mut().insert(Identity::User { user_id: verified.user_id, expires_at });
        Ok(())
    }

    /// Lets in what may bring events and ticks.
    pub(crate) async fn let_in_events(&self, request: &mut Request) -> Result<(), Response> {
        // Whoever may invoke a function of AWS Lambda with events was asked by AWS.
        if request.extensions().get::<BroughtByHost>().is_some() {
            return Ok(());
        }
        self.may_bring_events(request.headers()).await
    }

    async fn user(&self, headers: &HeaderMap) -> Result<Verified, Denied> {
        self.users.verify(bearer(headers)?).await
    }

    async fn may_bring_events(&self, headers: &HeaderMap) -> Result<(), Response> {
        let token = match bearer(headers) {
            Ok(token) => token,
            Err(Denied::Absent) if self.events_are_open => return Ok(()),
            Err(denied) => return Err(denied.into_response()),
        };
        let shown: [u8; 32] = Sha256::digest(token).into();
        if self.events_token == Some(shown) {
            return Ok(());
        }
        let as_event = match &self.events {
            None => Err(Denied::Invalid),
            Some(events) => events.verify(token).await.map(|_| ()),
        };
        match (as_event, self.users.verify(token).await) {
            (Ok(()), _) => Ok(()),
            (Err(_), Ok(_)) => {
                Err(Problem::forbidden("events and ticks are not for users to bring").into_response())
            }
            (Err(denied), Err(_)) => Err(denied.into_response()),
        }
    }
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticator").field("expected", &self.users.expected).finish_non_exhaustive()
    }
}

impl IntoResponse for Denied {
    fn into_response(self) -> Response {
        let unauthorized = |challenge, detail| {
            let mut response = Problem::new(StatusCode::UNAUTHORIZED, "Unauthorized", detail).into_response();
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
            response
        };
        match self {
            // Whoever showed nothing is told no error (RFC 6750 §3.1).
            Denied::Absent => unauthorized(HeaderValue::from_static(REALM), "a bearer token is needed"),
            Denied::Invalid => unauthorized(
                HeaderValue::from_static(r#"Bearer realm="kaam", error="invalid_token""#),
                "the bearer token is not valid here, or not any more",
            ),
            Denied::Away(seconds) => Problem::unavailable(seconds).into_response(),
        }
    }
}

/// Reads the one `Authorization`; its scheme is written in either case (RFC 9110 §11.1), and one space stands between. Of another
/// scheme, or of none, it shows no token.
fn bearer(headers: &HeaderMap) -> Result<&str, Denied> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next().ok_or(Denied::Absent)?;
    if values.next().is_some() {
        return Err(Denied::Invalid);
    }
    let (scheme, token) =
        value.to_str().ok().and_then(|value| value.split_once(' ')).ok_or(Denied::Absent)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Denied::Absent);
    }
    // RFC 6750 §2.1, b64token.
    let is_token = !token.is_empty()
        && token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte));
    if is_token { Ok(token) } else { Err(Denied::Invalid) }
}

enum Keys {
    Fixed(KeySet),
    Published(Arc<Issuer>),
}

/// Checks tokens of one issuer for one audience.
struct Verifier {
    keys: Keys,
    expected: Expected,
    clock: Clock,
    remembered: Remembered,
}

impl Verifier {
    async fn verify(&self, token: &str) -> Result<Verified, Denied> {
        let hash = verified::hash(token);
        // Old keys are asked for anew, so that one that was taken back is not believed for as long as its tokens are used.
        let edition = match &self.keys {
            Keys::Fixed(_) => Some(0),
            Keys::Published(issuer) => issuer.edition(),
        };
        let now = self.clock.now();
        if let Some(edition) = edition
            && let Some(verified) = self.remembered.find(&hash, edition, now.timestamp())
        {
            return Ok(verified);
        }
        let (verified, edition) = self.check(token).await?;
        self.remembered.put(hash, verified.clone(), edition);
        Ok(verified)
    }

    async fn check(&self, token: &str) -> Result<(Verified, u64), Denied> {
        let unverified = Unverified::parse(token).map_err(reject)?;
        let (algorithm, kid) = (unverified.algorithm, unverified.kid.as_deref());
        let (key, edition) = match &self.keys {
            Keys::Fixed(keys) => (keys.find(algorithm, kid).cloned(), 0),
            Keys::Published(_) if algorithm == key::Algorithm::Hs256 => {
                return Err(reject(Rejected::Algorithm));
            }
            Keys::Published(issuer) => match issuer.find(algorithm, kid).await {
                Found::Key(key, edition) => (Some(key), edition),
                Found::Nothing => (None, 0),
                Found::Away(seconds) => return Err(Denied::Away(seconds)),
            },
        };
        let key = key.ok_or_else(|| reject(Rejected::Key))?;
        let verified = unverified.verify(&key, &self.expected, self.clock.now()).map_err(reject)?;
        Ok((verified, edition))
    }
}

/// Gives the user of a token that is believed with the keys of a set; for `make fuzz`, by which alone `cfg(fuzzing)` is set.
#[cfg(fuzzing)]
pub fn user_by_key_set(
    set: &[u8],
    token: &str,
    issuer: &str,
    audience: &str,
    now: chrono::DateTime<chrono::Utc>,
) -> Option<String> {
    let keys = KeySet::parse(set)?;
    let unverified = Unverified::parse(token).ok()?;
    let key = keys.find(unverified.algorithm, unverified.kid.as_deref())?;
    let expected = Expected { issuer: issuer.to_owned(), audience: audience.to_owned() };
    unverified.verify(key, &expected, now).ok().map(|verified| verified.user_id)
}

fn reject(rejected: Rejected) -> Denied {
    tracing::info!(why = %rejected, "a token is refused");
    Denied::Invalid
}

#[cfg(test)]
mod tests;
