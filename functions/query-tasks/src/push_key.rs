//! What a browser needs before it can be notified.

use std::str::FromStr;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use runtime::config::{ConfigError, Environment};
use serde::Serialize;
use utoipa::ToSchema;

/// An uncompressed point of the curve P-256 (SEC 1 §2.3.3).
const POINT: (usize, u8) = (65, 4);

/// The key that browsers subscribe with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct PushKey {
    /// The `applicationServerKey` of `PushManager.subscribe()`, in base64url (RFC 8292 §3.2). Null: this Kaam sends no notifications.
    #[schema(
        example = "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8"
    )]
    public_key: Option<String>,
}

impl PushKey {
    /// Takes the key of those who send notifications in the same process.
    pub fn new(public_key: Option<&str>) -> Self {
        Self { public_key: public_key.map(str::to_owned) }
    }

    /// Reads `VAPID_PUBLIC_KEY`; without it there are no notifications.
    ///
    /// # Errors
    /// What is no public key of the curve P-256. It is not shown: it may be the private one.
    pub fn from_environment(environment: &Environment) -> Result<Self, ConfigError> {
        let allowed =
            "a public key of the curve P-256: 65 bytes in base64url, as `backend push-keys` prints it";
        Ok(environment.parse_secret("VAPID_PUBLIC_KEY", allowed)?.unwrap_or_default())
    }
}

/// A text that is no public key.
#[derive(Debug)]
pub struct NoKey;

impl FromStr for PushKey {
    type Err = NoKey;

    fn from_str(text: &str) -> Result<Self, NoKey> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| NoKey)?;
        let is_point = (bytes.len(), bytes.first().copied()) == (POINT.0, Some(POINT.1));
        is_point.then(|| Self::new(Some(text))).ok_or(NoKey)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_65_bytes_in_base64url_and_what_is_none_is_not_shown() {
        let public =
            "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8";
        let read = |pairs: &[(&str, &str)]| {
            PushKey::from_environment(&Environment::from_pairs(pairs.iter().copied()))
        };
        assert_eq!(read(&[]).expect("none").public_key, None);
        assert_eq!(read(&[("VAPID_PUBLIC_KEY", public)]).expect("a key").public_key.as_deref(), Some(public));
        let private = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw";
        for text in [private, &public[2..], &format!("A{}", &public[1..])] {
            let error = read(&[("VAPID_PUBLIC_KEY", text)]).expect_err(text).to_string();
            assert!(error.contains("VAPID_PUBLIC_KEY") && !error.contains(text), "{error}");
        }
    }
}
