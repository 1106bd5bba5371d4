//! Keys that signatures are checked with, and the algorithm that each is for.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    hmac,
    signature::{ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey},
};
use serde_json::Value;

/// The most keys of a set that are looked at; issuers have two or three.
const MOST_KEYS: usize = 100;
/// The smallest modulus of RSA, in bits (RFC 7518 §3.3).
const SMALLEST_RSA: usize = 2048;

/// How a token is signed. There is no other, and no `none`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Algorithm {
    /// Ed25519 (RFC 8037).
    EdDsa,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// RSA with PKCS #1 1.5 and SHA-256.
    Rs256,
    /// HMAC with SHA-256.
    Hs256,
}

impl Algorithm {
    /// Reads the name that a token or a key gives.
    pub(super) fn parse(name: &str) -> Option<Algorithm> {
        match name {
            "EdDSA" => Some(Algorithm::EdDsa),
            "ES256" => Some(Algorithm::Es256),
            "RS256" => Some(Algorithm::Rs256),
            "HS256" => Some(Algorithm::Hs256),
            _ => None,
        }
    }
}

/// A key. What it is decides which algorithm it is for, whatever a token says.
#[derive(Clone)]
pub(super) struct Key {
    kid: Option<String>,
    material: Material,
}

#[derive(Clone)]
enum Material {
    Ed25519(Vec<u8>),
    P256(Vec<u8>),
    Rsa { n: Vec<u8>, e: Vec<u8> },
    Secret(Box<hmac::Key>),
}

impl Key {
    /// Makes the key that both sides share.
    pub(super) fn secret(secret: &[u8]) -> Key {
        Key { kid: None, material: Material::Secret(Box::new(hmac::Key::new(hmac::HMAC_SHA256, secret))) }
    }

    /// Makes a public key of Ed25519.
    pub(super) fn ed25519(kid: String, public: &[u8]) -> Key {
        Key { kid: Some(kid), material: Material::Ed25519(public.to_vec()) }
    }

    /// Reads a public key of a set (RFC 7517); `None` for one that is of no use here: another type, for encryption, too short, or a
    /// secret, which nobody publishes.
    fn from_jwk(jwk: &Value) -> Option<Key> {
        let text = |name: &str| jwk.get(name).and_then(Value::as_str);
        let bytes = |name: &str| URL_SAFE_NO_PAD.decode(text(name)?).ok();
        let is_for_signatures = text("use").is_none_or(|usage| usage == "sig")
            && jwk.get("key_ops").is_none_or(|operations| {
                operations.as_array().is_some_and(|all| all.iter().any(|one| one == "verify"))
            });
        let material = match (text("kty")?, text("crv")) {
            ("OKP", Some("Ed25519")) => Material::Ed25519(bytes("x").filter(|x| x.len() == 32)?),
            ("EC", Some("P-256")) => {
                let coordinate = |name| bytes(name).filter(|bytes| bytes.len() == 32);
                // Uncompressed (SEC 1 §2.3.3).
                Material::P256([vec![4], coordinate("x")?, coordinate("y")?].concat())
            }
            ("RSA", _) => {
                let (n, e) = (number(bytes("n")?), number(bytes("e")?));
                Material::Rsa { n: Some(n).filter(|n| bits(n) >= SMALLEST_RSA)?, e }
            }
            _ => return None,
        };
        let kid = match jwk.get("kid") {
            None => None,
            Some(kid) => Some(kid.as_str()?.to_owned()),
        };
        let key = Key { kid, material };
        let is_meant = match jwk.get("alg") {
            None => true,
            Some(name) => name.as_str().and_then(Algorithm::parse) == Some(key.algorithm()),
        };
        (is_for_signatures && is_meant).then_some(key)
    }

    /// Gives the one algorithm that the key is for.
    pub(super) fn algorithm(&self) -> Algorithm {
        match self.material {
            Material::Ed25519(_) => Algorithm::EdDsa,
            Material::P256(_) => Algorithm::Es256,
            Material::Rsa { .. } => Algorithm::Rs256,
            Material::Secret(_) => Algorithm::Hs256,
        }
    }

    /// Says whether the signature of a message is by this key.
    pub(super) fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.material {
            Material::Ed25519(key) => {
                UnparsedPublicKey::new(&ED25519, key).verify(message, signature).is_ok()
            }
            Material::P256(key) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key).verify(message, signature).is_ok()
            }
            Material::Rsa { n, e } => ring::signature::RsaPublicKeyComponents { n, e }
                .verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
                .is_ok(),
            // Takes as long whatever of it is right.
            Material::Secret(key) => hmac::verify(key, message, signature).is_ok(),
        }
    }
}

/// Takes off the zeros before a number, which ring does not want.
fn number(bytes: Vec<u8>) -> Vec<u8> {
    bytes.into_iter().skip_while(|byte| *byte == 0).collect()
}

fn bits(number: &[u8]) -> usize {
    number.first().map_or(0, |first| number.len() * 8 - first.leading_zeros() as usize)
}

