//! Accounts: opening one, signing in, staying signed in, and what nobody learns by trying.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::Path;

use application::accounts::{Account, Email, NewSession};
use axum::body::Body;
use axum::http::{Request, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use devkit::testing::TestDirectory;
use futures::future::{join, join_all};
use runtime::address::ClientAddress;
use runtime::ask::cause;
use runtime::auth::SigningKeys;
use runtime::clock::new_id;
use runtime::request::RequestContext;
use serde_json::{Value, json};
use sqlx::{Connection as _, PgConnection};
use tests::bus::record;
use tests::database::{count, rows};
use tests::process::{DataDir, Program, backend, command, eventually};
use tests::world::{Answered, World};

const EMAIL: &str = "Amna.Khan@Example.ORG";
const PASSWORD: &str = "correct horse battery";

async fn world() -> World {
    let key: &'static str = Box::leak(SigningKeys::generate().into_boxed_str());
    let settings = [
        ("AUTH", "jwt"),
        ("SIGNING_KEY", key),
        ("JWT_ISSUER", "https://kaam.example.org"),
        ("JWT_AUDIENCE", "kaam"),
    ];
    World::with_settings(settings).await
}

async fn with_account() -> World {
    let world = world().await;
    register(&world, EMAIL, PASSWORD).await.ok();
    world
}

async fn register(world: &World, email: &str, password: &str) -> Answered {
    world.post("/auth/register", json!({"email": email, "password": password})).await
}

async fn sign_in(world: &World, email: &str, password: &str) -> Answered {
    world.post("/auth/sign-in", json!({"email": email, "password": password})).await
}

async fn refresh(world: &World, token: &Value) -> Answered {
    world.post("/auth/refresh", json!({"refresh_token": token})).await
}

async fn tasks_with(world: &World, access_token: &Value) -> Answered {
    let bearer = format!("Bearer {}", access_token.as_str().expect("a token"));
    world.call_with("GET", "/api/tasks", &Value::Null, &[("authorization", &bearer)]).await
}

fn advance(world: &World, seconds: i64) {
    world.clock.advance(TimeDelta::seconds(seconds).to_std().expect("forward"));
}

async fn audited(world: &World) -> Vec<String> {
    world.settle().await;
    let query = "SELECT action FROM audit_logs ORDER BY user_id, seq";
    let rows = rows(&world.database_url, query).await;
    rows.iter().map(|row| row["action"].as_str().expect("a text").to_owned()).collect()
}

#[tokio::test]
async fn who_registers_signs_in_and_has_tasks_and_settings() {
    let world = world().await;
    let body = json!({"email": EMAIL, "password": PASSWORD, "time_zone": "Asia/Karachi", "locale": "ur-PK"});
    assert_eq!(world.post("/auth/register", body).await.ok(), json!({"status": "registered"}));
    let answered = sign_in(&world, "amna.khan@example.org", PASSWORD).await;
    assert_eq!(answered.headers[header::CACHE_CONTROL], "no-store");
    let tokens = answered.ok();
    assert_eq!((&tokens["token_type"], &tokens["expires_in"]), (&json!("Bearer"), &json!(600)));
    let bearer = format!("Bearer {}", tokens["access_token"].as_str().expect("a token"));
    let headers = [("authorization", bearer.as_str())];
    let task = world.call_with("POST", "/api/tasks", &json!({"title": "milk"}), &headers).await.ok();
    assert_eq!((&task["user_id"], &task["time_zone"]), (&tokens["user_id"], &json!("Asia/Karachi")));
    let settings = world.call_with("GET", "/api/settings", &Value::Null, &headers).await.ok();
    assert_eq!((&settings["email"], &settings["locale"]), (&json!("Amna.Khan@example.org"), &json!("ur-PK")));
    let user_id = tokens["user_id"].as_str().expect("a text");
    assert_eq!(uuid::Uuid::parse_str(user_id).expect("a UUID").get_version_num(), 7);
    let told: BTreeSet<_> = audited(&world).await.into_iter().collect();
    let expected = ["account.registered", "account.signed_in", "settings.updated", "task.created"];
    assert_eq!(told, expected.map(str::to_owned).into());
}

#[tokio::test]
async fn an_access_token_is_one_for_access_and_good_for_ten_minutes() {
    let world = with_account().await;
    let tokens = sign_in(&world, EMAIL, PASSWORD).await.ok();
    let token = tokens["access_token"].as_str().expect("a token");
    let part = |index: usize| -> Value {
        let part = token.split('.').nth(index).expect("three parts");
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).expect("base64url")).expect("JSON")
    };
    let answered = world.get("/.well-known/jwks.json").await;
    assert!(answered.headers[header::CACHE_CONTROL].to_str().expect("a text").contains("max-age=600"));
    let keys = answered.ok();
    assert_eq!(part(0), json!({"alg": "EdDSA", "typ": "at+jwt", "kid": keys["keys"][0]["kid"]}));
    let claims = part(1);
    assert_eq!(
        (&claims["iss"], &claims["aud"], &claims["sub"]),
        (&json!("https://kaam.example.org"), &json!("kaam"), &tokens["user_id"])
    );
    assert!(claims["jti"].is_string());
    assert_eq!(keys["keys"][0]["d"], Value::Null, "the private half stays here");
    tasks_with(&world, &tokens["access_token"]).await.ok();
    advance(&world, 660);
    assert_eq!(tasks_with(&world, &tokens["access_token"]).await.status, 401);
}

