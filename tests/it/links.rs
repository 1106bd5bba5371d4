//! The one-time links in mails.

use application::links::{Action, Link};
use axum::http::{StatusCode, header};
use serde_json::{Value, json};
use tests::world::{World, links, path_of};
use uuid::Uuid;

const HTML: (&str, &str) = ("accept", "text/html,application/xhtml+xml");
const JSON: (&str, &str) = ("accept", "application/json");

/// Gives the path of a link that a mail about a task has.
fn link(world: &World, task: &Value, action: Action) -> String {
    let link = Link {
        action,
        user_id: "local".to_owned(),
        task_id: task["id"].as_str().and_then(|id| id.parse().ok()).expect("an id"),
        reminder_id: Uuid::from_u128(7),
    };
    let url = links().url(&link, world.clock.now());
    url.strip_prefix("http://localhost:8000").expect("under the base").to_owned()
}

async fn follow(world: &World, path: &str) -> (StatusCode, String) {
    let answered = world.call_with("POST", path, &Value::Null, &[HTML]).await;
    (answered.status, String::from_utf8(answered.bytes).expect("UTF-8"))
}

#[tokio::test]
async fn looking_at_a_link_does_nothing_and_following_it_completes_the_task_once() {
    let world = World::new().await;
    let task = world.create(json!({"title": "call <b>Amna</b> & Bilal"})).await;
    let done = link(&world, &task, Action::Done);
    let page = world.get(&done).await;
    assert_eq!(page.status, StatusCode::OK);
    let html = String::from_utf8_lossy(&page.bytes).into_owned();
    assert!(
        html.contains("call &lt;b&gt;Amna&lt;/b&gt; &amp; Bilal") && html.contains("<form method=\"post\">"),
        "{html}"
    );
    assert_eq!(page.headers[header::CACHE_CONTROL], "no-store");
    assert_eq!(page.headers[header::REFERRER_POLICY], "no-referrer");
    assert!(
        page.headers[header::CONTENT_SECURITY_POLICY]
            .to_str()
            .is_ok_and(|csp| csp.starts_with("default-src 'none'"))
    );
    assert_eq!(world.get(&path_of(&task)).await.ok()["status"], "active", "nothing happened yet");
    let (status, html) = follow(&world, &done).await;
    assert!(status == StatusCode::OK && html.contains("Done."), "{html}");
    assert_eq!(world.get(&path_of(&task)).await.ok()["status"], "completed");
    // Opened again, the task is safe from the link that was used.
    world.post(&format!("{}/reopen", path_of(&task)), Value::Null).await.ok();
    assert_eq!(follow(&world, &done).await.0, StatusCode::GONE);
    assert_eq!(world.get(&done).await.status, StatusCode::GONE);
    assert_eq!(world.get(&path_of(&task)).await.ok()["status"], "active");
}

#[tokio::test]
async fn a_link_snoozes_for_ten_minutes_and_answers_in_json_who_asks_for_it() {
    let world = World::new().await;
    let task = world.create(json!({"title": "a"})).await;
    let later = link(&world, &task, Action::Snooze);
    let snoozed = world.call_with("POST", &later, &Value::Null, &[JSON]).await.ok();
    assert_eq!(snoozed["snoozed_until"], "2026-06-01T06:10:00Z");
    let again = world.call_with("POST", &later, &Value::Null, &[JSON]).await;
    assert_eq!(
        (again.status, &again.headers[header::CONTENT_TYPE]),
        (StatusCode::GONE, &"application/problem+json".parse().expect("a value"))
    );
    assert_eq!(again.json()["status"], 410);
}

#[tokio::test]
async fn of_many_who_follow_a_link_at_once_one_does() {
    let world = World::new().await;
    let task = world.create(json!({"title": "a"})).await;
    let later = link(&world, &task, Action::Snooze);
    let answers = futures::future::join_all((0..8).map(|_| follow(&world, &later))).await;
    let done = answers.iter().filter(|(status, _)| *status == StatusCode::OK).count();
    assert_eq!((done, answers.len()), (1, 8), "{answers:?}");
    assert_eq!(world.get(&path_of(&task)).await.ok()["version"], 2);
}

#[tokio::test]
async fn a_link_that_was_made_up_or_is_too_old_does_nothing() {
    let world = World::new().await;
    let task = world.create(json!({"title": "a"})).await;
    let done = link(&world, &task, Action::Done);
    let other = if done.ends_with('A') { 'B' } else { 'A' };
    let altered = format!("{}{other}", &done[..done.len() - 1]);
    for path in ["/links/x", "/links/%00", &altered] {
        assert_eq!(follow(&world, path).await.0, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(world.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    world.clock.set("2026-07-01T06:00:00Z".parse().expect("an instant"));
    assert_eq!(follow(&world, &done).await.0, StatusCode::GONE);
    assert_eq!(world.get(&path_of(&task)).await.ok()["status"], "active");
}

#[tokio::test]
async fn the_page_speaks_the_users_language() {
    let world = World::new().await;
    world.patch("/api/settings", json!({"locale": "ur-PK"})).await.ok();
    let task = world.create(json!({"title": "دودھ لانا"})).await;
    let page = world.get(&link(&world, &task, Action::Done)).await;
    let html = String::from_utf8_lossy(&page.bytes).into_owned();
    assert!(html.contains("<html lang=\"ur\" dir=\"rtl\">") && html.contains("ہو گیا"), "{html}");
}
