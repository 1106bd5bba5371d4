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