/// The keys of an issuer.
#[derive(Clone, Default)]
pub(super) struct KeySet {
    by_kid: BTreeMap<String, Vec<Key>>,
    all: Vec<Key>,
}

impl KeySet {
    /// Makes a set of keys.
    pub(super) fn new(all: Vec<Key>) -> KeySet {
        let mut by_kid: BTreeMap<String, Vec<Key>> = BTreeMap::new();
        for key in &all {
            if let Some(kid) = &key.kid {
                by_kid.entry(kid.clone()).or_default().push(key.clone());
            }
        }
        KeySet { by_kid, all }
    }

    /// Reads a JSON Web Key Set; keys of no use here are passed over. `None` when it is none.
    pub(super) fn parse(json: &[u8]) -> Option<KeySet> {
        let set: Value = serde_json::from_slice(json).ok()?;
        let keys = set.get("keys")?.as_array()?;
        Some(KeySet::new(keys.iter().take(MOST_KEYS).filter_map(Key::from_jwk).collect()))
    }

    /// Gives the key that a token is to be checked with: of its algorithm, and of its `kid`. A token without one means the only key
    /// there is of its algorithm; for two or more it does not say which.
    pub(super) fn find(&self, algorithm: Algorithm, kid: Option<&str>) -> Option<&Key> {
        let named = match kid {
            Some(kid) if algorithm != Algorithm::Hs256 => self.by_kid.get(kid)?,
            _ => &self.all,
        };
        let mut fitting = named.iter().filter(|key| key.algorithm() == algorithm);
        let first = fitting.next()?;
        fitting.next().is_none().then_some(first)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn ed25519(kid: &str) -> Value {
        json!({"kty": "OKP", "crv": "Ed25519", "kid": kid, "x": URL_SAFE_NO_PAD.encode([7; 32])})
    }

    fn with(mut jwk: Value, name: &str, value: Value) -> Value {
        jwk[name] = value;
        jwk
    }

    fn rsa(bytes: usize) -> Value {
        json!({"kty": "RSA", "kid": "r", "n": URL_SAFE_NO_PAD.encode(vec![0xff; bytes]), "e": "AQAB"})
    }

    #[test]
    fn a_key_of_no_use_is_passed_over() {
        assert!(Key::from_jwk(&ed25519("a")).is_some() && Key::from_jwk(&rsa(256)).is_some());
        let point = URL_SAFE_NO_PAD.encode([1; 32]);
        let p256 = json!({"kty": "EC", "crv": "P-256", "x": point, "y": point});
        assert!(Key::from_jwk(&p256).is_some());
        for jwk in [
            json!({"kty": "oct", "k": URL_SAFE_NO_PAD.encode([1; 32])}),
            json!({"kty": "EC", "crv": "P-384", "x": point, "y": point}),
            with(p256, "y", json!("AAAA")),
            rsa(255),
            with(rsa(256), "alg", json!("RS512")),
            with(rsa(256), "alg", json!("HS256")),
            with(ed25519("a"), "use", json!("enc")),
            with(ed25519("a"), "key_ops", json!(["sign"])),
            with(ed25519("a"), "x", json!("short")),
            with(ed25519("a"), "kid", json!(7)),
            json!("a key"),
        ] {
            assert!(Key::from_jwk(&jwk).is_none(), "{jwk}");
        }
    }

    #[test]
    fn a_zero_before_the_modulus_is_no_part_of_its_length() {
        let padded = [vec![0], vec![0xff; 255]].concat();
        assert!(Key::from_jwk(&with(rsa(256), "n", json!(URL_SAFE_NO_PAD.encode(padded)))).is_none());
        let padded = [vec![0], vec![0xff; 256]].concat();
        assert!(Key::from_jwk(&with(rsa(256), "n", json!(URL_SAFE_NO_PAD.encode(padded)))).is_some());
    }

    #[test]
    fn the_kid_picks_the_key_and_without_one_there_must_be_only_one() {
        let set =
            |keys: &[Value]| KeySet::parse(json!({ "keys": keys }).to_string().as_bytes()).expect("a set");
        let two = set(&[ed25519("a"), ed25519("b"), rsa(256)]);
        let is_found = |set: &KeySet, algorithm, kid| set.find(algorithm, kid).is_some();
        assert!(is_found(&two, Algorithm::EdDsa, Some("b")) && is_found(&two, Algorithm::Rs256, None));
        assert!(!is_found(&two, Algorithm::EdDsa, None) && !is_found(&two, Algorithm::EdDsa, Some("c")));
        assert!(!is_found(&two, Algorithm::Rs256, Some("a")), "the kid of a key of another type");
        assert!(!is_found(&two, Algorithm::Hs256, None), "no public key is a secret");
        assert!(!is_found(&set(&[ed25519("a"), ed25519("a")]), Algorithm::EdDsa, Some("a")), "which?");
        assert!(KeySet::parse(b"{}").is_none() && KeySet::parse(b"[]").is_none());
        assert!(KeySet::parse(br#"{"keys":[]}"#).is_some());
    }
}