#[tokio::test]
async fn a_wrong_field_is_named_and_no_password_is_kept_or_shown() {
    let world = world().await;
    let wrong =
        json!({"email": "amna", "password": "short", "time_zone": "Mars", "locale": "xx", "user_id": "a"});
    let answered = world.post("/auth/register", wrong).await;
    assert_eq!(answered.wrong_fields(), ["email", "locale", "password", "time_zone", "user_id"]);
    for (path, body, fields) in [
        ("/auth/register", json!({}), &["email", "password"][..]),
        ("/auth/register", json!({"email": EMAIL, "password": "Amna.Khan@example.org"}), &["password"]),
        ("/auth/register", json!({"email": EMAIL, "password": "password123"}), &["password"]),
        ("/auth/register", json!({"email": "a@b.org,c@d.org", "password": PASSWORD}), &["email"]),
        (
            "/auth/sign-in",
            json!({"email": 7, "password": ["x"], "cookie": "yes"}),
            &["cookie", "email", "password"],
        ),
        ("/auth/sign-in", json!({"email": EMAIL, "password": "x".repeat(10_000)}), &["password"]),
        ("/auth/refresh", json!({}), &["refresh_token"]),
        ("/auth/sign-out", json!({"refresh_token": 7}), &["refresh_token"]),
    ] {
        let answered = world.post(path, body.clone()).await;
        assert_eq!(
            (answered.status.as_u16(), answered.wrong_fields()),
            (422, fields.iter().map(|name| (*name).to_owned()).collect()),
            "{path} {body}"
        );
    }
    register(&world, EMAIL, PASSWORD).await.ok();
    let account = &rows(&world.database_url, "SELECT * FROM accounts").await[0];
    assert!(
        account["password_hash"]
            .as_str()
            .is_some_and(|hash| hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"))
    );
    let tokens = sign_in(&world, EMAIL, PASSWORD).await.ok();
    let everything = rows(&world.database_url, "SELECT * FROM events").await;
    let everything = format!("{everything:?}{:?}", rows(&world.database_url, "SELECT * FROM sessions").await);
    for secret in [
        PASSWORD,
        tokens["refresh_token"].as_str().expect("a text"),
        tokens["access_token"].as_str().expect("a text"),
    ] {
        assert!(!everything.contains(secret));
    }
}

#[tokio::test]
async fn s18_nobody_learns_whether_an_address_has_an_account() {
    let world = with_account().await;
    let visible = |answered: &Answered| {
        let mut body = answered.json();
        body["correlation_id"] = Value::Null;
        let names: Vec<_> = answered.headers.keys().map(|name| name.as_str().to_owned()).collect();
        (answered.status, names, body)
    };
    let (again, new) = (
        register(&world, EMAIL, "another password").await,
        register(&world, "new@example.org", PASSWORD).await,
    );
    assert_eq!(visible(&again), visible(&new));
    let wrong = sign_in(&world, EMAIL, "wrong password").await;
    let unknown = sign_in(&world, "nobody@example.org", "wrong password").await;
    assert_eq!(wrong.status, 401);
    assert_eq!(visible(&wrong), visible(&unknown));
    // Both have to wait after as many failures.
    for _ in 0..2 {
        for email in [EMAIL, "nobody@example.org"] {
            assert_eq!(sign_in(&world, email, "wrong password").await.status, 401);
        }
    }
    for email in [EMAIL, "nobody@example.org"] {
        assert_eq!(sign_in(&world, email, "wrong password").await.status, 401);
        let refused = sign_in(&world, email, "wrong password").await;
        assert_eq!(
            (refused.status.as_u16(), &refused.headers[header::RETRY_AFTER]),
            (429, &1.into()),
            "{email}"
        );
        assert_eq!(refused.json()["detail"], "too many attempts, try again later");
    }
    advance(&world, 2);
    // The old password is still the one.
    assert_eq!(sign_in(&world, EMAIL, "another password").await.status, 401);
    assert_eq!(count(&world, "accounts").await, 2);
    let told = audited(&world).await;
    assert!(told.contains(&"account.registration_repeated".to_owned()), "its owner finds it");
    assert_eq!(count(&world, "events WHERE user_id = ''").await, 0, "nobody has nothing noted");
}

#[tokio::test]
async fn s18_an_unknown_address_takes_as_long_as_a_wrong_password() {
    let world = with_account().await;
    sign_in(&world, EMAIL, PASSWORD).await.ok();
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for round in 0..24 {
        let mut both = [(EMAIL.to_owned(), &mut known), (format!("nobody{round}@example.org"), &mut unknown)];
        // Now this one first and now that: what other work takes of the processor may come and go in step with them.
        both.rotate_left(round % 2);
        for (email, times) in both {
            let watch = runtime::clock::Stopwatch::start();
            assert_eq!(sign_in(&world, &email, "wrong password").await.status, 401);
            times.push(watch.elapsed());
        }
        // Waiting is another matter.
        advance(&world, 86_400 + 1);
    }
    known.sort();
    unknown.sort();
    let ratio = known[known.len() / 2].as_secs_f64() / unknown[unknown.len() / 2].as_secs_f64();
    assert!((0.5..2.0).contains(&ratio), "{ratio}: {known:?} {unknown:?}");
}

#[tokio::test]
async fn failures_make_one_wait_longer_and_longer_but_never_for_more_than_a_quarter_of_an_hour() {
    let world = with_account().await;
    let mut waits = Vec::new();
    for _ in 0..16 {
        while let refused = sign_in(&world, EMAIL, "wrong password").await
            && refused.status == 429
        {
            let seconds =
                refused.headers[header::RETRY_AFTER].to_str().expect("a text").parse().expect("a number");
            assert_eq!(sign_in(&world, EMAIL, PASSWORD).await.status, 429, "the right one has to wait, too");
            waits.push(seconds);
            advance(&world, seconds);
        }
    }
    assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]);
    advance(&world, 900);
    sign_in(&world, EMAIL, PASSWORD).await.ok();
    for _ in 0..3 {
        assert_eq!(sign_in(&world, EMAIL, "wrong password").await.status, 401, "all is forgiven");
    }
    sign_in(&world, EMAIL, PASSWORD).await.ok();
}

