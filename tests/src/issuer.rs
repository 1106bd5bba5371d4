//! An issuer of tokens: keys of each kind, what they sign, and a server that publishes them, or does worse.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use ring::hmac;
use ring::rand::SystemRandom;
use ring::rsa::PublicKeyComponents;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// An RSA key of 2,048 bits, for these tests alone: ring makes none.
const RSA: &str = "\
    MIIEogIBAAKCAQEA2bLmye0dTLaQeYq23XHJfsODpp83Yxx6fiznEXoQdQscw4EWcK4TfbUQru9ynRMv1xQdPsbXqh66+0lZZU17r01uoAWT8g\
    A/QpTHxKmIqsJ6Fj8KAqaAMCPaFJ0Ba3QMogbjzr10h3T3VAzVem2Y4ThyTt3pE9qFnJ7aNHOHfszATqCX5MNguG0r966SjrWLv/C70kSYXLBu\
    wcajjLAuSh2zW80a6rqHoTAe7kJ4xNHjv9vHpotrJcUwbvJM6xH0oeI2XTP8z1rMS/EkHpoATo18MHTXI0L6FLtgcu50EvK4NBMAtKF/JWaWpb\
    yfhKvC6sgmfySXCje9ndfHC0AbtQIDAQABAoIBAA6U/wQv56JaU44YnmFx5usgode42tG+4sOYiA0ceIVmg6bi0C58XTOH5oCulaZI1o+uZLvD\
    lPGWZ7Q/owcilrIqL8qfOlw067KEMGdkwGdJFJAbPoqT6DU79DZ6QnyV7udcKnPlg9cznKzaw+KUpxoQQ7PdsGg93xebxQZLZhw2RNd2rJR+gZ\
    1X0ATn5Hbh7I/EG/mXyWUJoOivufStoZXrg4hhuU1Ee7ro8CXuN7stMmObVTduhcQc8R84TQj41iwgSkiF4HwvYHcf/rt/V73+ssCgSp7nzGdY\
    IrjybkmLRNt99DbXxfzY7ejm5mC2PaNxrpX2EddZvORKt6/1TaECgYEA8+Fx4+bUF2erEwPF36L4NHQ6e4xSxboXyOXzQoda5fODlenCoZUwlX\
    j05iJ0UoS3BpjhaPoM2sNV/VExhQxTwLzUR+6GNI3D+wbEB3G4i72o0AE637T6vKXH6hZp3bdx+DuQZVUp2eL7RfvVIXRqT+XDA3YiqTWwZBBD\
    aNFgSlECgYEA5IRhvL1ELeLk3zTl8jeYtjRgFYFzfYrFybvyo1oNZFs9+kRppUazOXcQxhNeFa9ZFXVpGpVgm16I02jIJJZUvQ62zU9JFCvJav\
    Go1EaWy9EpXWO86WToW/apPaxBwyfeu5dskhfOhxVTbd7lXfQmXrb0UgynKT1vg2wv3FXJ/iUCgYB4es9Avy/XwCcLZbnDGUd04lZh4pihhaVq\
    Ye8i1qtZHkvLK4gzOvidXvvdFPhSK64fXDc/HQhsqkM4uXu1NrnJZX+ZaYRzQfWndVgyNUPuBOv4liL3kPitaVixlBEIry9makaTSNc8BJ4NnL\
    NVq6U5g1ArzZih7xwM0tv6VDU1gQKBgGmc6VMCok0WzTJ/zzqYCWNEZ5fo4UiHZ4wp6iUnDINyS/2ruqvhNhn79mulLdmV1fU981qO6TxFf7U9\
    eyq1s+pAr6nJ1/uTlR5xG9cn3K/MNnLsErZHpcBDCsrvHuGkPqOyg0It8IysBYgE+TroCQfDRL3bDTLZKv2xdZk+qQFlAoGAOcVpSnVOdvWwEl\
    YVNdIEQp1n9aMjw8Fvb/p2L3DtBu5XUbCo4iJNAyPg6GZPr6zgm5/z20zieUpcSZqypWM+Ik6Djyy3Jv0sa037L+mCGgpr9CxmkiB3iIZeyuwz\
    JGV7OeYeg6Hr+zbfO9jR3Uh06u8QYOBJBShoMOh2IGbJSWY=";

