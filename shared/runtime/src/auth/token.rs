//! Reading a JSON Web Token (RFC 7519, RFC 8725): what it says counts only after its signature, and only as an access token.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::key::{Algorithm, Key};
use crate::{json::strict, user::is_user_id};

/// The longest token that is looked at, in bytes.
const LONGEST: usize = 8 * 1024;
/// How far clocks may be apart, in seconds.
pub(super) const LEEWAY_S: i64 = 60;
/// What an access token may be called (RFC 9068 §2.1; RFC 7515 §4.1.9); most issuers say `JWT`, or nothing.
const TYPES: [&str; 3] = ["jwt", "at+jwt", "application/at+jwt"];
/// Claims of other kinds of token: an ID token's (OpenID Connect Core §2, §3.1.3.6, §3.3.2.11), a logout or security event's (RFC 8417
/// §2.2), and that of a token that is bound to a key which nobody shows here (RFC 7800).
const FOREIGN: [&str; 5] = ["nonce", "at_hash", "c_hash", "events", "cnf"];

/// Why a token is not believed. For the log; the caller is told less.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Rejected {
    /// It can not be read.
    #[error("the token is malformed: {0}")]
    Malformed(&'static str),
    /// It is signed in a way that is not allowed here.
    #[error("the algorithm of the token is not allowed")]
    Algorithm,
    /// It demands what nobody here understands.
    #[error("the token has critical parameters")]
    Critical,
    /// It is a token for something else.
    #[error("the token is no access token: {0}")]
    Kind(&'static str),
    /// No key of that name.
    #[error("the key of the token is not known")]
    Key,
    /// Signed by somebody else, or altered.
    #[error("the signature is wrong")]
    Signature,
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
    /// Its time has not come.
    #[error("the token is not valid yet")]
    Early,
    /// It is not for us, or not from whom it should be.
    #[error("the claim {0} is missing or wrong")]
    Claim(&'static str),
}

/// Who must have made a token, and for whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Expected {
    pub(super) issuer: String,
    pub(super) audience: String,
}

/// What a token says, once it is believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verified {
    pub(super) user_id: String,
    /// `exp`, in seconds since 1970.
    pub(super) expires_at: i64,
}

/// A token of which only the header has been read.
pub(super) struct Unverified<'a> {
    signed: &'a str,
    claims: &'a str,
    signature: Vec<u8>,
    pub(super) algorithm: Algorithm,
    pub(super) kid: Option<String>,
}

impl<'a> Unverified<'a> {
    /// Reads the header. A key that it brings or points to (`jwk`, `jku`, `x5c`, `x5u`) is not even looked at.
    pub(super) fn parse(token: &'a str) -> Result<Unverified<'a>, Rejected> {
        if token.len() > LONGEST {
            return Err(Rejected::Malformed("it is too long"));
        }
        let mut parts = token.split('.');
        let (Some(header), Some(claims), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(Rejected::Malformed("it does not have three parts"));
        };
        let signed = &token[..header.len() + 1 + claims.len()];
        let signature = URL_SAFE_NO_PAD
            .decode(signature)
            .map_err(|_| Rejected::Malformed("its signature is not base64url"))?;
        let header = object(header)?;
        if header.contains_key("crit") {
            return Err(Rejected::Critical);
        }
        let name = header.get("alg").and_then(Value::as_str);
        let algorithm = name.and_then(Algorithm::parse).ok_or(Rejected::Algorithm)?;
        let is_type = |name: &str| TYPES.contains(&name.to_ascii_lowercase().as_str());
        if !header.get("typ").is_none_or(|name| name.as_str().is_some_and(is_type)) {
            return Err(Rejected::Kind("typ"));
        }
        let kid = match header.get("kid") {
            None => None,
            Some(kid) => Some(kid.as_str().ok_or(Rejected::Malformed("its kid is no text"))?.to_owned()),
        };
        Ok(Unverified { signed, claims, signature, algorithm, kid })
    }

    /// Checks the signature, and only then reads the claims.
    pub(super) fn verify(
        &self,
        key: &Key,
        expected: &Expected,
        now: DateTime<Utc>,
    ) -> Result<Verified, Rejected> {
        if key.algorithm() != self.algorithm {
            return Err(Rejected::Algorithm);
        }
        if !key.has_signed(self.signed.as_bytes(), &self.signature) {
            return Err(Rejected::Signature);
        }
        check(&object(self.claims)?, expected, now.timestamp())
    }
}

fn object(part: &str) -> Result<Map<String, Value>, Rejected> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| Rejected::Malformed("it is not base64url"))?;
    // A name that stands twice could mean one thing here and another elsewhere.
    match strict::parse(&bytes) {
        Ok(Value::Object(object)) => Ok(object),
        _ => Err(Rejected::Malformed("it is no JSON object")),
    }
}

fn check(claims: &Map<String, Value>, expected: &Expected, now_s: i64) -> Result<Verified, Rejected> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    if let Some(name) = FOREIGN.into_iter().find(|name| claims.contains_key(*name)) {
        return Err(Rejected::Kind(name));
    }
    // Keycloak's and Cognito's words for what kind of token it is.
    let is_access = |name: &str, kinds: &[&str]| {
        claims.get(name).is_none_or(|kind| {
            kind.as_str().is_some_and(|kind| kinds.iter().any(|known| known.eq_ignore_ascii_case(kind)))
        })
    };
    if !is_access("typ", &["Bearer", "JWT", "at+jwt"]) || !is_access("token_use", &["access"]) {
        return Err(Rejected::Kind("typ"));
    }
    let expires_at = instant(claims, "exp")?.ok_or(Rejected::Claim("exp"))?;
    if now_s >= expires_at.saturating_add(LEEWAY_S) {
        return Err(Rejected::Expired);
    }
    if instant(claims, "nbf")?.is_some_and(|begins_at| now_s < begins_at.saturating_sub(LEEWAY_S)) {
        return Err(Rejected::Early);
    }
    instant(claims, "iat")?;
    if text("iss") != Some(&expected.issuer) {
        return Err(Rejected::Claim("iss"));
    }
    let is_for_us = match claims.get("aud") {
        Some(Value::String(audience)) => *audience == expected.audience,
        Some(Value::Array(all)) => {
            all.iter().all(Value::is_string) && all.iter().any(|one| *one == expected.audience)
        }
        _ => false,
    };
    if !is_for_us {
        return Err(Rejected::Claim("aud"));
    }
    let user_id = text("sub").filter(|user_id| is_user_id(user_id)).ok_or(Rejected::Claim("sub"))?;
    Ok(Verified { user_id: user_id.to_owned(), expires_at })
}

/// Reads a NumericDate in whole seconds; it may have a fraction (RFC 7519 §2).
fn instant(claims: &Map<String, Value>, name: &'static str) -> Result<Option<i64>, Rejected> {
    /// The year 9999.
    const LAST: f64 = 253_402_300_799.0;
    let Some(value) = claims.get(name) else { return Ok(None) };
    let seconds =
        value.as_f64().filter(|seconds| (0.0..=LAST).contains(seconds)).ok_or(Rejected::Claim(name))?;
    #[expect(clippy::cast_possible_truncation, reason = "it is within the bounds")]
    Ok(Some(seconds as i64))
}