#[tokio::test]
async fn many_guesses_at_once_are_not_more_than_one_after_the_other() {
    let world = with_account().await;
    let tries = (0..30).map(|n| sign_in_owned(&world, format!("guess number {n}")));
    let statuses: Vec<_> =
        join_all(tries).await.into_iter().map(|answered| answered.status.as_u16()).collect();
    let checked = statuses.iter().filter(|status| **status == 401).count();
    assert!(checked <= 4, "{statuses:?}");
    assert!(statuses.iter().all(|status| [401, 429, 503].contains(status)), "{statuses:?}");
}

async fn sign_in_owned(world: &World, password: String) -> Answered {
    sign_in(world, EMAIL, &password).await
}

#[tokio::test]
async fn a_header_says_from_where_nobody_is_while_no_proxy_is_trusted() {
    let world = with_account().await;
    for n in 0..20 {
        let request = Request::post("/auth/sign-in")
            .header(header::CONTENT_TYPE, "application/json")
            .header("x-forwarded-for", "203.0.113.9");
        let body = json!({"email": format!("nobody{n}@example.org"), "password": "wrong password"});
        let request = request.body(Body::from(body.to_string())).expect("a request");
        assert_eq!(world.send(request).await.status, 401);
    }
    assert_eq!(count(&world, "sign_in_attempts").await, 20, "none of an address of the network");
}

/// Starts the function by itself on the database of a world, with more settings.
async fn by_itself(world: &World, settings: &[(&str, &str)], log: &Path) -> Program {
    let mut command = command("sign-in");
    command
        .env("DATABASE_URL", &world.database_url)
        .env("AUTH", "jwt")
        .env("SIGNING_KEY", SigningKeys::generate())
        .env("JWT_ISSUER", "https://kaam.example.org")
        .env("JWT_AUDIENCE", "kaam")
        .envs(settings.iter().copied());
    Program::start_with_log(command, log).await
}

/// Posts JSON as a proxy does for a caller from an address; gives the status.
async fn post_from(program: &Program, address: &str, path: &str, body: Value) -> u16 {
    program.call("POST", path, &body, &[("x-forwarded-for", address)]).await.expect("it runs").0
}

