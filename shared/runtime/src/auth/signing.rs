//! The key that sign-in signs access tokens with, and what it publishes of it.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use chrono::{DateTime, TimeDelta, Utc};
use ring::{
    hmac,
    rand::SystemRandom,
    signature::{Ed25519KeyPair, KeyPair as _},
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{
    key::{Key, KeySet},
    token::Expected,
};
use crate::config::{ConfigError, Environment, Secret};

const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";
const ALLOWED: &str = "an Ed25519 key in PEM (PKCS #8), as `openssl genpkey -algorithm ed25519` makes it";

/// `SIGNING_KEY`, an Ed25519 key in PEM, and `SIGNING_KEY_PREVIOUS`, whose tokens are still believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningKeys {
    newest: Secret,
    previous: Option<Secret>,
}

impl SigningKeys {
    /// Reads the keys; `None` without `SIGNING_KEY`.
    ///
    /// # Errors
    /// The variable whose key can not be read.
    pub fn from_environment(environment: &Environment) -> Result<Option<SigningKeys>, ConfigError> {
        let key = |name: &str| match environment.get(name)? {
            None => Ok(None),
            Some(pem) if pair(&pem).is_some() => Ok(Some(Secret::new(pem))),
            Some(_) => Err(ConfigError::InvalidSecret { name: name.to_owned(), allowed: ALLOWED.to_owned() }),
        };
        let (newest, previous) = (key("SIGNING_KEY")?, key("SIGNING_KEY_PREVIOUS")?);
        Ok(newest.map(|newest| SigningKeys { newest, previous }))
    }

    /// Makes a new key, in PEM.
    ///
    /// # Panics
    /// When the system has no randomness to give, which a running system always has.
    pub fn generate() -> String {
        let der = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).expect("the system gives randomness");
        format!("{BEGIN}\n{}\n{END}\n", STANDARD.encode(der))
    }

    /// Gives the public keys as a JSON Web Key Set (RFC 7517, RFC 8037).
    pub fn published(&self) -> Value {
        let keys: Vec<_> = self
            .pairs()
            .iter()
            .map(|pair| {
                let public = pair.public_key().as_ref();
                json!({"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": kid(public),
                       "x": URL_SAFE_NO_PAD.encode(public)})
            })
            .collect();
        json!({ "keys": keys })
    }

    pub(super) fn key_set(&self) -> KeySet {
        let key = |pair: &Ed25519KeyPair| {
            let public = pair.public_key().as_ref();
            Key::ed25519(kid(public), public)
        };
        KeySet::new(self.pairs().iter().map(key).collect())
    }

    /// The newest first.
    fn pairs(&self) -> Vec<Ed25519KeyPair> {
        let texts = std::iter::once(&self.newest).chain(&self.previous);
        texts.map(|pem| pair(pem.reveal()).expect("it was read before")).collect()
    }
}

/// Makes access tokens (RFC 9068).
pub struct Signer {
    pair: Ed25519KeyPair,
    kid: String,
    expected: Expected,
    lifetime: TimeDelta,
}

impl Signer {
    /// Takes the keys, who makes the tokens, for whom, and how long they are good.
    pub fn new(keys: &SigningKeys, issuer: &str, audience: &str, lifetime: TimeDelta) -> Signer {
        let pair = keys.pairs().remove(0);
        let kid = kid(pair.public_key().as_ref());
        let expected = Expected { issuer: issuer.to_owned(), audience: audience.to_owned() };
        Signer { pair, kid, expected, lifetime }
    }

    /// Gives how long a token is good.
    pub fn lifetime(&self) -> TimeDelta {
        self.lifetime
    }

    /// Makes a token for a user.
    pub fn sign(&self, user_id: &str, id: Uuid, now: DateTime<Utc>) -> String {
        let header = json!({"alg": "EdDSA", "typ": "at+jwt", "kid": self.kid});
        let claims = json!({
            "iss": self.expected.issuer, "aud": self.expected.audience, "sub": user_id, "jti": id,
            "iat": now.timestamp(), "exp": (now + self.lifetime).timestamp(),
        });
        let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
        let signed = format!("{}.{}", encode(&header), encode(&claims));
        let signature = self.pair.sign(signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signer").field("kid", &self.kid).finish_non_exhaustive()
    }
}

impl SigningKeys {
    /// Gives 32 bytes that only who has the key can compute for a message and a purpose.
    pub fn derive(&self, purpose: &str, message: &[u8]) -> [u8; 32] {
        derive(&self.newest, purpose, message)
    }

