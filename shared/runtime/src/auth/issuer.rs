//! The keys of an issuer, fetched when the first token comes and kept up to date.
//!
//! | when | what |
//! |---|---|
//! | nothing was fetched yet | the first request fetches, all others wait for that; when the issuer is away: 503 |
//! | the keys are fresh (`Cache-Control: max-age`, within 1 min and 1 h; 10 min without) | nobody is asked |
//! | they are older | one request fetches, all others go on with the old ones, for 24 h if the issuer stays away |
//! | a token names a key that is not known | one request fetches, at most once in 10 s for all together |

use std::{
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use axum::http::{HeaderMap, Request, Uri, header};
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use http_body_util::Full;
use serde_json::Value;
use tokio::sync::OwnedMutexGuard;

use super::key::{Algorithm, Key, KeySet};
use crate::{
    address::is_local,
    clock::Clock,
    http_client::{Authorities, HttpClient, Reach},
};

/// How long a fetch may take, discovery and keys each.
const DEADLINE: Duration = Duration::from_secs(5);
/// The longest answer that is read, in bytes.
const LONGEST_ANSWER: usize = 128 * 1024;
/// How long keys are fresh when the issuer does not say, and what it may say.
const FRESH: TimeDelta = TimeDelta::minutes(10);
const FRESH_AT_LEAST: TimeDelta = TimeDelta::minutes(1);
const FRESH_AT_MOST: TimeDelta = TimeDelta::hours(1);
/// How long keys are used while the issuer is away.
const KEPT: TimeDelta = TimeDelta::hours(24);
/// How long to wait between two fetches, and between two while there is no key at all.
const PAUSE: TimeDelta = TimeDelta::seconds(10);
const FIRST_PAUSE: TimeDelta = TimeDelta::seconds(1);

/// Where keys are published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// At a URL of their own: `JWT_JWKS_URL`.
    KeySet(Uri),
    /// Where the issuer's own document says (OpenID Connect Discovery 1.0 §4): `OIDC_ISSUER`.
    Discovered(String),
}

/// An issuer, and what is known of its keys.
pub(super) struct Issuer {
    place: Place,
    /// Whose certificates it may have beside those of the web.
    authorities: Option<Authorities>,
    clock: Clock,
    client: OnceLock<HttpClient>,
    known: Mutex<Known>,
    /// Held by whoever fetches.
    flight: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Default)]
struct Known {
    keys: Option<Fetched>,
    tried_at: Option<DateTime<Utc>>,
    has_failed: bool,
}

struct Fetched {
    keys: KeySet,
    text: Bytes,
    /// Another number for other keys.
    edition: u64,
    at: DateTime<Utc>,
    fresh_until: DateTime<Utc>,
}

/// What became of the search for a key.
pub(super) enum Found {
    /// This one, of the keys of this edition.
    Key(Key, u64),
    /// The issuer has no such key.
    Nothing,
    /// Nobody can tell before so many seconds have passed.
    Away(u32),
}

impl Issuer {
    /// Prepares an issuer; nothing is asked yet.
    pub(super) fn new(place: Place, authorities: Option<Authorities>, clock: Clock) -> Arc<Issuer> {
        let flight = Arc::default();
        let client = OnceLock::new();
        Arc::new(Issuer { place, authorities, clock, client, known: Mutex::default(), flight })
    }

    /// Gives the edition of the keys while they are fresh.
    pub(super) fn edition(&self) -> Option<u64> {
        let now = self.clock.now();
        self.known().keys.as_ref().filter(|fetched| now < fetched.fresh_until).map(|fetched| fetched.edition)
    }

    /// Gives a key, after fetching where that is called for.
    pub(super) async fn find(self: &Arc<Issuer>, algorithm: Algorithm, kid: Option<&str>) -> Found {
        let known = self.look(algorithm, kid);
        let is_fresh = self.edition().is_some();
        let flight = match &known {
            Some(_) if is_fresh => None,
            // The old key will do for everybody but whoever fetches.
            Some(_) => Arc::clone(&self.flight).try_lock_owned().ok(),
            None => Some(Arc::clone(&self.flight).lock_owned().await),
        };
        let Some(flight) = flight else { return self.give(known) };
        // Somebody else may have fetched meanwhile.
        let known = self.look(algorithm, kid);
        if (known.is_some() && self.edition().is_some()) || !self.may_fetch() {
            return self.give(known);
        }
        self.fetch_to_the_end(flight).await;
        self.give(self.look(algorithm, kid))
    }

    fn give(&self, found: Option<(Key, u64)>) -> Found {
        let known = self.known();
        match found {
            Some((key, edition)) => Found::Key(key, edition),
            None if known.keys.is_some() && !known.has_failed => Found::Nothing,
            None => {
                let pause = if known.keys.is_some() { PAUSE } else { FIRST_PAUSE };
                let left = known.tried_at.map_or(pause, |tried_at| tried_at + pause - self.clock.now());
                Found::Away(u32::try_from(left.num_seconds()).unwrap_or(0).max(1))
            }
        }
    }

    fn look(&self, algorithm: Algorithm, kid: Option<&str>) -> Option<(Key, u64)> {
        let mut known = self.known();
        let now = self.clock.now();
        if known.keys.as_ref().is_some_and(|fetched| now >= fetched.at + KEPT) {
            known.keys = None;
        }
        let fetched = known.keys.as_ref()?;
        Some((fetched.keys.find(algorithm, kid)?.clone(), fetched.edition))
    }

    fn may_fetch(&self) -> bool {
        let known = self.known();
        let pause = if known.keys.is_some() { PAUSE } else { FIRST_PAUSE };
        known.tried_at.is_none_or(|tried_at| self.clock.now() >= tried_at + pause)
    }

