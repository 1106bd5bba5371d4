//! Any `Authorization`, and any header, claims and keys of a token that is signed as it should be: refused, or sound in every part.
#![no_main]

use std::sync::{Once, OnceLock};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderValue, Request, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use libfuzzer_sys::fuzz_target;
use ring::hmac;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use runtime::auth::user_by_key_set;
use runtime::clock::Clock;
use runtime::config::{Config, Environment};
use runtime::disposition::Disposition;
use runtime::function::Function;
use runtime::host::server::App;
use runtime::triggers::on_tick;
use serde_json::{Map, Value, json};
use tokio::runtime::{Builder, Runtime};
use tower::ServiceExt as _;

const SECRET: &str = "a secret of the fuzzing, and of nobody else";
const ISSUER: &str = "https://id.example.org";
const AUDIENCE: &str = "kaam";
/// 2026-01-01.
const NOW_S: i64 = 1_767_225_600;
const LEEWAY_S: f64 = 60.0;

struct Stage {
    runtime: Runtime,
    router: Router,
    pair: Ed25519KeyPair,
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(NOW_S, 0).expect("an instant")
}

/// A function that takes no events from anybody: a token that is believed is a user's, which is told by 403.
fn stage() -> &'static Stage {
    static STAGE: OnceLock<Stage> = OnceLock::new();
    STAGE.get_or_init(|| {
        let settings = [
            ("AUTH", "jwt"),
            ("HOST", "0.0.0.0"),
            ("JWT_SECRET", SECRET),
            ("JWT_ISSUER", ISSUER),
            ("JWT_AUDIENCE", AUDIENCE),
        ];
        let config = Config::from_environment(&Environment::from_pairs(settings)).expect("sound settings");
        let function = Function::new("fuzzed").on(on_tick(async || Disposition::Done));
        let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
        let app = App::new(&config, vec![function]).clock(Clock::manual(now()));
        let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).expect("a key");
        Stage { runtime, router: app.router(), pair }
    })
}

/// Checks once that what is sound is believed: else nothing that comes after a signature would be seen.
fn assert_that_sound_tokens_are_believed() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let claims = json!({"iss": ISSUER, "aud": AUDIENCE, "sub": "amna", "exp": NOW_S + 60}).to_string();
        assert!(is_let_in(bearer(&by_secret(br#"{"alg":"HS256"}"#, claims.as_bytes()))));
        let public = URL_SAFE_NO_PAD.encode(stage().pair.public_key());
        let set = json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "x": public}]}).to_string();
        let token = by_pair(br#"{"alg":"EdDSA"}"#, claims.as_bytes());
        let user_id = user_by_key_set(set.as_bytes(), &token, ISSUER, AUDIENCE, now());
        assert_eq!(user_id.as_deref(), Some("amna"));
    });
}

fn is_let_in(authorization: HeaderValue) -> bool {
    let Stage { runtime, router, .. } = stage();
    let request = Request::post("/").header(header::AUTHORIZATION, authorization).body(Body::empty());
    let request = request.expect("a request");
    let answered = runtime.block_on(router.clone().oneshot(request)).expect("a router never fails");
    match answered.status().as_u16() {
        401 => false,
        403 => true,
        other => panic!("{other}"),
    }
}

/// Checks by another reading what must be true of whatever was believed.
fn assert_sound(header: &[u8], claims: &[u8], algorithm: &str) -> Map<String, Value> {
    let header: Map<String, Value> = serde_json::from_slice(header).expect("a JSON object");
    assert_eq!(header["alg"], algorithm);
    assert!(!header.contains_key("crit"));
    let kinds = ["jwt", "at+jwt", "application/at+jwt"];
    let is_kind = |kind: &str| kinds.iter().any(|known| known.eq_ignore_ascii_case(kind));
    assert!(header.get("typ").is_none_or(|kind| kind.as_str().is_some_and(is_kind)));

    let claims: Map<String, Value> = serde_json::from_slice(claims).expect("a JSON object");
    assert_eq!(claims["iss"], ISSUER);
    assert!(
        claims["aud"] == AUDIENCE
            || claims["aud"].as_array().is_some_and(|all| all.contains(&AUDIENCE.into()))
    );
    let user_id = claims["sub"].as_str().expect("a user");
    assert!((1..=128).contains(&user_id.len()) && user_id.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
    let now_s = NOW_S as f64;
    assert!(claims["exp"].as_f64().is_some_and(|expires_at| now_s < expires_at + LEEWAY_S));
    let is_begun = |begins_at: &Value| begins_at.as_f64().is_some_and(|at| at - LEEWAY_S < now_s + 1.0);
    assert!(claims.get("nbf").is_none_or(is_begun));
    for name in ["nonce", "at_hash", "c_hash", "events", "cnf"] {
        assert!(!claims.contains_key(name), "{name}");
    }
    claims
}

fn signed(header: &[u8], claims: &[u8], sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature = URL_SAFE_NO_PAD.encode(sign(signed.as_bytes()));
    format!("{signed}.{signature}")
}

fn by_hmac(secret: &[u8], header: &[u8], claims: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    signed(header, claims, |message| hmac::sign(&key, message).as_ref().to_vec())
}

fn by_secret(header: &[u8], claims: &[u8]) -> String {
    by_hmac(SECRET.as_bytes(), header, claims)
}

fn by_pair(header: &[u8], claims: &[u8]) -> String {
    signed(header, claims, |message| stage().pair.sign(message).as_ref().to_vec())
}

fn bearer(token: &str) -> HeaderValue {
    HeaderValue::try_from(format!("Bearer {token}")).expect("it is ASCII")
}

fuzz_target!(|input: &[u8]| {
    assert_that_sound_tokens_are_believed();
    let Some((mode, rest)) = input.split_first() else { return };
    if mode % 4 == 0 {
        // Nobody here can sign, so nothing is believed.
        if let Ok(value) = HeaderValue::from_bytes(rest) {
            assert!(!is_let_in(value));
        }
        return;
    }
    let mut lines = rest.splitn(3, |byte| *byte == b'\n');
    let (header, claims) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    let set = lines.next().unwrap_or_default();
    match mode % 4 {
        1 => {
            if is_let_in(bearer(&by_secret(header, claims))) {
                assert_sound(header, claims, "HS256");
            }
        }
        2 => {
            let token = by_pair(header, claims);
            if let Some(user_id) = user_by_key_set(set, &token, ISSUER, AUDIENCE, now()) {
                assert_eq!(assert_sound(header, claims, "EdDSA")["sub"], user_id.as_str());
                let public = URL_SAFE_NO_PAD.encode(stage().pair.public_key());
                let set: Value = serde_json::from_slice(set).expect("JSON");
                let mut keys = set["keys"].as_array().expect("keys").iter();
                assert!(keys.any(|key| key["x"] == public.as_str()), "by no key of the set");
            }
        }
        _ => {
            // Whatever a set publishes, it is no secret: nothing is signed by what everybody knows.
            let token = by_hmac(set, header, claims);
            assert_eq!(user_by_key_set(set, &token, ISSUER, AUDIENCE, now()), None);
        }
    }
});
