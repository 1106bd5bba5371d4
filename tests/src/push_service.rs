//! A push service (RFC 8030) with its browsers: it checks who sends (RFC 8292) and they decrypt what comes (RFC 8291), by another
//! library than the sender's.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::agreement::{ECDH_P256, EphemeralPrivateKey, UnparsedPublicKey, agree_ephemeral};
use ring::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{self, ECDSA_P256_SHA256_FIXED};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// What the service does with a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// 201; the browser reads it.
    Take,
    /// This status, with these header fields.
    Refuse(u16, Vec<(&'static str, String)>),
}

/// A message that a browser has read.
#[derive(Clone, Debug, PartialEq)]
pub struct Received {
    /// Which browser.
    pub browser: String,
    /// `TTL`, `Urgency` and `Topic`.
    pub headers: [String; 3],
    /// What the sender's token claims.
    pub claims: Value,
    /// The message.
    pub payload: Value,
}

type Decide = dyn Fn(&str, usize) -> Reply + Send + Sync;

/// A running push service.
pub struct PushService {
    /// Where it listens.
    pub origin: String,
    shared: Arc<Shared>,
    serving: JoinHandle<()>,
}

struct Shared {
    origin: String,
    /// The sender that the browsers have subscribed to.
    sender: String,
    decide: Box<Decide>,
    /// How many messages came for each browser.
    begun: Mutex<HashMap<String, usize>>,
    browsers: Mutex<HashMap<String, Browser>>,
    received: Mutex<Vec<Received>>,
}

/// A browser, with keys for one message.
struct Browser {
    key: EphemeralPrivateKey,
    public_key: Vec<u8>,
    secret: [u8; 16],
}

impl PushService {
    /// Starts one whose browsers know the sender by `sender`, a public key in base64url; `decide` says what is done with a browser's
    /// message, which is the nth (from 1) for that browser.
    pub async fn start(sender: &str, decide: impl Fn(&str, usize) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let origin = format!("http://{}", listener.local_addr().expect("it listens"));
        let shared = Arc::new(Shared {
            origin: origin.clone(),
            sender: sender.to_owned(),
            decide: Box::new(decide),
            begun: Mutex::default(),
            browsers: Mutex::default(),
            received: Mutex::default(),
        });
        let router = Router::new().route("/push/{browser}", post(push)).with_state(Arc::clone(&shared));
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        Self { origin, shared, serving }
    }

    /// Subscribes a browser, which can read one message, and gives the subscription as the table `users` keeps it.
    pub fn subscribe(&self, browser: &str) -> Value {
        let random = SystemRandom::new();
        let key = EphemeralPrivateKey::generate(&ECDH_P256, &random).expect("randomness");
        let public_key = key.compute_public_key().expect("it has one").as_ref().to_vec();
        let mut secret = [0; 16];
        random.fill(&mut secret).expect("randomness");
        let subscription = json!({
            "endpoint": format!("{}/push/{browser}", self.origin),
            "p256dh": BASE64_URL_SAFE_NO_PAD.encode(&public_key),
            "auth": BASE64_URL_SAFE_NO_PAD.encode(secret),
        });
        let mut browsers = self.shared.browsers.lock().unwrap_or_else(PoisonError::into_inner);
        browsers.insert(browser.to_owned(), Browser { key, public_key, secret });
        subscription
    }

    /// Gives what browsers have read, by their names.
    pub fn received(&self) -> Vec<Received> {
        let mut received = self.shared.received.lock().unwrap_or_else(PoisonError::into_inner).clone();
        received.sort_by(|a, b| a.browser.cmp(&b.browser));
        received
    }

    /// Says how often it was called for a browser.
    pub fn calls(&self, browser: &str) -> usize {
        let begun = self.shared.begun.lock().unwrap_or_else(PoisonError::into_inner);
        begun.get(browser).copied().unwrap_or_default()
    }
}

impl Drop for PushService {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn push(
    State(shared): State<Arc<Shared>>,
    Path(browser): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let count = {
        let mut begun = shared.begun.lock().unwrap_or_else(PoisonError::into_inner);
        let count = begun.entry(browser.clone()).or_default();
        *count += 1;
        *count
    };
    let text =
        |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let Some(claims) = sender_of(&text("authorization"), &shared) else {
        let why = "the VAPID credentials in the authorization header do not correspond to the subscription";
        return (StatusCode::FORBIDDEN, why).into_response();
    };
    if text("content-encoding") != "aes128gcm" || text("ttl").parse::<u32>().is_err() || body.len() > 4_096 {
        return StatusCode::BAD_REQUEST.into_response();
    }
    if let Reply::Refuse(status, headers) = (shared.decide)(&browser, count) {
        let mut response = StatusCode::from_u16(status).expect("a status").into_response();
        for (name, value) in headers {
            response.headers_mut().insert(name, value.parse().expect("a header value"));
        }
        return response;
    }
    let found = shared.browsers.lock().unwrap_or_else(PoisonError::into_inner).remove(&browser);
    // As for real: what the browser can not read, the service does not notice.
    if let Some(payload) = found.and_then(|found| found.read(&body)) {
        let headers = ["ttl", "urgency", "topic"].map(text);
        let received = Received { browser, headers, claims, payload };
        shared.received.lock().unwrap_or_else(PoisonError::into_inner).push(received);
    }
    StatusCode::CREATED.into_response()
}

/// Gives the claims of a token that the subscribed sender has signed for this service.
fn sender_of(authorization: &str, shared: &Shared) -> Option<Value> {
    let (token, key) = authorization.strip_prefix("vapid t=")?.split_once(", k=")?;
    let (signed, signature) = token.rsplit_once('.')?;
    let (header, claims) = signed.split_once('.')?;
    let decode = |text: &str| BASE64_URL_SAFE_NO_PAD.decode(text).ok();
    let public_key = signature::UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, decode(key)?);
    public_key.verify(signed.as_bytes(), &decode(signature)?).ok()?;
    let header: Value = serde_json::from_slice(&decode(header)?).ok()?;
    let claims: Value = serde_json::from_slice(&decode(claims)?).ok()?;
    (header["alg"] == "ES256" && claims["aud"] == shared.origin && key == shared.sender).then_some(claims)
}

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

fn expand<const N: usize>(key: &Prk, info: &[&[u8]]) -> Option<[u8; N]> {
    let mut out = [0; N];
    key.expand(info, Length(N)).ok()?.fill(&mut out).ok()?;
    Some(out)
}

impl Browser {
    fn read(self, body: &[u8]) -> Option<Value> {
        let (salt, rest) = body.split_at_checked(16)?;
        let (record_bytes, rest) = rest.split_first_chunk::<4>()?;
        let (key_length, rest) = rest.split_first()?;
        let (sender, sealed) = rest.split_at_checked(usize::from(*key_length))?;
        if sealed.len() > u32::from_be_bytes(*record_bytes) as usize {
            return None;
        }
        let peer = UnparsedPublicKey::new(&ECDH_P256, sender);
        let material: [u8; 32] = agree_ephemeral(self.key, &peer, |agreed| {
            let key = Salt::new(HKDF_SHA256, &self.secret).extract(agreed);
            expand(&key, &[b"WebPush: info\0", &self.public_key, sender])
        })
        .ok()??;
        let key = Salt::new(HKDF_SHA256, salt).extract(&material);
        let secret: [u8; 16] = expand(&key, &[b"Content-Encoding: aes128gcm\0"])?;
        let nonce: [u8; 12] = expand(&key, &[b"Content-Encoding: nonce\0"])?;
        let opener = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &secret).ok()?);
        let mut record = sealed.to_vec();
        let opened =
            opener.open_in_place(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut record).ok()?;
        let end = opened.iter().rposition(|byte| *byte != 0)?;
        (opened[end] == 2).then(|| serde_json::from_slice(&opened[..end]).ok())?
    }
}