/// The audience of tokens in tests.
pub const AUDIENCE: &str = "kaam";

/// A key that signs.
pub struct SigningKey {
    /// Its name.
    pub kid: String,
    pair: Pair,
}

enum Pair {
    Ed25519(Ed25519KeyPair),
    P256(EcdsaKeyPair),
    Rsa(RsaKeyPair),
}

impl SigningKey {
    /// Makes a key of Ed25519.
    pub fn ed25519(kid: &str) -> Self {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).expect("randomness");
        let pair = Ed25519KeyPair::from_pkcs8(document.as_ref()).expect("a key");
        Self { kid: kid.to_owned(), pair: Pair::Ed25519(pair) }
    }

    /// Makes a key of P-256.
    pub fn p256(kid: &str) -> Self {
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let document = EcdsaKeyPair::generate_pkcs8(algorithm, &random).expect("randomness");
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &random).expect("a key");
        Self { kid: kid.to_owned(), pair: Pair::P256(pair) }
    }

    /// Gives the one key of RSA that there is.
    pub fn rsa(kid: &str) -> Self {
        let der = STANDARD.decode(RSA).expect("base64");
        Self { kid: kid.to_owned(), pair: Pair::Rsa(RsaKeyPair::from_der(&der).expect("a key")) }
    }

    /// Gives the name of its algorithm.
    pub fn algorithm(&self) -> &'static str {
        match self.pair {
            Pair::Ed25519(_) => "EdDSA",
            Pair::P256(_) => "ES256",
            Pair::Rsa(_) => "RS256",
        }
    }

    /// Gives the public half as a JSON Web Key.
    pub fn jwk(&self) -> Value {
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let mut jwk = match &self.pair {
            Pair::Ed25519(pair) => {
                json!({"kty": "OKP", "crv": "Ed25519", "x": encode(pair.public_key().as_ref())})
            }
            Pair::P256(pair) => {
                let point = pair.public_key().as_ref();
                json!({"kty": "EC", "crv": "P-256", "x": encode(&point[1..33]), "y": encode(&point[33..])})
            }
            Pair::Rsa(pair) => {
                let public: PublicKeyComponents<Vec<u8>> = pair.public().into();
                json!({"kty": "RSA", "n": encode(&public.n), "e": encode(&public.e)})
            }
        };
        (jwk["kid"], jwk["use"], jwk["alg"]) = (json!(self.kid), json!("sig"), json!(self.algorithm()));
        jwk
    }

    /// Gives the bytes of the public half, as somebody would use them who takes them for a secret.
    pub fn public_bytes(&self) -> Vec<u8> {
        match &self.pair {
            Pair::Ed25519(pair) => pair.public_key().as_ref().to_vec(),
            Pair::P256(pair) => pair.public_key().as_ref().to_vec(),
            Pair::Rsa(pair) => pair.public().as_ref().to_vec(),
        }
    }

    /// Signs claims under a header.
    pub fn sign_with(&self, header: &Value, claims: &Value) -> String {
        token(header, claims, |message| self.signature(message))
    }

    /// Signs claims as an issuer does.
    pub fn sign(&self, claims: &Value) -> String {
        self.sign_with(&json!({"alg": self.algorithm(), "typ": "JWT", "kid": self.kid}), claims)
    }

    fn signature(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
            Pair::P256(pair) => pair.sign(&random, message).expect("a signature").as_ref().to_vec(),
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).expect("a signature");
                signature
            }
        }
    }
}

/// Puts a token together.
pub fn token(header: &Value, claims: &Value, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
    let signed = format!("{}.{}", encode(header), encode(claims));
    let signature = URL_SAFE_NO_PAD.encode(sign(signed.as_bytes()));
    format!("{signed}.{signature}")
}

