//! What may bring events and ticks to a function that is a process of its own.

use axum::{
    Router,
    body::Body,
    http::{Request, header},
};
use tower::ServiceExt as _;

use super::*;
use crate::{
    config::{Auth, Config, Environment},
    disposition::Disposition,
    function::Function,
    host::server::App,
    triggers,
};

const AUDIENCE: &str = "kaam/sample";
const TOKEN: &str = "what-shows-that-an-event-is-sound";
const SECRET: &str = "a secret of the tests, and of nobody else";

fn router(host: &str, pairs: &[(&str, &str)]) -> (Router, Clock) {
    let jwt = [
        ("AUTH", "jwt"),
        ("HOST", host),
        ("JWT_SECRET", SECRET),
        ("JWT_ISSUER", "https://id.example.org"),
        ("JWT_AUDIENCE", "kaam"),
    ];
    let environment = Environment::from_pairs(jwt.iter().chain(pairs).copied());
    let config = Config::from_environment(&environment).expect("sound settings");
    assert!(matches!(config.auth, Auth::Jwt(_)));
    let function = Function::new("sample").on(triggers::on_tick(async || Disposition::Done));
    let clock = Clock::system();
    (App::new(&config, vec![function]).clock(clock.clone()).router(), clock)
}

fn users_token(clock: &Clock) -> String {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    let claims = serde_json::json!({"iss": "https://id.example.org", "aud": "kaam", "sub": "amna",
                                    "exp": clock.now().timestamp() + 60});
    let encode = |part: String| URL_SAFE_NO_PAD.encode(part);
    let signed = format!("{}.{}", encode(r#"{"alg":"HS256"}"#.to_owned()), encode(claims.to_string()));
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, SECRET.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(ring::hmac::sign(&key, signed.as_bytes())))
}

async fn tick(router: &Router, host: &str, token: Option<&str>) -> u16 {
    let mut request = Request::post("/").header(header::HOST, host);
    if let Some(token) = token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    let request = request.body(Body::empty()).expect("a request");
    router.clone().oneshot(request).await.expect("a router never fails").status().as_u16()
}

#[tokio::test]
async fn s10_events_that_others_can_bring_need_the_token_for_events() {
    let (router, clock) = router("0.0.0.0", &[("EVENTS_TOKEN", TOKEN)]);
    let user = users_token(&clock);
    for (token, status) in [
        (None, 401),
        (Some(TOKEN), 204),
        (Some(&TOKEN[1..]), 401),
        (Some("another-token-of-the-same-length."), 401),
        (Some(user.as_str()), 403),
    ] {
        assert_eq!(tick(&router, "sample.example.org", token).await, status, "{token:?}");
    }
}

#[tokio::test]
async fn s10_without_a_token_for_events_nobody_else_brings_any() {
    let (public, clock) = router("0.0.0.0", &[]);
    let user = users_token(&clock);
    for host in ["localhost", "sample.example.org"] {
        assert_eq!(tick(&public, host, None).await, 401);
        assert_eq!(tick(&public, host, Some("")).await, 401);
        assert_eq!(tick(&public, host, Some(&user)).await, 403);
    }
    let (here, clock) = router("127.0.0.1", &[]);
    assert_eq!(tick(&here, "localhost", None).await, 204, "only this machine can bring any");
    assert_eq!(tick(&here, "evil.example", None).await, 421, "but no page of another name");
    assert_eq!(tick(&here, "localhost", Some(&users_token(&clock))).await, 403);
    assert_eq!(tick(&here, "localhost", Some("x")).await, 401);
}

#[tokio::test]
async fn s35_a_users_token_is_no_token_for_events_and_the_other_way_round() {
    let (router, clock) = router("0.0.0.0", &[("EVENTS_TOKEN", TOKEN)]);
    assert_eq!(tick(&router, "x.example", Some(&users_token(&clock))).await, 403);
    let ask = |token: &str| {
        Request::get("/nothing").header(header::AUTHORIZATION, format!("Bearer {token}")).body(Body::empty())
    };
    let answered = router.oneshot(ask(TOKEN).expect("a request")).await.expect("a router never fails");
    assert_eq!(answered.status(), 404);
}

#[tokio::test]
async fn what_the_host_brings_by_itself_needs_nothing_to_be_shown() {
    let (router, _) = router("0.0.0.0", &[("EVENTS_TOKEN", TOKEN)]);
    let mut request = Request::post("/").body(Body::empty()).expect("a request");
    request.extensions_mut().insert(BroughtByHost);
    assert_eq!(router.oneshot(request).await.expect("a router never fails").status(), 204);
}

/// Serves the document and the keys of an issuer over TLS; gives its URL, and the certificate of its authority.
async fn cluster(keys: &SigningKeys) -> (String, String) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    let authority = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a name");
    let key =
        rustls::pki_types::PrivateKeyDer::try_from(authority.signing_key.serialize_der()).expect("a key");
    let config =
        rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("ring knows them")
            .with_no_client_auth()
            .with_single_cert(vec![authority.cert.der().clone()], key)
            .expect("they belong together");
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("https://localhost:{}", listener.local_addr().expect("it listens").port());
    let document =
        serde_json::json!({"issuer": url, "jwks_uri": format!("{url}/openid/v1/jwks")}).to_string();
    let keys = keys.published().to_string();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // Who does not trust it goes away here.
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut head = [0; 1024];
            let read = stream.read(&mut head).await.unwrap_or(0);
            let is_keys = head[..read].starts_with(b"GET /openid/v1/jwks ");
            let body = if is_keys { &keys } else { &document };
            let length = body.len();
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
            let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    });
    (url, authority.cert.pem())
}

