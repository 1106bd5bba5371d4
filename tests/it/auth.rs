//! `AUTH=jwt`: whose tokens are believed, and what is answered to all others.

use axum::body::Body;
use axum::http::{Request, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use futures::future::join_all;
use runtime::clock::{Clock, Stopwatch};
use runtime::config::{Config, Environment};
use runtime::disposition::Disposition;
use runtime::function::Function;
use runtime::host::server::App;
use runtime::triggers::on_tick;
use serde_json::{Value, json};
use tests::issuer::{AUDIENCE, Issuer, Manner, SigningKey, claims, hmac_sha256, key_set, token};
use tests::process::eventually;
use tests::world::{Answered, World};
use tower::ServiceExt as _;

const SECRET: &str = "a secret of the tests, and of nobody else";

/// A world that believes the keys that an issuer publishes.
struct Believer {
    world: World,
    issuer: Issuer,
    key: SigningKey,
}

impl Believer {
    async fn new() -> Self {
        let (issuer, key) = (Issuer::start().await, SigningKey::ed25519("first"));
        issuer.publish(&[&key]);
        let world = World::with_settings(settings(&issuer)).await;
        Self { world, issuer, key }
    }

    fn claims(&self) -> Value {
        claims(&self.issuer.url, "amna", self.world.clock.now())
    }

    fn claims_with(&self, name: &str, value: Value) -> Value {
        let mut claims = self.claims();
        match value {
            Value::Null => drop(claims.as_object_mut().expect("claims").remove(name)),
            value => claims[name] = value,
        }
        claims
    }

    async fn show(&self, token: &str) -> Answered {
        show(&self.world, token).await
    }

    fn advance(&self, by: TimeDelta) {
        self.world.clock.advance(by.to_std().expect("forward"));
    }
}

fn settings(issuer: &Issuer) -> Vec<(&'static str, &'static str)> {
    // Settings live as long as the program.
    let leak = |text: String| -> &'static str { Box::leak(text.into_boxed_str()) };
    vec![
        ("AUTH", "jwt"),
        ("JWT_JWKS_URL", leak(issuer.keys_url())),
        ("JWT_ISSUER", leak(issuer.url.clone())),
        ("JWT_AUDIENCE", AUDIENCE),
    ]
}

async fn show(world: &World, token: &str) -> Answered {
    ask(world, &[&format!("Bearer {token}")]).await
}

async fn ask(world: &World, authorization: &[&str]) -> Answered {
    let mut request = Request::get("/api/tasks");
    for value in authorization {
        request = request.header(header::AUTHORIZATION, *value);
    }
    world.send(request.body(Body::empty()).expect("a request")).await
}

fn assert_refused(answered: &Answered, what: &str) {
    assert_eq!(answered.status, 401, "{what}");
    let challenge = answered.headers[header::WWW_AUTHENTICATE].to_str().expect("a text");
    assert!(challenge.starts_with("Bearer ") && challenge.contains(r#"error="invalid_token""#), "{what}");
    assert_eq!(answered.headers[header::CONTENT_TYPE], "application/problem+json", "{what}");
    assert_eq!(answered.json()["status"], 401, "{what}");
}

#[tokio::test]
async fn a_token_of_each_algorithm_is_believed_and_its_subject_is_the_user() {
    let (issuer, now) = (Issuer::start().await, "2026-06-01T06:00:00Z".parse().expect("an instant"));
    let keys = [SigningKey::ed25519("a"), SigningKey::p256("b"), SigningKey::rsa("c")];
    issuer.publish(&keys.each_ref());
    let world = World::with_settings(settings(&issuer)).await;
    for (key, user_id) in keys.iter().zip(["amna", "bilal", "c@example.org"]) {
        let token = key.sign(&claims(&issuer.url, user_id, now));
        let authorization = format!("bearer {token}");
        let headers = [("authorization", authorization.as_str()), ("x-user-id", "mallory")];
        let task = world.call_with("POST", "/api/tasks", &json!({"title": "milk"}), &headers).await.ok();
        assert_eq!(task["user_id"], user_id, "{}", key.algorithm());
        let tasks = show(&world, &token).await.ok();
        assert_eq!(tasks["tasks"].as_array().map(Vec::len), Some(1), "{}", key.algorithm());
    }
    assert_eq!(issuer.asked("/keys"), 1, "for all of them");
}

#[tokio::test]
async fn a_token_of_the_shared_secret_is_believed_and_no_other_algorithm_beside_it() {
    let settings = [
        ("AUTH", "jwt"),
        ("JWT_SECRET", SECRET),
        ("JWT_ISSUER", "https://id.example.org"),
        ("JWT_AUDIENCE", AUDIENCE),
    ];
    let world = World::with_settings(settings).await;
    let claims = claims("https://id.example.org", "amna", world.clock.now());
    let signed = |algorithm: &str, secret: &str| {
        token(&json!({"alg": algorithm, "kid": "any"}), &claims, hmac_sha256(secret.as_bytes()))
    };
    show(&world, &signed("HS256", SECRET)).await.ok();
    for (algorithm, secret) in [
        ("HS256", "another secret of nobody, which is long"),
        ("HS512", SECRET),
        ("none", SECRET),
        ("EdDSA", SECRET),
    ] {
        assert_refused(&show(&world, &signed(algorithm, secret)).await, algorithm);
    }
    assert_refused(&show(&world, &SigningKey::ed25519("a").sign(&claims)).await, "a key of the caller's own");
}

#[tokio::test]
async fn s06_twelve_forged_tokens_are_refused() {
    let believer = Believer::new().await;
    let (key, claims) = (&believer.key, believer.claims());
    let header = json!({"alg": "EdDSA", "typ": "JWT", "kid": "first"});
    let with = |name: &str, value: Value| {
        let mut header = header.clone();
        header[name] = value;
        header
    };
    let none = |_: &[u8]| Vec::new();
    let (own, sound) = (SigningKey::ed25519("first"), key.sign(&claims));
    let parts: Vec<&str> = sound.split('.').collect();
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let mut mallory = claims.clone();
    mallory["sub"] = json!("mallory");
    let mut broken = sound.clone().into_bytes();
    let last = broken.len() - 10;
    broken[last] = if broken[last] == b'A' { b'B' } else { b'A' };
    let forged = [
        ("no algorithm", token(&with("alg", json!("none")), &claims, none)),
        ("no algorithm, in capitals", token(&with("alg", json!("NONE")), &claims, none)),
        ("no signature", format!("{}.{}.", parts[0], parts[1])),
        (
            "the public key as a secret",
            token(&with("alg", json!("HS256")), &claims, hmac_sha256(&key.public_bytes())),
        ),
        (
            "the key set as a secret",
            token(&with("alg", json!("HS256")), &claims, hmac_sha256(key_set(&[key]).to_string().as_bytes())),
        ),
        ("another algorithm than the key's", token(&with("alg", json!("ES256")), &claims, |_| vec![0; 64])),
        ("a key of the forger's with the name of ours", own.sign(&claims)),
        ("a key that it brings along", own.sign_with(&with("jwk", own.jwk()), &claims)),
        ("other claims under a sound signature", format!("{}.{}.{}", parts[0], encode(&mallory), parts[2])),
        (
            "another header under a sound signature",
            format!("{}.{}.{}", encode(&with("typ", json!("at+jwt"))), parts[1], parts[2]),
        ),
        ("an altered signature", String::from_utf8(broken).expect("ASCII")),
        ("critical parameters", key.sign_with(&with("crit", json!(["exp"])), &claims)),
        (
            "an unencoded payload",
            key.sign_with(&json!({"alg": "EdDSA", "kid": "first", "b64": false, "crit": ["b64"]}), &claims),
        ),
        ("no key of this name", key.sign_with(&with("kid", json!("other")), &claims)),
        ("a key by a path", key.sign_with(&with("kid", json!("../../../dev/null")), &claims)),
        ("a kid that is no text", key.sign_with(&with("kid", json!(1)), &claims)),
        ("a header with a name twice", {
            let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"EdDSA","kid":"first","alg":"none"}"#);
            format!("{header}.{}.{}", parts[1], parts[2])
        }),
        ("padding", format!("{sound}=")),
        ("five parts", format!("{sound}.a.b")),
        ("one part", "sound".to_owned()),
        ("dots", "..".to_owned()),
        ("too long", format!("{}.{}.{}", parts[0], "A".repeat(9_000), parts[2])),
    ];
    believer.show(&sound).await.ok();
    for (what, forged) in forged {
        assert_refused(&believer.show(&forged).await, what);
    }
    believer.show(&sound).await.ok();
}

#[tokio::test]
async fn s07_no_key_is_fetched_from_where_a_token_says() {
    let believer = Believer::new().await;
    let (attacker, own) = (Issuer::start().await, SigningKey::ed25519("own"));
    attacker.publish(&[&own]);
    attacker.publish_discovery();
    for name in ["jku", "x5u"] {
        for key in [&own, &believer.key] {
            let header = json!({"alg": "EdDSA", "kid": "own", name: attacker.keys_url()});
            assert_refused(&believer.show(&key.sign_with(&header, &believer.claims())).await, name);
        }
    }
    let claims = believer.claims_with("iss", json!(attacker.url));
    assert_refused(&believer.show(&own.sign(&claims)).await, "another issuer");
    assert_eq!(attacker.all_asked(), Vec::<String>::new());
}

#[tokio::test]
async fn s08_each_claim_must_be_right() {
    let believer = Believer::new().await;
    let now = believer.world.clock.now().timestamp();
    for (name, value) in [
        ("iss", json!("https://other.example.org")),
        ("iss", json!(format!("{}/", believer.issuer.url))),
        ("iss", json!([believer.issuer.url])),
        ("iss", Value::Null),
        ("aud", json!("other")),
        ("aud", json!(["other"])),
        ("aud", json!(["kaam", 7])),
        ("aud", json!({"kaam": true})),
        ("aud", Value::Null),
        ("exp", json!(now - 60)),
        ("exp", json!((now + 600).to_string())),
        ("exp", json!(-1)),
        ("exp", Value::Null),
        ("nbf", json!(now + 61)),
        ("nbf", json!("now")),
        ("iat", json!("now")),
        ("sub", Value::Null),
        ("sub", json!("")),
        ("sub", json!(" amna")),
        ("sub", json!("عائشہ")),
        ("sub", json!("x".repeat(129))),
        ("sub", json!(7)),
    ] {
        let token = believer.key.sign(&believer.claims_with(name, value.clone()));
        assert_refused(&believer.show(&token).await, &format!("{name}: {value}"));
    }
    for (name, value) in [
        ("aud", json!(["other", "kaam"])),
        ("exp", json!(now - 59)),
        ("exp", json!(now as f64 + 0.5)),
        ("nbf", json!(now + 60)),
        ("nbf", Value::Null),
        ("iat", Value::Null),
        ("sub", json!("x".repeat(128))),
    ] {
        believer.show(&believer.key.sign(&believer.claims_with(name, value))).await.ok();
    }
}

#[tokio::test]
async fn s08_a_token_of_another_kind_is_refused() {
    let believer = Believer::new().await;
    for typ in [json!("JWT"), json!("at+jwt"), json!("AT+JWT"), json!("application/at+jwt")] {
        let header = json!({"alg": "EdDSA", "kid": "first", "typ": typ});
        believer.show(&believer.key.sign_with(&header, &believer.claims())).await.ok();
    }
    believer.show(&believer.key.sign_with(&json!({"alg": "EdDSA"}), &believer.claims())).await.ok();
    for typ in [
        json!("ID"),
        json!("logout+jwt"),
        json!("dpop+jwt"),
        json!("secevent+jwt"),
        json!(""),
        json!(7),
        json!(null),
    ] {
        let header = json!({"alg": "EdDSA", "kid": "first", "typ": typ});
        assert_refused(
            &believer.show(&believer.key.sign_with(&header, &believer.claims())).await,
            &typ.to_string(),
        );
    }
    for (name, value) in [
        ("nonce", json!("n")),
        ("at_hash", json!("h")),
        ("c_hash", json!("h")),
        ("events", json!({"http://schemas.openid.net/event/backchannel-logout": {}})),
        ("cnf", json!({"jkt": "k"})),
        ("typ", json!("ID")),
        ("typ", json!("Refresh")),
        ("token_use", json!("id")),
    ] {
        let token = believer.key.sign(&believer.claims_with(name, value.clone()));
        assert_refused(&believer.show(&token).await, &format!("{name}: {value}"));
    }
}

#[tokio::test]
async fn what_is_shown_is_one_bearer_token() {
    let believer = Believer::new().await;
    let token = believer.key.sign(&believer.claims());
    let silent = ask(&believer.world, &[]).await;
    assert_eq!(
        (silent.status.as_u16(), &silent.headers[header::WWW_AUTHENTICATE]),
        (401, &"Bearer realm=\"kaam\"".parse().expect("a value"))
    );
    for scheme in ["Bearer", "bearer", "BEARER"] {
        ask(&believer.world, &[&format!("{scheme} {token}")]).await.ok();
    }
    let bearer = format!("Bearer {token}");
    for authorization in [
        &[bearer.as_str(), bearer.as_str()][..],
        &[&bearer, "Basic YTpi"],
        &[&format!("{bearer} ")],
        &[&format!("Bearer  {token}")],
        &[&format!("Bearer {token}, Bearer {token}")],
        &["Bearer "],
    ] {
        assert_refused(&ask(&believer.world, authorization).await, &format!("{authorization:?}"));
    }
    // Whoever shows something else has shown no token.
    for authorization in [&format!("Basic {token}"), &format!("Bearer\t{token}"), &token, "Bearer", ""] {
        let refused = ask(&believer.world, &[authorization]).await;
        let challenge = &refused.headers[header::WWW_AUTHENTICATE];
        assert_eq!((refused.status, challenge), (silent.status, &silent.headers[header::WWW_AUTHENTICATE]));
        assert_eq!(refused.json()["detail"], "a bearer token is needed", "{authorization}");
    }
    for path in
        [format!("/api/tasks?access_token={token}"), format!("/api/tasks?authorization=Bearer%20{token}")]
    {
        assert_eq!(believer.world.get(&path).await.status, 401, "a token in a URL ends up in logs");
    }
}

#[tokio::test]
async fn s11_headers_name_nobody_beside_a_token() {
    let believer = Believer::new().await;
    let bearer = format!("Bearer {}", believer.key.sign(&believer.claims()));
    let create = async |body: Value, headers: &[(&str, &str)]| {
        believer.world.call_with("POST", "/api/tasks", &body, headers).await
    };
    let body = json!({"title": "milk"});
    for name in ["x-user-id", "x-forwarded-user", "x-forwarded-for", "x-remote-user"] {
        let task = create(body.clone(), &[("authorization", &bearer), (name, "mallory")]).await.ok();
        assert_eq!(task["user_id"], "amna", "{name}");
        assert_eq!(create(body.clone(), &[(name, "mallory")]).await.status, 401, "{name}");
    }
    let own = create(json!({"title": "milk", "user_id": "amna"}), &[("authorization", &bearer)]).await;
    assert_eq!(own.ok()["user_id"], "amna");
    let foreign = create(json!({"title": "milk", "user_id": "bilal"}), &[("authorization", &bearer)]).await;
    assert_eq!(foreign.status, 403);
}

#[tokio::test]
async fn s04_every_operation_but_the_public_ones_wants_a_token() {
    const PUBLIC: [&str; 4] = ["/health", "/ready", "/links/{token}", "/.well-known/jwks.json"];
    let believer = Believer::new().await;
    let document = believer.world.get("/openapi.json").await.ok();
    assert_eq!(document["components"]["securitySchemes"]["bearer"]["scheme"], "bearer");
    let mut wanting = 0;
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for (method, operation) in methods.as_object().expect("methods") {
            let is_public = PUBLIC.contains(&path.as_str())
                || operation["tags"][0] == "sign-in" && path != "/auth/password";
            let sent = path.replace(['{', '}'], "");
            let answered = believer.world.call(&method.to_uppercase(), &sent, &json!({})).await;
            assert_eq!(
                answered.status == 401 && answered.headers.contains_key(header::WWW_AUTHENTICATE),
                !is_public,
                "{method} {path}: {}",
                answered.status
            );
            assert_eq!(operation["security"] == json!([{"bearer": []}]), !is_public, "{method} {path}");
            if !is_public {
                assert!(
                    operation["responses"]["401"].is_object() && operation["responses"]["403"].is_object()
                );
                wanting += 1;
            }
        }
    }
    assert!(wanting >= 18, "{wanting}");
    for path in ["/", "/health", "/ready", "/openapi.json"] {
        assert_eq!(believer.world.get(path).await.status, 200, "{path}");
    }
    assert_eq!(believer.world.get("/nothing").await.status, 404);
    assert_eq!(
        believer.world.call("PUT", "/api/tasks", &json!({})).await.status,
        401,
        "before anything else"
    );
}

#[tokio::test]
async fn without_a_token_a_malformed_request_tells_nothing_either() {
    let believer = Believer::new().await;
    for path in ["/api/tasks/1", "/api/tasks?limit=0", "/api/tasks/0190163d-8694-739b-aea5-966c26f8ad91"] {
        let answered = believer.world.get(path).await;
        assert_eq!(
            (answered.status.as_u16(), &answered.json()["detail"]),
            (401, &json!("a bearer token is needed"))
        );
    }
}

#[tokio::test]
async fn any_host_may_be_named_with_tokens() {
    let believer = Believer::new().await;
    let request = Request::get("/api/tasks")
        .header("host", "kaam.example.org")
        .header("authorization", format!("Bearer {}", believer.key.sign(&believer.claims())));
    believer.world.send(request.body(Body::empty()).expect("a request")).await.ok();
}

#[tokio::test]
async fn nothing_is_fetched_before_the_first_token_and_one_fetch_serves_all_who_wait() {
    let believer = Believer::new().await;
    believer.world.get("/health").await.ok();
    assert_eq!(ask(&believer.world, &[]).await.status, 401);
    assert_refused(&believer.show("no.token.atall").await, "what is no token is worth no question");
    assert_eq!(believer.issuer.all_asked(), Vec::<String>::new());
    let tokens: Vec<_> = (0..20).map(|n| believer.key.sign(&believer.claims_with("jti", json!(n)))).collect();
    for answered in join_all(tokens.iter().map(|token| believer.show(token))).await {
        answered.ok();
    }
    assert_eq!(believer.issuer.asked("/keys"), 1);
}

#[tokio::test]
async fn a_new_key_is_found_at_once_and_made_up_ones_are_asked_for_at_most_every_ten_seconds() {
    let believer = Believer::new().await;
    believer.show(&believer.key.sign(&believer.claims())).await.ok();
    let second = SigningKey::p256("second");
    believer.issuer.publish(&[&believer.key, &second]);
    believer.advance(TimeDelta::seconds(10));
    believer.show(&second.sign(&believer.claims())).await.ok();
    assert_eq!(believer.issuer.asked("/keys"), 2);
    for n in 0..50 {
        let made_up = SigningKey::ed25519(&format!("made up {n}")).sign(&believer.claims());
        assert_refused(&believer.show(&made_up).await, "a key that nobody has");
    }
    assert_eq!(believer.issuer.asked("/keys"), 2, "the last question was a moment ago");
    believer.advance(TimeDelta::seconds(10));
    let made_up: Vec<_> =
        (0..50).map(|n| SigningKey::ed25519(&n.to_string()).sign(&believer.claims())).collect();
    for answered in join_all(made_up.iter().map(|token| believer.show(token))).await {
        assert_refused(&answered, "a key that nobody has");
    }
    assert_eq!(believer.issuer.asked("/keys"), 3, "one question for all of them");
}

#[tokio::test]
async fn a_key_that_was_taken_back_is_believed_no_more_once_the_old_ones_are_stale() {
    let believer = Believer::new().await;
    let mut claims = believer.claims();
    claims["exp"] = json!(believer.world.clock.now().timestamp() + 86_400);
    let token = believer.key.sign(&claims);
    claims["jti"] = json!("another");
    let remembered = believer.key.sign(&claims);
    believer.show(&token).await.ok();
    believer.show(&remembered).await.ok();
    let second = SigningKey::ed25519("second");
    believer.issuer.publish(&[&second]);
    believer.advance(TimeDelta::minutes(9));
    believer.show(&token).await.ok();
    believer.show(&remembered).await.ok();
    believer.advance(TimeDelta::minutes(1));
    assert_refused(&believer.show(&token).await, "its key is no more");
    assert_refused(&believer.show(&remembered).await, "nor is it remembered");
    believer.show(&second.sign(&believer.claims())).await.ok();
}

#[tokio::test]
async fn an_issuer_that_is_away_does_no_harm_to_who_knows_its_keys_for_a_day() {
    let believer = Believer::new().await;
    believer.show(&believer.key.sign(&believer.claims())).await.ok();
    believer.issuer.serve("/keys", Manner::Status(500));
    for hours in 0..23 {
        believer.show(&believer.key.sign(&believer.claims())).await.ok();
        assert!(believer.issuer.asked("/keys") <= 2 + hours);
        believer.advance(TimeDelta::hours(1));
    }
    let unknown = believer.show(&SigningKey::ed25519("new").sign(&believer.claims())).await;
    assert_eq!(unknown.status, 503, "it may be a new key; nobody can tell");
    believer.advance(TimeDelta::hours(2));
    let late = believer.show(&believer.key.sign(&believer.claims())).await;
    assert_eq!(late.status, 503);
    assert!(late.headers.contains_key(header::RETRY_AFTER));
    believer.issuer.publish(&[&believer.key]);
    believer.advance(TimeDelta::seconds(1));
    believer.show(&believer.key.sign(&believer.claims())).await.ok();
}

#[tokio::test]
async fn before_the_first_keys_an_answer_of_no_use_is_a_503_that_says_when_to_come_back() {
    let (issuer, key) = (Issuer::start().await, SigningKey::ed25519("first"));
    let elsewhere = Issuer::start().await;
    elsewhere.publish(&[&key]);
    let world = World::with_settings(settings(&issuer)).await;
    // Sound, but longer than anybody's keys.
    let mut long = key_set(&[&key]);
    long["padding"] = json!("x".repeat(200_000));
    for manner in [
        Manner::Document(long),
        Manner::Status(404),
        Manner::Status(500),
        Manner::Redirect(elsewhere.keys_url()),
        Manner::Huge(1_000_000),
        Manner::Document(json!({"no": "keys"})),
        Manner::Document(json!([])),
    ] {
        issuer.serve("/keys", manner.clone());
        let answered = show(&world, &key.sign(&claims(&issuer.url, "amna", world.clock.now()))).await;
        let what: String = format!("{manner:?}").chars().take(200).collect();
        assert_eq!(answered.status, 503, "{what}");
        assert_eq!(answered.headers[header::RETRY_AFTER], "1", "{what}");
        let body = String::from_utf8(answered.bytes).expect("UTF-8");
        assert!(!body.contains("127.0.0.1"), "{body}");
        let asked = issuer.asked("/keys");
        let again = show(&world, &key.sign(&claims(&issuer.url, "bilal", world.clock.now()))).await;
        assert_eq!((again.status.as_u16(), issuer.asked("/keys")), (503, asked), "a moment ago: {what}");
        world.clock.advance(std::time::Duration::from_secs(1));
    }
    assert_eq!(elsewhere.all_asked(), Vec::<String>::new(), "no redirect is followed");
    issuer.publish(&[&key]);
    show(&world, &key.sign(&claims(&issuer.url, "amna", world.clock.now()))).await.ok();
}

#[tokio::test]
async fn an_issuer_that_never_answers_costs_ten_seconds_at_most_and_nothing_where_its_keys_are_known() {
    const LIMIT: std::time::Duration = std::time::Duration::from_secs(10);
    let (believer, silent) = (Believer::new().await, Issuer::start().await);
    // It says where its keys are, and gives none.
    silent.publish_discovery();
    silent.serve("/keys", Manner::Silent);
    let url: &'static str = Box::leak(silent.url.clone().into_boxed_str());
    let world =
        World::with_settings([("AUTH", "jwt"), ("OIDC_ISSUER", url), ("JWT_AUDIENCE", AUDIENCE)]).await;
    let first = async {
        let watch = Stopwatch::start();
        let token = believer.key.sign(&claims(url, "amna", world.clock.now()));
        let answered = show(&world, &token).await;
        assert_eq!(answered.status, 503);
        assert!(answered.headers.contains_key(header::RETRY_AFTER));
        assert!(watch.elapsed() < LIMIT, "{:?}", watch.elapsed());
    };

    believer.show(&believer.key.sign(&believer.claims())).await.ok();
    believer.issuer.serve("/keys", Manner::Silent);
    believer.advance(TimeDelta::minutes(10));
    let tokens: Vec<_> = (0..20).map(|n| believer.key.sign(&believer.claims_with("jti", json!(n)))).collect();
    let watch = Stopwatch::start();
    let fetching = async {
        believer.show(&tokens[0]).await.ok();
        watch.elapsed()
    };
    let others = async {
        let is_asked = async || (believer.issuer.asked("/keys") == 2).then_some(());
        eventually("one of them asks for new keys", is_asked).await;
        for token in &tokens[1..] {
            believer.show(token).await.ok();
        }
        watch.elapsed()
    };
    let (waited, served, ()) = tokio::join!(fetching, others, first);
    assert!(waited < LIMIT, "who asks goes on with the old keys: {waited:?}");
    assert!(served < waited, "the others wait for nobody: {served:?}, {waited:?}");
    assert_eq!(believer.issuer.asked("/keys"), 2);
}

#[tokio::test]
async fn an_issuer_says_how_long_its_keys_are_fresh() {
    let believer = Believer::new().await;
    let keys = key_set(&[&believer.key]);
    believer.issuer.serve("/keys", Manner::Cached(keys, "public, max-age=120"));
    let ask_after = async |seconds: i64| {
        believer.advance(TimeDelta::seconds(seconds));
        believer.show(&believer.key.sign(&believer.claims())).await.ok();
        believer.issuer.asked("/keys")
    };
    assert_eq!((ask_after(0).await, ask_after(119).await, ask_after(1).await), (1, 1, 2));
}

#[tokio::test]
async fn an_openid_connect_issuer_says_itself_where_its_keys_are() {
    let (issuer, key) = (Issuer::start().await, SigningKey::rsa("first"));
    issuer.publish(&[&key]);
    issuer.publish_discovery();
    let url: &'static str = Box::leak(issuer.url.clone().into_boxed_str());
    let world =
        World::with_settings([("AUTH", "jwt"), ("OIDC_ISSUER", url), ("JWT_AUDIENCE", AUDIENCE)]).await;
    show(&world, &key.sign(&claims(&issuer.url, "amna", world.clock.now()))).await.ok();
    assert_eq!(issuer.all_asked(), ["/.well-known/openid-configuration", "/keys"]);

    let attacker = Issuer::start().await;
    for document in [
        json!({"issuer": attacker.url, "jwks_uri": issuer.keys_url()}),
        json!({"issuer": format!("{url}/"), "jwks_uri": issuer.keys_url()}),
        json!({"issuer": url, "jwks_uri": "http://keys.example.org/keys"}),
        json!({"issuer": url, "jwks_uri": issuer.keys_url().replace("http://", "http://user@")}),
        json!({"issuer": url}),
    ] {
        issuer.serve("/.well-known/openid-configuration", Manner::Document(document.clone()));
        let world = world.beside();
        let answered = show(&world, &key.sign(&claims(url, "amna", world.clock.now()))).await;
        assert_eq!(answered.status, 503, "{document}");
    }
    assert_eq!(issuer.asked("/keys"), 1);
}

#[tokio::test]
async fn a_token_that_was_believed_is_not_believed_after_its_time() {
    let believer = Believer::new().await;
    let token = believer.key.sign(&believer.claims());
    believer.show(&token).await.ok();
    believer.advance(TimeDelta::seconds(659));
    believer.show(&token).await.ok();
    believer.advance(TimeDelta::seconds(1));
    assert_refused(&believer.show(&token).await, "its time is over");
}

#[tokio::test]
async fn users_with_tokens_do_not_see_each_others_tasks() {
    let believer = Believer::new().await;
    let bearer =
        |user_id: &str| format!("Bearer {}", believer.key.sign(&believer.claims_with("sub", json!(user_id))));
    let (amna, bilal) = (bearer("amna"), bearer("bilal"));
    let body = json!({"title": "secret"});
    let task = believer.world.call_with("POST", "/api/tasks", &body, &[("authorization", &amna)]).await.ok();
    let path = tests::world::path_of(&task);
    let foreign = believer.world.call_with("GET", &path, &Value::Null, &[("authorization", &bilal)]).await;
    assert_eq!(foreign.status, 404);
    believer.world.call_with("GET", &path, &Value::Null, &[("authorization", &amna)]).await.ok();
}

#[tokio::test]
async fn an_idempotency_key_is_the_users_own() {
    let believer = Believer::new().await;
    let mut ids = Vec::new();
    for user_id in ["amna", "bilal", "amna"] {
        let bearer = format!("Bearer {}", believer.key.sign(&believer.claims_with("sub", json!(user_id))));
        let headers = [("authorization", bearer.as_str()), ("idempotency-key", "k")];
        let task =
            believer.world.call_with("POST", "/api/tasks", &json!({"title": "a"}), &headers).await.ok();
        ids.push(task["id"].clone());
    }
    assert!(ids[0] == ids[2] && ids[0] != ids[1]);
}

#[tokio::test]
async fn s10_what_the_cluster_signs_for_this_function_may_bring_events() {
    let (users, cluster) = (Issuer::start().await, Issuer::start().await);
    let (key, cluster_key) = (SigningKey::ed25519("first"), SigningKey::rsa("cluster"));
    users.publish(&[&key]);
    cluster.publish(&[&cluster_key]);
    cluster.publish_discovery();
    let audience = "serving.knative.dev/service/kaam/scan-reminders";
    let events =
        [("HOST", "0.0.0.0"), ("EVENTS_ISSUER", cluster.url.as_str()), ("EVENTS_AUDIENCE", audience)];
    let environment = Environment::from_pairs(settings(&users).into_iter().chain(events));
    let config = Config::from_environment(&environment).expect("sound settings");
    let ticked = Function::new("ticked").on(on_tick(async || Disposition::Done));
    let router = App::new(&config, vec![ticked]).router();
    let now = Clock::system().now();
    let trigger = "system:serviceaccount:kaam:scan-reminders-oidc";
    let mut sound = claims(&cluster.url, trigger, now);
    sound["aud"] = json!([audience]);
    let mut foreign = sound.clone();
    foreign["aud"] = json!(["serving.knative.dev/service/kaam/other"]);
    for (what, token, status) in [
        ("a trigger's", Some(cluster_key.sign(&sound)), 204),
        ("for another function", Some(cluster_key.sign(&foreign)), 401),
        ("of the other issuer", Some(key.sign(&sound)), 401),
        ("a user's", Some(key.sign(&claims(&users.url, "amna", now))), 403),
        ("nothing", None, 401),
    ] {
        let mut request = Request::post("/");
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let request = request.body(Body::empty()).expect("a request");
        let answered = router.clone().oneshot(request).await.expect("a router never fails");
        assert_eq!(answered.status(), status, "{what}");
    }
}