/// Signs with a secret.
pub fn hmac_sha256(secret: &[u8]) -> impl FnOnce(&[u8]) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    move |message| hmac::sign(&key, message).as_ref().to_vec()
}

/// Gives the claims of a sound access token.
pub fn claims(issuer: &str, user_id: &str, now: DateTime<Utc>) -> Value {
    let now = now.timestamp();
    json!({"iss": issuer, "aud": AUDIENCE, "sub": user_id, "iat": now, "nbf": now, "exp": now + 600})
}

/// What the server does when it is asked.
#[derive(Clone, Debug)]
pub enum Manner {
    /// It answers with a document.
    Document(Value),
    /// It answers with a document, and says how long that may be kept.
    Cached(Value, &'static str),
    /// It answers with a status.
    Status(u16),
    /// It sends whoever asks to another place.
    Redirect(String),
    /// It answers with so many bytes.
    Huge(usize),
    /// It never answers.
    Silent,
}

#[derive(Default)]
struct Served {
    manners: HashMap<String, Manner>,
    asked: Vec<String>,
}

/// A server of documents on this machine.
pub struct Issuer {
    /// Where, without a slash at the end.
    pub url: String,
    served: Arc<Mutex<Served>>,
    server: JoinHandle<()>,
}

impl Issuer {
    /// Starts one that knows no document.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address: SocketAddr = listener.local_addr().expect("an address");
        let served: Arc<Mutex<Served>> = Arc::default();
        let router = Router::new().fallback(answer).with_state(Arc::clone(&served));
        let server = tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        Self { url: format!("http://{address}"), served, server }
    }

    /// Gives the URL of its keys.
    pub fn keys_url(&self) -> String {
        format!("{}/keys", self.url)
    }

    /// Publishes keys.
    pub fn publish(&self, keys: &[&SigningKey]) {
        self.serve("/keys", Manner::Document(key_set(keys)));
    }

    /// Publishes the document of an OpenID Connect issuer.
    pub fn publish_discovery(&self) {
        let document = json!({"issuer": self.url, "jwks_uri": self.keys_url()});
        self.serve("/.well-known/openid-configuration", Manner::Document(document));
    }

    /// Says what a path is answered with from now on.
    pub fn serve(&self, path: &str, manner: Manner) {
        self.lock().manners.insert(path.to_owned(), manner);
    }

    /// Counts how often a path was asked for.
    pub fn asked(&self, path: &str) -> usize {
        self.lock().asked.iter().filter(|asked| *asked == path).count()
    }

    /// Gives every path that was asked for.
    pub fn all_asked(&self) -> Vec<String> {
        self.lock().asked.clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Served> {
        self.served.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Gives public keys as a JSON Web Key Set.
pub fn key_set(keys: &[&SigningKey]) -> Value {
    json!({"keys": keys.iter().map(|key| key.jwk()).collect::<Vec<_>>()})
}

async fn answer(State(served): State<Arc<Mutex<Served>>>, request: Request) -> Response {
    let manner = {
        let mut served = served.lock().unwrap_or_else(PoisonError::into_inner);
        let path = request.uri().path().to_owned();
        let manner = served.manners.get(&path).cloned();
        served.asked.push(path);
        manner
    };
    match manner {
        None => StatusCode::NOT_FOUND.into_response(),
        Some(Manner::Document(document)) => axum::Json(document).into_response(),
        Some(Manner::Cached(document, control)) => {
            ([(header::CACHE_CONTROL, control)], axum::Json(document)).into_response()
        }
        Some(Manner::Status(status)) => {
            StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR).into_response()
        }
        Some(Manner::Redirect(place)) => {
            let place = HeaderValue::from_str(&place).expect("a URL is a header value");
            (StatusCode::FOUND, [(header::LOCATION, place)]).into_response()
        }
        Some(Manner::Huge(bytes)) => Body::from(vec![b' '; bytes]).into_response(),
        Some(Manner::Silent) => std::future::pending().await,
    }
}