#[tokio::test]
async fn an_address_of_the_network_waits_too_and_takes_nobody_else_with_it() {
    let (world, files) = (with_account().await, TestDirectory::new());
    let settings = [("TRUSTED_PROXIES", "127.0.0.0/8"), ("RATE_LIMIT_SIGN_IN", "1000")];
    let program = by_itself(&world, &settings, &files.path().join("log")).await;
    let sign_in = async |address: &str, email: &str, password: &str| {
        let body = json!({"email": email, "password": password});
        post_from(&program, address, "/auth/sign-in", body).await
    };
    let mut n = 0;
    while sign_in("198.51.100.7, 203.0.113.9", &format!("nobody{n}@example.org"), "wrong password").await
        == 401
    {
        n += 1;
        assert!(n < 40, "an address has to wait at last");
    }
    assert!(n >= 11, "{n}");
    let elsewhere = sign_in("203.0.113.9, 198.51.100.7", "nobody@example.org", "wrong password").await;
    assert_eq!(elsewhere, 401, "and takes nobody else with it");
    // Who fails to sign in as somebody else does not keep them out.
    for _ in 0..4 {
        assert_eq!(sign_in("2001:db8::1", EMAIL, "wrong password").await, 401);
    }
    assert_eq!(sign_in("2001:db8::2", EMAIL, PASSWORD).await, 429, "from the same network");
    assert_eq!(sign_in("2001:db8:1::1", EMAIL, PASSWORD).await, 200);
}

#[tokio::test]
async fn s12_who_tried_to_sign_in_too_often_can_still_sign_out() {
    let (world, files) = (with_account().await, TestDirectory::new());
    let settings = [("TRUSTED_PROXIES", "127.0.0.0/8"), ("RATE_LIMIT_SIGN_IN", "1")];
    let program = by_itself(&world, &settings, &files.path().join("log")).await;
    let post = async |path: &str, body: &Value| post_from(&program, "203.0.113.9", path, body.clone()).await;
    let (account, token) = (json!({"email": EMAIL, "password": PASSWORD}), json!({"refresh_token": "none"}));
    for _ in 0..3 {
        assert_eq!(post("/auth/sign-out", &token).await, 200, "it is no try");
    }
    assert_eq!(post("/auth/refresh", &token).await, 401);
    for (path, body) in [("/auth/sign-in", &account), ("/auth/refresh", &token), ("/auth/register", &account)]
    {
        assert_eq!(post(path, body).await, 429, "{path}");
    }
    assert_eq!(post("/auth/sign-out", &token).await, 200);
    assert_eq!(post("/auth/password", &token).await, 401, "nor is what needs a token");
}

#[tokio::test]
async fn s11_the_log_says_once_that_a_proxy_may_be_missing() {
    let (world, files) = (world().await, TestDirectory::new());
    for (proxies, expected) in [("10.0.0.0/8", 1), ("127.0.0.0/8", 0)] {
        let log = files.path().join(format!("log-{expected}"));
        let program = by_itself(&world, &[("TRUSTED_PROXIES", proxies)], &log).await;
        for _ in 0..3 {
            assert_eq!(post_from(&program, "203.0.113.9", "/auth/refresh", json!({})).await, 422);
        }
        assert!(program.stop().await.success());
        let said = std::fs::read_to_string(log).expect("a log");
        assert_eq!(said.matches("TRUSTED_PROXIES").count(), expected, "{said}");
    }
}

/// Tries to sign in to the account from an address; says whether it has not to wait.
async fn is_let_in(world: &World, address: IpAddr) -> bool {
    let (email, now) = (Email::parse(EMAIL).expect("an address"), world.clock.now());
    let subjects = email.subjects(ClientAddress(Some(address)).network());
    let wait = world.application.charge_attempt(new_id(now), &subjects, now).await;
    wait.expect("the database is there").is_none()
}

#[tokio::test]
async fn from_many_networks_together_an_account_is_tried_some_three_hundred_times() {
    let world = with_account().await;
    let mut networks = (0..=255).map(|n| IpAddr::from([198, 51, n, 1]));
    for network in networks.by_ref().take(101) {
        for _ in 0..3 {
            assert!(is_let_in(&world, network).await);
        }
    }
    let more = networks.next().expect("one more");
    assert!(is_let_in(&world, more).await, "the first that has to be waited for");
    assert!(!is_let_in(&world, more).await && !is_let_in(&world, networks.next().expect("one more")).await);
    advance(&world, 1);
    assert!(is_let_in(&world, more).await);
}

#[tokio::test]
async fn who_has_a_hundred_networks_of_ipv6_at_one_place_keeps_nobody_out_elsewhere() {
    let world = with_account().await;
    let mut let_in = 0;
    for n in 0..110 {
        for _ in 0..3 {
            let network = IpAddr::from([0x2001, 0xdb8, 1, n << 8, 0, 0, 0, 1]);
            let_in += usize::from(is_let_in(&world, network).await);
        }
    }
    assert_eq!(let_in, 8);
    assert!(is_let_in(&world, IpAddr::from([0x2001, 0xdb8, 2, 0, 0, 0, 0, 1])).await, "the owner");
}