    /// Tells whether bytes are the first of those that one of the keys gives for a message and a purpose.
    pub fn has_derived(&self, purpose: &str, message: &[u8], first: &[u8]) -> bool {
        [Some(&self.newest), self.previous.as_ref()].into_iter().flatten().any(|key| {
            let derived = derive(key, purpose, message);
            // Of hashes, so that how long it takes tells nothing.
            derived.get(..first.len()).is_some_and(|derived| Sha256::digest(derived) == Sha256::digest(first))
        })
    }
}

fn derive(key: &Secret, purpose: &str, message: &[u8]) -> [u8; 32] {
    let der = der(key.reveal()).expect("it was read before");
    let key = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &der), purpose.as_bytes());
    let derived = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.as_ref()), message);
    derived.as_ref().try_into().expect("SHA-256 has 32 bytes")
}

fn pair(pem: &str) -> Option<Ed25519KeyPair> {
    Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der(pem)?).ok()
}

/// Reads PEM (RFC 7468 §10); a variable that could not hold line ends may have spaces, or `\n`, for them.
fn der(pem: &str) -> Option<Vec<u8>> {
    let (_, rest) = pem.split_once(BEGIN)?;
    let (text, _) = rest.split_once(END)?;
    let text: String = text.replace("\\n", "").chars().filter(|c| !c.is_ascii_whitespace()).collect();
    STANDARD.decode(text).ok()
}

/// Names a key by itself: the thumbprint of RFC 7638 as RFC 8037 §2 has it.
fn kid(public: &[u8]) -> String {
    let members = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, URL_SAFE_NO_PAD.encode(public));
    URL_SAFE_NO_PAD.encode(Sha256::digest(members))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By `openssl genpkey -algorithm ed25519`; RFC 8410 §10.3.
    const OPENSSL: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END PRIVATE KEY-----\n";

    fn keys(pairs: &[(&str, &str)]) -> Result<Option<SigningKeys>, String> {
        let environment = Environment::from_pairs(pairs.iter().copied());
        SigningKeys::from_environment(&environment).map_err(|error| error.to_string())
    }

    #[test]
    fn a_key_is_pem_with_or_without_its_public_half() {
        let made = SigningKeys::generate();
        let one_line = OPENSSL.replace('\n', "\\n");
        for pem in [made.as_str(), OPENSSL, &one_line, &OPENSSL.replace('\n', " ")] {
            let published = keys(&[("SIGNING_KEY", pem)]).expect("a key").expect("it is set").published();
            assert_eq!(published["keys"].as_array().map(Vec::len), Some(1), "{published}");
        }
        let public = keys(&[("SIGNING_KEY", OPENSSL)]).expect("a key").expect("it is set").published();
        // RFC 8410 §10.1.
        assert_eq!(public["keys"][0]["x"], "Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE");
        assert!(public["keys"][0]["d"].is_null());
    }

    #[test]
    fn what_is_no_key_is_named_and_not_shown() {
        assert_eq!(keys(&[]), Ok(None));
        for (name, value) in [("SIGNING_KEY", "hunter2"), ("SIGNING_KEY_PREVIOUS", "hunter2")] {
            let said = keys(&[(name, value)]).expect_err("no key");
            assert!(said.starts_with(name) && !said.contains("hunter2"), "{said}");
        }
        let both = keys(&[("SIGNING_KEY", OPENSSL), ("SIGNING_KEY_PREVIOUS", &SigningKeys::generate())]);
        let both = both.expect("keys").expect("they are set");
        assert_eq!(both.published()["keys"].as_array().map(Vec::len), Some(2));
        assert!(!format!("{both:?}").contains("MC4C"));
    }

    #[test]
    fn a_kid_is_the_thumbprint_of_the_key() {
        // RFC 8037 appendix A.3.
        let public =
            URL_SAFE_NO_PAD.decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo").expect("base64url");
        assert_eq!(kid(&public), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }
}
