//! Who sends: a signed token for each push service (RFC 8292).

use std::str::FromStr;

use base64::Engine;
use chrono::{DateTime, TimeDelta, Utc};
use p256::ecdsa::signature::Signer;
use p256::ecdsa::{Signature, SigningKey};
use runtime::clock::random;
use runtime::config::{ConfigError, Environment};
use serde_json::json;

use super::encryption::BASE64URL;

/// How long a token is good for; RFC 8292 §2 allows 24 hours.
const LIFETIME: TimeDelta = TimeDelta::hours(12);

/// The key that push services know Kaam by.
#[derive(Clone)]
pub struct VapidKey {
    key: SigningKey,
    public_key: String,
}

/// A text that is no private key of the curve P-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoKey;

impl FromStr for VapidKey {
    type Err = NoKey;

    /// Reads the 32 bytes of the private key in base64url.
    fn from_str(text: &str) -> Result<Self, NoKey> {
        let bytes = BASE64URL.decode(text).map_err(|_| NoKey)?;
        let key = SigningKey::from_slice(&bytes).map_err(|_| NoKey)?;
        let public_key = BASE64URL.encode(key.verifying_key().to_sec1_point(false).as_bytes());
        Ok(Self { key, public_key })
    }
}

impl VapidKey {
    /// Gives a new private key, 32 bytes in base64url.
    pub fn generate() -> String {
        loop {
            let bytes = random::<32>();
            // All but one of some billions are a key.
            if SigningKey::from_slice(&bytes).is_ok() {
                return BASE64URL.encode(bytes);
            }
        }
    }

    /// Reads `VAPID_PRIVATE_KEY`.
    ///
    /// # Errors
    /// What is no key; it is not shown.
    pub fn from_environment(environment: &Environment) -> Result<Option<Self>, ConfigError> {
        environment
            .parse_secret("VAPID_PRIVATE_KEY", "a private key of the curve P-256: 32 bytes in base64url")
    }

    /// Gives the public key, uncompressed and in base64url: the `applicationServerKey` of a page that subscribes.
    pub fn public_key(&self) -> &str {
        &self.public_key
    }

    /// Gives the value of `Authorization` for the push service at `origin`; `subject` is whom to ask, a `mailto:` or `https:` URL.
    pub(super) fn authorization(&self, origin: &str, subject: &str, now: DateTime<Utc>) -> String {
        let claims = json!({"aud": origin, "exp": (now + LIFETIME).timestamp(), "sub": subject});
        let header = json!({"typ": "JWT", "alg": "ES256"});
        let encode = |part: &serde_json::Value| BASE64URL.encode(part.to_string());
        let signed = format!("{}.{}", encode(&header), encode(&claims));
        let signature: Signature = self.key.sign(signed.as_bytes());
        format!("vapid t={signed}.{}, k={}", BASE64URL.encode(signature.to_bytes()), self.public_key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_32_bytes_in_base64url_with_or_without_padding() {
        let key: VapidKey = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw=".parse().expect("a key");
        let public =
            "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8";
        assert_eq!(key.public_key(), public);
        let zero = "A".repeat(43);
        for text in ["", "yfWPiYE", zero.as_str(), "yfWPiYE+n46HLnH0KqZOF1fJJU3MYrct3AELtAQ+oRw", public] {
            assert!(text.parse::<VapidKey>().is_err(), "{text:?}");
        }
    }
}