#[tokio::test]
async fn tokens_of_a_cluster_are_believed_whose_authority_is_given_and_is_not_of_the_web() {
    let environment = Environment::from_pairs([("SIGNING_KEY", SigningKeys::generate().as_str())]);
    let keys = SigningKeys::from_environment(&environment).expect("a key").expect("it is set");
    let (url, authority) = cluster(&keys).await;
    let (_, other_authority) = cluster(&keys).await;
    let signed = |audience| {
        let signer = Signer::new(&keys, &url, audience, chrono::TimeDelta::minutes(5));
        signer.sign(
            "system:serviceaccount:knative-eventing:pingsource",
            uuid::Uuid::nil(),
            Clock::system().now(),
        )
    };
    let issued = [("EVENTS_ISSUER", url.as_str()), ("EVENTS_AUDIENCE", AUDIENCE)];
    let both = format!("{other_authority}{authority}");
    for (authorities, status) in
        [(None, 503), (Some(&other_authority), 503), (Some(&authority), 204), (Some(&both), 204)]
    {
        let given = authorities.map(|pem| ("EVENTS_CA", pem.as_str()));
        let pairs: Vec<_> = issued.into_iter().chain(given).collect();
        let (router, _) = router("0.0.0.0", &pairs);
        assert_eq!(tick(&router, "x.example", Some(&signed(AUDIENCE))).await, status);
        if status == 204 {
            assert_eq!(tick(&router, "x.example", Some(&signed("kaam/other"))).await, 401);
        }
    }
}

#[test]
fn authorities_of_events_are_certificates_beside_an_issuer() {
    let read = |pairs: &[(&str, &str)]| {
        let jwt = [
            ("AUTH", "jwt"),
            ("JWT_SECRET", SECRET),
            ("JWT_ISSUER", "https://id.example.org"),
            ("JWT_AUDIENCE", "kaam"),
        ];
        let environment = Environment::from_pairs(jwt.iter().chain(pairs).copied());
        Config::from_environment(&environment).map(|_| ()).map_err(|error| error.to_string())
    };
    let issued = [("EVENTS_ISSUER", "https://cluster.example"), ("EVENTS_AUDIENCE", AUDIENCE)];
    let authority = rcgen::generate_simple_self_signed(["x".to_owned()]).expect("a name").cert.pem();
    assert_eq!(read(&[issued[0], issued[1], ("EVENTS_CA", &authority)]), Ok(()));
    for wrong in ["", "x", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        let outcome = read(&[issued[0], issued[1], ("EVENTS_CA", wrong)]);
        // An empty value is none.
        assert_eq!(outcome.is_ok(), wrong.is_empty(), "{wrong}");
        assert!(outcome.err().is_none_or(|message| message.starts_with("EVENTS_CA_FILE")), "{wrong}");
    }
    let message = read(&[("EVENTS_TOKEN", TOKEN), ("EVENTS_CA", &authority)]).expect_err("of whom");
    assert!(message.starts_with("EVENTS_ISSUER"), "{message}");
}