#[tokio::test]
async fn an_attempt_that_has_to_wait_for_another_one_is_counted_as_none() {
    let world = with_account().await;
    let address = IpAddr::from([203, 0, 113, 9]);
    for _ in 0..3 {
        assert!(is_let_in(&world, address).await);
    }
    let mut other = PgConnection::connect(&world.database_url).await.expect("the database is there");
    let held = "BEGIN; SELECT * FROM sign_in_attempts FOR UPDATE";
    sqlx::raw_sql(held).execute(&mut other).await.expect("it is sound");
    let all_wait = async {
        eventually("all of them wait", || async {
            let waiting = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
            (rows(&world.database_url, waiting).await.len() == 4).then_some(())
        })
        .await;
        sqlx::raw_sql("ROLLBACK").execute(&mut other).await.expect("it is sound");
    };
    let tries = join_all((0..4).map(|_| is_let_in(&world, address)));
    let (let_in, ()) = join(tries, all_wait).await;
    assert_eq!(let_in.iter().filter(|is_let_in| **is_let_in).count(), 1, "{let_in:?}");
    let counted = rows(&world.database_url, "SELECT failures FROM sign_in_attempts").await;
    assert!(counted.len() == 2 && counted.iter().all(|row| row["failures"] == 4), "{counted:?}");
}

#[tokio::test]
async fn a_refresh_token_is_good_once_and_its_reuse_ends_the_session() {
    let world = with_account().await;
    let first = sign_in(&world, EMAIL, PASSWORD).await.ok();
    let other = sign_in(&world, EMAIL, PASSWORD).await.ok();
    advance(&world, 60);
    let second = refresh(&world, &first["refresh_token"]).await.ok();
    assert_ne!(first["refresh_token"], second["refresh_token"]);
    assert_eq!(first["user_id"], second["user_id"]);
    tasks_with(&world, &second["access_token"]).await.ok();
    // The answer was lost: the same again, within ten seconds.
    advance(&world, 10);
    let again = refresh(&world, &first["refresh_token"]).await.ok();
    assert_eq!(again["refresh_token"], second["refresh_token"]);
    advance(&world, 1);
    let reused = refresh(&world, &first["refresh_token"]).await;
    assert_eq!(reused.status, 401);
    assert_eq!(refresh(&world, &second["refresh_token"]).await.status, 401, "the whole session is over");
    refresh(&world, &other["refresh_token"]).await.ok();
    let told = audited(&world).await;
    assert_eq!(told.iter().filter(|action| *action == "account.refresh_reused").count(), 1, "{told:?}");
}

#[tokio::test]
async fn two_pages_that_refresh_at_once_get_the_same_token() {
    let world = with_account().await;
    let first = sign_in(&world, EMAIL, PASSWORD).await.ok();
    let both = join_all((0..8).map(|_| refresh(&world, &first["refresh_token"]))).await;
    let tokens: Vec<_> = both.iter().map(|answered| answered.ok()["refresh_token"].clone()).collect();
    assert!(tokens.windows(2).all(|pair| pair[0] == pair[1]), "{tokens:?}");
    refresh(&world, &tokens[0]).await.ok();
}

#[tokio::test]
async fn a_refresh_token_of_a_key_that_was_taken_away_is_good_once_too_and_its_reuse_ends_the_session() {
    let world = with_account().await;
    let tokens = sign_in(&world, EMAIL, PASSWORD).await.ok();
    let mut bytes =
        URL_SAFE_NO_PAD.decode(tokens["refresh_token"].as_str().expect("a text")).expect("base64url");
    // As one that another key has marked.
    bytes[63] ^= 1;
    let old = json!(URL_SAFE_NO_PAD.encode(&bytes));
    let mut database = PgConnection::connect(&world.database_url).await.expect("the database is there");
    let marked = sqlx::query("UPDATE sessions SET token_hash = sha256($1)").bind(&bytes[32..]);
    let kept = marked.execute(&mut database).await;
    assert_eq!(kept.expect("the table is there").rows_affected(), 1);
    let next = refresh(&world, &old).await.ok();
    advance(&world, 5);
    assert_eq!(
        refresh(&world, &old).await.ok()["refresh_token"],
        next["refresh_token"],
        "the answer was lost"
    );
    advance(&world, 6);
    assert_eq!(refresh(&world, &old).await.status, 401);
    assert_eq!(refresh(&world, &next["refresh_token"]).await.status, 401, "the whole session is over");
}

