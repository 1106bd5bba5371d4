//! `GET /api/tasks`: filters, search, every order, pages.

use std::collections::HashSet;

use axum::http::StatusCode;
use serde_json::{Value, json};
use tests::world::{Answered, World};

const SORTS: [&str; 8] = [
    "created_at",
    "-created_at",
    "updated_at",
    "-updated_at",
    "due_date",
    "-due_date",
    "priority",
    "-priority",
];

/// Percent-encodes whatever could mean something in a query string.
fn encoded(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}

fn titles(page: &Answered) -> Vec<String> {
    let page = page.ok();
    let tasks = page["tasks"].as_array().expect("a list");
    tasks.iter().map(|task| task["title"].as_str().expect("a title").to_owned()).collect()
}

async fn sorted_titles(world: &World, query: &str) -> Vec<String> {
    let mut titles = titles(&world.get(&format!("/api/tasks?{query}")).await);
    titles.sort();
    titles
}

#[tokio::test]
async fn filters_narrow_the_list_alone_and_together() {
    let world = World::in_zone(chrono_tz::Asia::Karachi).await;
    for (title, due, priority, tags, action) in [
        ("a", json!("2026-06-01T09:00:00"), "high", json!(["home"]), ""),
        ("b", json!("2026-06-02"), "low", json!(["home", "shop"]), ""),
        ("c", json!("2026-06-02T00:00:00"), "medium", json!([]), "complete"),
        ("d", Value::Null, "high", json!(["Home"]), ""),
        ("e", json!("2026-06-03T00:00:00Z"), "high", json!(["home"]), "delete"),
    ] {
        let task =
            world.create(json!({"title": title, "due_date": due, "priority": priority, "tags": tags})).await;
        let path = tests::world::path_of(&task);
        match action {
            "complete" => drop(world.post(&format!("{path}/complete"), Value::Null).await.ok()),
            "delete" => drop(world.delete(&path).await.ok()),
            _ => {}
        }
    }
    for (query, expected) in [
        ("", "abcd"),
        ("status=active", "abd"),
        ("status=completed", "c"),
        ("status=deleted", "e"),
        ("priority=high", "ad"),
        ("tag=home", "ab"),
        ("tag=Home", "d"),
        ("tag=hom", ""),
        ("due_after=2026-06-02", "bc"),
        ("due_before=2026-06-02", "a"),
        ("due_after=2026-06-01T09:00:00", "abc"),
        ("due_after=2026-06-01T04:00:01Z", "bc"),
        ("due_before=2026-06-01T04:00:00Z", ""),
        ("due_before=2026-06-01T09:00:01%2B05:00", "a"),
        ("due_after=2026-06-01T00:00:00&due_before=2026-06-03T00:00:00", "abc"),
        ("due_after=2026-06-02&status=deleted", "e"),
        ("status=active&priority=high&tag=home&q=A", "a"),
    ] {
        assert_eq!(sorted_titles(&world, query).await.concat(), expected, "{query}");
    }
}

#[tokio::test]
async fn the_search_is_literal_without_case_and_in_any_spelling() {
    let world = World::new().await;
    for (title, description) in [
        ("100% sure", None),
        ("1000 sure", None),
        ("snake_case", None),
        ("snakeXcase", None),
        ("back\\slash", None),
        ("ÄRGER mit ŁÓDŹ", None),
        ("caf\u{e9}", None),
        ("plain", Some("the MILK is here")),
        ("\u{643}ل \u{64a}اد", None),
        ("می\u{200c}خوا\u{6c1}م", None),
        ("СЪЕШЬ ещё", None),
        ("it's \"quoted\"", None),
    ] {
        world.create(json!({"title": title, "description": description})).await;
    }
    for (text, expected) in [
        ("100%", &["100% sure"][..]),
        ("%", &["100% sure"]),
        ("_", &["snake_case"]),
        ("SNAKE_", &["snake_case"]),
        ("\\", &["back\\slash"]),
        ("ärger", &["ÄRGER mit ŁÓDŹ"]),
        ("łódź", &["ÄRGER mit ŁÓDŹ"]),
        ("lo\u{301}dz", &[]),
        ("cafe\u{301}", &["caf\u{e9}"]),
        ("CAFÉ", &["caf\u{e9}"]),
        ("milk", &["plain"]),
        ("ilk is", &["plain"]),
        ("کل", &["\u{643}ل \u{64a}اد"]),
        ("ی", &["\u{643}ل \u{64a}اد", "می\u{200c}خوا\u{6c1}م"]),
        ("ك", &["\u{643}ل \u{64a}اد"]),
        ("میخوا", &["می\u{200c}خوا\u{6c1}م"]),
        ("съешь ЕЩЁ", &["СЪЕШЬ ещё"]),
        ("it's \"", &["it's \"quoted\""]),
        ("' OR 1=1 --", &[]),
        ("", &["100% sure"; 0]),
    ] {
        let found = sorted_titles(&world, &format!("q={}", encoded(text))).await;
        match text {
            "" => assert_eq!(found.len(), 12, "an empty text is none"),
            _ => assert_eq!(found, expected, "{text}"),
        }
    }
}