    /// Fetches, also when whoever asked goes away in the middle of it.
    async fn fetch_to_the_end(self: &Arc<Issuer>, flight: OwnedMutexGuard<()>) {
        let issuer = Arc::clone(self);
        let fetched = tokio::spawn(async move {
            let _flight = flight;
            issuer.known().tried_at = Some(issuer.clock.now());
            let outcome = issuer.fetch().await;
            issuer.keep(outcome);
        });
        // A panic has been told, and leaves what was known.
        let _ = fetched.await;
    }

    fn keep(&self, outcome: Result<(KeySet, Bytes, TimeDelta), String>) {
        let now = self.clock.now();
        let mut known = self.known();
        known.has_failed = outcome.is_err();
        match outcome {
            Ok((keys, text, fresh)) => {
                let edition = match &known.keys {
                    Some(before) if before.text == text => before.edition,
                    Some(before) => before.edition + 1,
                    None => known.tried_at.map_or(1, |at| at.timestamp().unsigned_abs()),
                };
                known.keys = Some(Fetched { keys, text, edition, at: now, fresh_until: now + fresh });
            }
            Err(error) => {
                tracing::warn!(error, place = %self.place(), "the keys of the issuer are not to be had")
            }
        }
    }

    async fn fetch(&self) -> Result<(KeySet, Bytes, TimeDelta), String> {
        let place = match &self.place {
            Place::KeySet(uri) => uri.clone(),
            Place::Discovered(issuer) => self.discover(issuer).await?,
        };
        let (headers, body) = self.get(place).await?;
        let keys = KeySet::parse(&body).ok_or("what is there is no JSON Web Key Set")?;
        Ok((keys, body, freshness(&headers)))
    }

    async fn discover(&self, issuer: &str) -> Result<Uri, String> {
        let place = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        let (_, body) = self.get(place.parse().map_err(|_| "the issuer is no URL")?).await?;
        let document: Value =
            serde_json::from_slice(&body).map_err(|_| "the issuer's document is no JSON")?;
        let text = |name: &str| document.get(name).and_then(Value::as_str);
        // Whoever answers there must say that it is who we asked for (§4.3).
        if text("issuer") != Some(issuer) {
            return Err("the document names another issuer".to_owned());
        }
        let keys = text("jwks_uri").and_then(key_place);
        keys.ok_or_else(|| "the jwks_uri of the document is no https URL".to_owned())
    }

    async fn get(&self, uri: Uri) -> Result<(HeaderMap, Bytes), String> {
        let client = match self.client.get() {
            Some(client) => client,
            None => {
                let authorities = self.authorities.as_ref();
                let client = HttpClient::trusting(authorities, Reach::Anywhere, DEADLINE, LONGEST_ANSWER);
                let client = client.map_err(|error| error.to_string())?;
                self.client.get_or_init(|| client)
            }
        };
        let request = Request::get(uri).header(header::ACCEPT, "application/json").body(Full::default());
        let answer = client.send(request.map_err(|error| error.to_string())?).await?;
        if answer.status != axum::http::StatusCode::OK {
            return Err(format!("the answer was {}", answer.status.as_u16()));
        }
        Ok((answer.headers, answer.body))
    }

    fn place(&self) -> String {
        match &self.place {
            Place::KeySet(uri) => uri.to_string(),
            Place::Discovered(issuer) => issuer.clone(),
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads a URL that keys may be fetched from: https, or http on this machine.
pub(super) fn key_place(text: &str) -> Option<Uri> {
    let uri: Uri = text.parse().ok()?;
    let host = uri.host()?;
    let has_user = uri.authority().is_some_and(|authority| authority.as_str().contains('@'));
    let is_sound = match uri.scheme_str() {
        Some("https") => true,
        Some("http") => is_local(host),
        _ => false,
    };
    (is_sound && !has_user).then_some(uri)
}

/// Reads how long an answer may be kept (RFC 9111 §5.2.2), within bounds.
fn freshness(headers: &HeaderMap) -> TimeDelta {
    let said = headers.get_all(header::CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
    let mut directives = said.flat_map(|value| value.split(',')).map(str::trim);
    let seconds = directives.find_map(|directive| {
        let (name, value) = directive.split_once('=').unwrap_or((directive, "0"));
        match name.to_ascii_lowercase().as_str() {
            "max-age" => value.trim_matches('"').parse::<u32>().ok(),
            "no-store" | "no-cache" => Some(0),
            _ => None,
        }
    });
    let fresh = seconds.map_or(FRESH, |seconds| TimeDelta::seconds(i64::from(seconds)));
    fresh.clamp(FRESH_AT_LEAST, FRESH_AT_MOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_fetched_over_https_or_from_this_machine() {
        for text in [
            "https://id.example.org/keys",
            "http://127.0.0.1:8080/keys",
            "http://localhost/keys",
            "http://[::1]:1/k",
        ] {
            assert!(key_place(text).is_some(), "{text}");
        }
        for text in [
            "http://id.example.org/keys",
            "http://localhost.example.org/",
            "ftp://127.0.0.1/",
            "/keys",
            "https://u@id.example.org/",
            "",
        ] {
            assert!(key_place(text).is_none(), "{text}");
        }
    }

    #[test]
    fn an_issuer_says_within_bounds_how_long_its_keys_are_fresh() {
        for (said, seconds) in [
            (None, 600),
            (Some("max-age=300"), 300),
            (Some("public, max-age=86400"), 3_600),
            (Some("max-age=0"), 60),
            (Some("no-store"), 60),
            (Some("max-age=soon"), 600),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(said) = said {
                headers.insert(header::CACHE_CONTROL, said.parse().expect("a header value"));
            }
            assert_eq!(freshness(&headers), TimeDelta::seconds(seconds), "{said:?}");
        }
    }
}