#[tokio::test]
async fn what_is_no_refresh_token_is_refused_and_ends_nothing() {
    let world = with_account().await;
    let tokens = sign_in(&world, EMAIL, PASSWORD).await.ok();
    let sound = URL_SAFE_NO_PAD.decode(tokens["refresh_token"].as_str().expect("a text")).expect("base64url");
    let with = |index: usize| {
        let mut bytes = sound.clone();
        bytes[index] ^= 1;
        json!(URL_SAFE_NO_PAD.encode(bytes))
    };
    // Another user, another session, and what was made up by one who knows both, since they stand in the audit log.
    for token in [
        with(32),
        with(63),
        json!(""),
        json!("x"),
        json!("x".repeat(10_000)),
        with(0),
        with(15),
        with(16),
        with(31),
        tokens["access_token"].clone(),
    ] {
        let refused = refresh(&world, &token).await;
        assert_eq!(refused.status, 401, "{token}");
        assert!(refused.headers.contains_key(header::WWW_AUTHENTICATE));
    }
    refresh(&world, &tokens["refresh_token"]).await.ok();
}

#[tokio::test]
async fn a_session_ends_after_thirty_days_without_use_and_after_a_year() {
    let world = with_account().await;
    let tokens = sign_in(&world, EMAIL, PASSWORD).await.ok();
    advance(&world, 30 * 86_400);
    assert_eq!(refresh(&world, &tokens["refresh_token"]).await.status, 401);
    let mut token = sign_in(&world, EMAIL, PASSWORD).await.ok()["refresh_token"].clone();
    for _ in 0..12 {
        advance(&world, 29 * 86_400);
        token = refresh(&world, &token).await.ok()["refresh_token"].clone();
    }
    advance(&world, 20 * 86_400);
    assert_eq!(refresh(&world, &token).await.status, 401);
    advance(&world, 30 * 86_400);
    world.application.forget_expired(world.clock.now()).await.expect("the database is there");
    assert_eq!((count(&world, "sessions").await, count(&world, "sign_in_attempts").await), (0, 0));
}

#[tokio::test]
async fn signing_out_ends_one_session_and_can_be_said_twice() {
    let world = with_account().await;
    let (here, there) =
        (sign_in(&world, EMAIL, PASSWORD).await.ok(), sign_in(&world, EMAIL, PASSWORD).await.ok());
    for _ in 0..2 {
        let body = json!({"refresh_token": here["refresh_token"]});
        assert_eq!(world.post("/auth/sign-out", body).await.ok(), json!({"status": "signed_out"}));
    }
    assert_eq!(refresh(&world, &here["refresh_token"]).await.status, 401);
    refresh(&world, &there["refresh_token"]).await.ok();
    world.post("/auth/sign-out", json!({"refresh_token": "nonsense"})).await.ok();
    let told = audited(&world).await;
    assert_eq!(told.iter().filter(|action| *action == "account.signed_out").count(), 1);
}

#[tokio::test]
async fn a_new_password_takes_the_old_one_and_the_sessions_of_all_others() {
    let world = with_account().await;
    let (here, there) =
        (sign_in(&world, EMAIL, PASSWORD).await.ok(), sign_in(&world, EMAIL, PASSWORD).await.ok());
    let bearer = format!("Bearer {}", here["access_token"].as_str().expect("a token"));
    let change = async |current: &str, new: &str| {
        let body =
            json!({"current_password": current, "new_password": new, "refresh_token": here["refresh_token"]});
        world.call_with("POST", "/auth/password", &body, &[("authorization", &bearer)]).await
    };
    let body = json!({"current_password": PASSWORD, "new_password": "a new password"});
    assert_eq!(world.post("/auth/password", body).await.status, 401, "without a token");
    assert_eq!(change("wrong password", "a new password").await.status, 403);
    for unfit in ["short", "amna.khan@example.org", "iloveyou"] {
        assert_eq!(change(PASSWORD, unfit).await.wrong_fields(), ["new_password"], "{unfit}");
    }
    assert_eq!(change(PASSWORD, "a new password").await.ok(), json!({"status": "changed"}));
    assert_eq!(sign_in(&world, EMAIL, PASSWORD).await.status, 401);
    sign_in(&world, EMAIL, "a new password").await.ok();
    assert_eq!(refresh(&world, &there["refresh_token"]).await.status, 401);
    refresh(&world, &here["refresh_token"]).await.ok();
    let told = audited(&world).await;
    assert!(told.contains(&"account.password_changed".to_owned()), "{told:?}");
}