#[tokio::test]
async fn what_was_just_written_is_found_at_once() {
    let world = World::new().await;
    let path = tests::world::path_of(&world.create(json!({"title": "buy milk"})).await);
    assert_eq!(sorted_titles(&world, "q=milk").await, ["buy milk"]);
    world.patch(&path, json!({"title": "buy tea"})).await.ok();
    assert_eq!(sorted_titles(&world, "q=milk").await.len(), 0);
    assert_eq!(sorted_titles(&world, "q=tea").await, ["buy tea"]);
}

/// Tasks with ties in every order: the same instant of creation, the same due time, none, a day and its midnight.
async fn populate(world: &World, count: usize) {
    let dues =
        [json!("2026-07-01T00:00:00Z"), json!("2026-07-01"), Value::Null, json!("2026-06-30T12:00:00Z")];
    for n in 0..count {
        if n % 3 == 0 {
            world.clock.advance(std::time::Duration::from_micros(1));
        }
        let priority = ["low", "high", "medium"][n % 3];
        world.create(json!({"title": n.to_string(), "due_date": dues[n % 4], "priority": priority})).await;
    }
    world.clock.advance(std::time::Duration::from_secs(1));
    let some = world.get("/api/tasks?sort=priority&limit=5").await.ok();
    for task in some["tasks"].as_array().expect("a list") {
        world.patch(&tests::world::path_of(task), json!({"description": "changed"})).await.ok();
    }
}

/// Walks the pages; `meanwhile` runs after each.
async fn walk(world: &World, query: &str, limit: usize, meanwhile: impl AsyncFn()) -> Vec<String> {
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = world.get(&format!("/api/tasks?{query}&limit={limit}{cursor}")).await;
        let found = titles(&page);
        assert!(found.len() <= limit);
        seen.extend(found);
        assert!(seen.len() < 1_000, "the pages go round in circles");
        meanwhile().await;
        match page.json()["next_cursor"].as_str() {
            None => return seen,
            Some(next) => {
                assert!(next.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'), "{next}");
                cursor = format!("&cursor={next}");
            }
        }
    }
}

#[tokio::test]
async fn the_pages_of_every_order_are_that_order() {
    let world = World::new().await;
    populate(&world, 14).await;
    for sort in SORTS {
        let query = format!("sort={sort}");
        let whole = world.get(&format!("/api/tasks?{query}")).await.ok();
        let tasks = whole["tasks"].as_array().expect("a list");
        assert_eq!((tasks.len(), &whole["next_cursor"]), (14, &Value::Null));
        let field = sort.trim_start_matches('-');
        let rank = |task: &Value| match (field, task["priority"].as_str(), task["due_date"].as_str()) {
            ("priority", Some("low"), _) => "1".to_owned(),
            ("priority", Some("medium"), _) => "2".to_owned(),
            ("priority", _, _) => "3".to_owned(),
            ("due_date", _, due) => due.map_or(String::new(), |due| due.chars().take(10).collect()),
            (field, _, _) => task[field].as_str().expect("an instant").replace('Z', ""),
        };
        let key = |task: &Value| (rank(task), task["id"].as_str().expect("an id").to_owned());
        let (with, without): (Vec<_>, Vec<_>) = tasks.iter().map(key).partition(|(rank, _)| !rank.is_empty());
        for part in [&with, &without] {
            let mut sorted = part.clone();
            sorted.sort();
            if sort.starts_with('-') {
                sorted.reverse();
            }
            assert_eq!(part, &sorted, "{sort}");
        }
        let last: Vec<_> = tasks.iter().map(key).skip(with.len()).collect();
        assert_eq!(last, without, "those without a due time come last: {sort}");
        let expected: Vec<_> =
            tasks.iter().map(|task| task["title"].as_str().expect("a title").to_owned()).collect();
        for limit in [1, 2, 3, 5, 13, 14, 15] {
            assert_eq!(walk(&world, &query, limit, async || {}).await, expected, "{sort} by {limit}");
        }
    }
}