#[tokio::test]
async fn who_signs_in_with_the_old_password_while_it_is_changed_gets_no_session() {
    let world = with_account().await;
    let email = Email::parse(EMAIL).expect("an address");
    // Somebody's password was looked at and found right, and is another before the session begins.
    let looked_at = world.application.account(&email).await.expect("the database is there").expect("one");
    let tokens = sign_in(&world, EMAIL, PASSWORD).await.ok();
    let bearer = format!("Bearer {}", tokens["access_token"].as_str().expect("a token"));
    let body = json!({"current_password": PASSWORD, "new_password": "a new password"});
    world.call_with("POST", "/auth/password", &body, &[("authorization", &bearer)]).await.ok();
    let cause = cause(&RequestContext::fresh(), &looked_at.user_id, "sign-in", &world.clock);
    let session = NewSession {
        session_id: new_id(cause.now),
        token_hash: [7; 32],
        expires_at: cause.now + TimeDelta::days(1),
    };
    let subjects = email.subjects(None);
    let begin = async |account: &Account| {
        world.application.begin_session(&cause, &session, account, (&subjects, &[])).await
    };
    assert!(!begin(&looked_at).await.expect("the database is there"));
    assert_eq!(count(&world, "sessions").await, 0);
    let account = world.application.account(&email).await.expect("the database is there").expect("one");
    assert!(begin(&account).await.expect("the database is there"));
    assert_eq!(count(&world, "sessions").await, 1);
}

#[tokio::test]
async fn nobody_fills_the_log_of_another_by_registering_their_address() {
    let world = with_account().await;
    for _ in 0..8 {
        register(&world, EMAIL, "another password").await.ok();
    }
    let told = audited(&world).await;
    let noted = told.iter().filter(|action| *action == "account.registration_repeated").count();
    assert_eq!(noted, 4, "{told:?}");
}

#[tokio::test]
async fn f08_a_new_password_that_postgresql_gave_up_for_another_transaction_is_saved_all_the_same() {
    let world = with_account().await;
    let token = sign_in(&world, EMAIL, PASSWORD).await.ok();
    let bearer = format!("Bearer {}", token["access_token"].as_str().expect("a token"));
    let administrator = world.database_url.replacen("kaam@", "postgres@", 1);
    let mut other = PgConnection::connect(&administrator).await.expect("the database is there");
    // Of two that wait for each other the one that looks first is given up.
    let begin = "SET deadlock_timeout = '20s'; BEGIN; UPDATE sessions SET created_at = created_at";
    sqlx::raw_sql(begin).execute(&mut other).await.expect("it is sound");
    let in_opposite_order = async {
        eventually("the function waits for the session", || async {
            let waiting = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
            (!rows(&administrator, waiting).await.is_empty()).then_some(())
        })
        .await;
        let rest = "UPDATE accounts SET created_at = created_at; COMMIT";
        sqlx::raw_sql(rest).execute(&mut other).await.expect("it is not the one that is given up");
    };
    let body = json!({"current_password": PASSWORD, "new_password": "a new password of some words"});
    let headers = [("authorization", bearer.as_str())];
    let (changed, ()) =
        join(world.call_with("POST", "/auth/password", &body, &headers), in_opposite_order).await;
    assert_eq!(changed.ok(), json!({"status": "changed"}));
    sign_in(&world, EMAIL, "a new password of some words").await.ok();
}

#[tokio::test]
async fn who_has_somebodys_access_token_can_not_guess_the_password_at_leisure() {
    let world = with_account().await;
    let tokens = sign_in(&world, EMAIL, PASSWORD).await.ok();
    let bearer = format!("Bearer {}", tokens["access_token"].as_str().expect("a token"));
    let mut statuses = Vec::new();
    for n in 0..6 {
        let body = json!({"current_password": format!("guess number {n}"), "new_password": "a new password"});
        let answered = world.call_with("POST", "/auth/password", &body, &[("authorization", &bearer)]).await;
        statuses.push(answered.status.as_u16());
    }
    assert_eq!(statuses, [403, 403, 403, 403, 429, 429]);
}

#[tokio::test]
async fn s27_in_a_browser_the_refresh_token_is_in_a_cookie_that_only_the_own_page_can_use() {
    let world = with_account().await;
    let own = ("sec-fetch-site", "same-origin");
    let body = json!({"email": EMAIL, "password": PASSWORD, "cookie": true});
    for headers in [&[][..], &[("sec-fetch-site", "cross-site")], &[("sec-fetch-site", "same-site")]] {
        let refused = world.call_with("POST", "/auth/sign-in", &body, headers).await;
        assert_eq!((refused.status.as_u16(), refused.headers.get(header::SET_COOKIE)), (403, None));
    }
    let cookie_of = |answered: &Answered| {
        let set = answered.headers[header::SET_COOKIE].to_str().expect("a text").to_owned();
        let (pair, attributes) = set.split_once("; ").expect("attributes");
        assert!(attributes.starts_with("Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age="), "{set}");
        assert!(pair.starts_with("__Host-kaam-refresh="), "{set}");
        pair.to_owned()
    };
    let answered = world.call_with("POST", "/auth/sign-in", &body, &[own]).await;
    let cookie = cookie_of(&answered);
    assert_eq!(answered.ok()["refresh_token"], Value::Null, "no script is told");
    let refresh = async |headers: &[(&str, &str)]| {
        world.call_with("POST", "/auth/refresh", &json!({"cookie": true}), headers).await
    };
    for site in ["cross-site", "same-site", "none"] {
        assert_eq!(refresh(&[("cookie", &cookie), ("sec-fetch-site", site)]).await.status, 403, "{site}");
    }
    assert_eq!(refresh(&[("cookie", &cookie)]).await.status, 403);
    assert_eq!(refresh(&[own]).await.status, 401);
    let next = refresh(&[("cookie", &cookie), own]).await;
    assert_ne!(cookie_of(&next), cookie);
    tasks_with(&world, &next.ok()["access_token"]).await.ok();
    let sign_out = json!({"cookie": true});
    let next_cookie = cookie_of(&next);
    let gone = world.call_with("POST", "/auth/sign-out", &sign_out, &[("cookie", &next_cookie), own]).await;
    assert_eq!(cookie_of(&gone), "__Host-kaam-refresh=");
    assert_eq!(refresh(&[("cookie", &next_cookie), own]).await.status, 401);
}

#[tokio::test]
async fn what_sign_in_tells_is_as_the_asyncapi_document_says() {
    let world = with_account().await;
    register(&world, EMAIL, PASSWORD).await.ok();
    assert_eq!(sign_in(&world, EMAIL, "wrong password").await.status, 401);
    let tokens = sign_in(&world, EMAIL, PASSWORD).await.ok();
    advance(&world, 60);
    let next = refresh(&world, &tokens["refresh_token"]).await.ok();
    advance(&world, 60);
    assert_eq!(refresh(&world, &tokens["refresh_token"]).await.status, 401);
    let tokens = sign_in(&world, EMAIL, PASSWORD).await.ok();
    world.post("/auth/sign-out", json!({"refresh_token": tokens["refresh_token"]})).await.ok();
    let bearer = format!("Bearer {}", next["access_token"].as_str().expect("a token"));
    let body = json!({"current_password": PASSWORD, "new_password": "a new password"});
    world.call_with("POST", "/auth/password", &body, &[("authorization", &bearer)]).await.ok();
    let taken = record(&world).await.taken();
    assert_eq!(crate::asyncapi::wrong_events(&taken), Vec::<String>::new());
    let mut types: Vec<_> = taken.iter().map(|event| event["type"].as_str().expect("a text")).collect();
    types.sort_unstable();
    types.dedup();
    assert_eq!(types.len(), 8, "{types:?}");
    assert!(taken.iter().all(|event| event["source"] == "/kaam/sign-in"));
}

#[tokio::test]
async fn a_deployment_of_its_own_needs_no_other_setting_than_auth_jwt() {
    let data_dir = DataDir::new();
    let start = async || {
        let mut command = backend(data_dir.path());
        command.env("AUTH", "jwt");
        Program::start(command).await
    };
    let program = start().await;
    let call = async |program: &Program, path: &str, body: Value, token: Option<&str>| {
        let bearer = token.map(|token| format!("Bearer {token}"));
        let headers: Vec<_> = bearer.iter().map(|bearer| ("authorization", bearer.as_str())).collect();
        program.call("POST", path, &body, &headers).await.expect("it runs")
    };
    let account = json!({"email": EMAIL, "password": PASSWORD});
    assert_eq!(call(&program, "/api/tasks", json!({"title": "milk"}), None).await.0, 401);
    assert_eq!(call(&program, "/auth/register", account.clone(), None).await.0, 200);
    let (status, tokens) = call(&program, "/auth/sign-in", account, None).await;
    assert_eq!(status, 200, "{tokens}");
    let token = tokens["access_token"].as_str().expect("a token");
    let (status, task) = call(&program, "/api/tasks", json!({"title": "milk"}), Some(token)).await;
    assert_eq!((status, &task["user_id"]), (200, &tokens["user_id"]));
    assert!(program.stop().await.success());
    // The key is kept; a port that was chosen anew is no other issuer.
    let program = start().await;
    assert_eq!(call(&program, "/api/tasks", json!({"title": "tea"}), Some(token)).await.0, 200);
    assert!(program.stop().await.success());
    let key = data_dir.path().join("signing-key");
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(key).expect("it is kept").permissions());
    assert_eq!(mode & 0o777, 0o600);
}