#[tokio::test]
async fn pages_neither_repeat_nor_skip_while_tasks_come_and_go() {
    let world = World::new().await;
    populate(&world, 12).await;
    let before: HashSet<_> = (0..12).map(|n| n.to_string()).collect();
    for sort in SORTS {
        let query = format!("sort={sort}");
        let order: Vec<_> = walk(&world, &query, 100, async || {}).await;
        let order: Vec<_> = order.into_iter().filter(|title| before.contains(title)).collect();
        let seen = walk(&world, &query, 3, async || {
            world.clock.advance(std::time::Duration::from_secs(1));
            for due in [json!("2026-07-01"), Value::Null, json!("2020-01-01")] {
                let new = world.create(json!({"title": "new", "due_date": due, "priority": "high"})).await;
                if due.is_null() {
                    world.delete(&tests::world::path_of(&new)).await.ok();
                }
            }
            // One may never reach the end of a list that grows at its end as fast as it is read.
            if world.get("/api/tasks?status=active&q=new&limit=60").await.json()["tasks"][40].is_object() {
                let new = world.get("/api/tasks?status=active&q=new&limit=100").await.ok();
                for task in new["tasks"].as_array().expect("a list") {
                    world.delete(&tests::world::path_of(task)).await.ok();
                }
            }
        })
        .await;
        let old: Vec<_> = seen.into_iter().filter(|title| title != "new").collect();
        assert_eq!(old, order, "{sort}");
    }
}

#[tokio::test]
async fn a_task_that_was_done_before_its_user_moved_is_listed_once() {
    let world = World::new().await;
    for n in 0..6 {
        let task = world.create(json!({"title": n.to_string(), "due_date": "2026-06-02"})).await;
        if n % 2 == 0 {
            world.post(&format!("{}/complete", tests::world::path_of(&task)), Value::Null).await.ok();
        }
    }
    world.patch("/api/settings", json!({"time_zone": "Pacific/Kiritimati"})).await.ok();
    for sort in ["due_date", "-due_date"] {
        let mut seen = walk(&world, &format!("sort={sort}"), 1, async || {}).await;
        seen.sort();
        assert_eq!(seen, ["0", "1", "2", "3", "4", "5"], "{sort}");
    }
}

#[tokio::test]
async fn a_wrong_parameter_is_named_and_refused() {
    let world = World::new().await;
    for _ in 0..3 {
        world.create(json!({"title": "a"})).await;
    }
    let cursor = world.get("/api/tasks?limit=1").await.ok()["next_cursor"].as_str().expect("more").to_owned();
    let tampered = format!("{}x", &cursor[..cursor.len() - 1]);
    for (query, field) in [
        ("limit=0".to_owned(), "limit"),
        ("limit=-1".to_owned(), "limit"),
        ("limit=101".to_owned(), "limit"),
        ("limit=1000000000".to_owned(), "limit"),
        ("limit=99999999999999999999999".to_owned(), "limit"),
        ("limit=".to_owned(), "limit"),
        ("limit=1.5".to_owned(), "limit"),
        ("sort=title".to_owned(), "sort"),
        ("sort=--created_at".to_owned(), "sort"),
        ("sort=created_at%3BDROP%20TABLE%20tasks".to_owned(), "sort"),
        ("sort=".to_owned(), "sort"),
        ("status=open".to_owned(), "status"),
        ("status=Active".to_owned(), "status"),
        ("priority=1".to_owned(), "priority"),
        ("due_after=yesterday".to_owned(), "due_after"),
        ("due_before=2026-02-30".to_owned(), "due_before"),
        (format!("q={}", "x".repeat(201)), "q"),
        ("q=a%00b".to_owned(), "q"),
        ("q=%ff".to_owned(), "q"),
        ("colour=red".to_owned(), "colour"),
        ("user_id=bilal".to_owned(), "user_id"),
        ("limit=1&limit=2".to_owned(), "limit"),
        ("status=active&status=active".to_owned(), "status"),
        ("cursor=".to_owned(), "cursor"),
        ("cursor=nonsense".to_owned(), "cursor"),
        (format!("cursor={tampered}"), "cursor"),
        (format!("cursor={cursor}AAAA"), "cursor"),
        (format!("sort=created_at&cursor={cursor}"), "cursor"),
        (format!("sort=due_date&cursor={cursor}"), "cursor"),
    ] {
        let answered = world.get(&format!("/api/tasks?{query}")).await;
        assert_eq!(answered.status, StatusCode::BAD_REQUEST, "{query}");
        assert_eq!(answered.wrong_fields(), [field], "{query}");
    }
    assert_eq!(titles(&world.get(&format!("/api/tasks?cursor={cursor}&sort=-created_at")).await).len(), 2);
}

#[tokio::test]
async fn a_page_has_fifty_tasks_and_a_hundred_at_most() {
    let world = World::new().await;
    tests::database::execute(
        &world,
        "INSERT INTO tasks (user_id, id, title, all_day, priority, tags, status, created_at, updated_at, version)
         SELECT 'local', gen_random_uuid(), n::text, false, 2, '{}', 'active', now(), now(), 1
         FROM generate_series(1, 120) AS n",
    )
    .await;
    assert_eq!(titles(&world.get("/api/tasks").await).len(), 50);
    assert_eq!(titles(&world.get("/api/tasks?limit=100").await).len(), 100);
    assert_eq!(walk(&world, "sort=created_at", 100, async || {}).await.len(), 120);
}
