//! Series that are moved, skipped and taken back around clock changes and short months.

use serde_json::{Value, json};
use tests::world::{World, path_of};

use super::{User, rows, rule, set_clock};

/// zone | rule | first | scope | change | what follows
const CHANGES: &str = r#"
    America/New_York | daily   | 2027-03-12T02:30:00 | this      | {"due_date":"2027-03-12T09:00:00"} | 2027-03-13T02:30:00-05:00 2027-03-14T03:30:00-04:00
    America/New_York | daily   | 2027-03-13T02:30:00 | following | {"due_date":"2027-03-13T02:45:00"} | 2027-03-14T03:45:00-04:00 2027-03-15T02:45:00-04:00
    America/New_York | weekly  | 2027-03-07T02:30:00 | following | {"due_date":"2027-03-14T02:30:00"} | 2027-03-21T02:30:00-04:00 2027-03-28T02:30:00-04:00
    America/New_York | weekly  | 2027-11-06T09:00:00 | following | {"due_date":"2027-11-07T01:30:00-05:00"} | 2027-11-14T01:30:00-05:00
    America/New_York | daily   | 2027-03-13T02:30:00 | following | {"time_zone":"Asia/Kathmandu"} | 2027-03-14T02:30:00+05:45 2027-03-15T02:30:00+05:45
    America/New_York | daily   | 2027-03-13T02:30:00 | this      | {"time_zone":"Asia/Kathmandu"} | 2027-03-14T03:30:00-04:00 2027-03-15T02:30:00-04:00
    America/Santiago | monthly | 2027-07-31T00:00:00 | following | {"due_date":"2027-08-05T00:00:00"} | 2027-09-05T01:00:00-03:00 2027-10-05T00:00:00-03:00
    Africa/Cairo     | weekly  | 2027-04-22          | following | {"due_date":"2027-04-23"} | 2027-04-30 2027-05-07
    Africa/Cairo     | weekly  | 2027-04-23          | following | {"due_date":"2027-04-23T00:00:00"} | 2027-04-30T01:00:00+03:00 2027-05-07T00:00:00+03:00
    Africa/Cairo     | weekly  | 2027-04-23T00:30:00 | following | {"due_date":"2027-04-23"} | 2027-04-30 2027-05-07
    UTC              | monthly | 2027-01-31          | following | {"due_date":"2027-01-30"} | 2027-02-28 2027-03-30
    UTC              | FREQ=MONTHLY | 2027-01-31     | following | {"due_date":"2027-01-30"} | 2027-03-30 2027-04-30
    UTC              | yearly  | 2028-02-29          | following | {"title":"b"} | 2029-02-28 2030-02-28 2031-02-28 2032-02-29"#;

#[tokio::test]
async fn what_follows_a_change_keeps_to_the_wall() {
    let (world, mut wrong) = (World::new().await, Vec::new());
    for (row, [zone, text, first, scope, change, after]) in rows(CHANGES).enumerate() {
        let user = User::of(&world, row.to_string(), "Asia/Karachi").await;
        set_clock(&world, "2026-06-01T00:00:00Z");
        let body = json!({"title": "a", "due_date": first, "time_zone": zone, "recurrence_rule": rule(text)});
        let task = user.create(body).await;
        let change: Value = serde_json::from_str(change).expect("JSON");
        user.call("PATCH", &format!("{}?scope={scope}", path_of(&task)), &change).await.ok();
        let expected: Vec<_> = after.split_whitespace().collect();
        let limit = expected.len() + 1;
        let ahead = user.ahead(&task, limit).await;
        let task = user.get(&task).await;
        for (how, found) in [("ahead", ahead), ("one by one", user.chain(task, limit).await)] {
            if found[1..] != expected {
                wrong.push(format!("{zone} {text} {first} {scope} {change}, {how}: {found:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// zone | rule | first | the second, which is not as the rule would have it | the third
const EXCEPTIONS: &str = "
    America/New_York    | daily   | 2027-03-13T02:30:00 | 2027-03-14T03:30:00-04:00 | 2027-03-15T02:30:00-04:00
    America/Santiago    | weekly  | 2027-08-29T00:00:00 | 2027-09-05T01:00:00-03:00 | 2027-09-12T00:00:00-03:00
    Australia/Lord_Howe | daily   | 2027-10-02T02:10:00 | 2027-10-03T02:40:00+11:00 | 2027-10-04T02:10:00+11:00
    Antarctica/Troll    | FREQ=DAILY | 2027-03-27T01:30:00 | 2027-03-28T03:30:00+02:00 | 2027-03-29T01:30:00+02:00
    UTC                 | monthly | 2027-01-31          | 2027-02-28                | 2027-03-31
    UTC                 | yearly  | 2028-02-29          | 2029-02-28                | 2030-02-28
    America/New_York    | monthly | 2027-01-31T09:00:00 | 2027-02-28T09:00:00-05:00 | 2027-03-31T09:00:00-04:00";

/// Does something to the second of a series, and gives what the third would be then.
async fn third_after(user: &User<'_>, second: &Value, what: &str) -> String {
    let path = path_of(second);
    let due = &second["due_date"];
    match what {
        "renamed" => drop(user.call("PATCH", &path, &json!({"title": "b"})).await.ok()),
        "all renamed" => {
            drop(user.call("PATCH", &format!("{path}?scope=all"), &json!({"title": "b"})).await.ok())
        }
        "following renamed" => {
            drop(user.call("PATCH", &format!("{path}?scope=following"), &json!({"title": "b"})).await.ok());
        }
        "reminded" => {
            let reminder = json!({"reminder_config": {"lead_time": "1d"}});
            drop(user.call("PATCH", &format!("{path}?scope=following"), &reminder).await.ok());
        }
        "shown again" => {
            let same = json!({"due_date": due});
            drop(user.call("PATCH", &format!("{path}?scope=following"), &same).await.ok());
        }
        "moved, undone" => {
            let moved = json!({"due_date": "2027-05-05T05:05:00"});
            user.call("PATCH", &format!("{path}?scope=following"), &moved).await.ok();
            user.call("POST", "/api/undo", &Value::Null).await.ok();
        }
        "snoozed" => drop(user.act(second, "snooze", json!({"for": "1d"})).await.ok()),
        "reopened" => {
            user.act(second, "complete", Value::Null).await.ok();
            user.world.settle().await;
            user.act(second, "reopen", Value::Null).await.ok();
            user.world.settle().await;
        }
        "deleted" => {
            user.call("DELETE", &path, &Value::Null).await.ok();
            user.world.settle().await;
            let open = user.listed("status=active").await;
            return open[0]["due_date"].as_str().expect("a text").to_owned();
        }
        _ => panic!("{what} is not known"),
    }
    assert_eq!(user.get(second).await["due_date"], *due, "{what}");
    user.ahead(second, 2).await.remove(1)
}

#[tokio::test]
async fn an_exception_of_a_series_stays_one_whatever_is_done_to_it() {
    let (world, mut wrong) = (World::new().await, Vec::new());
    let deeds = [
        "renamed",
        "all renamed",
        "following renamed",
        "reminded",
        "shown again",
        "moved, undone",
        "snoozed",
        "reopened",
        "deleted",
    ];
    for (row, [zone, text, first, second, third]) in rows(EXCEPTIONS).enumerate() {
        for deed in deeds {
            let user = User::of(&world, format!("{row} {deed}"), zone).await;
            set_clock(&world, "2027-01-01T00:00:00Z");
            let task =
                user.create(json!({"title": "a", "due_date": first, "recurrence_rule": rule(text)})).await;
            let task = user.complete_at(&task, "2027-01-01T00:00:00Z").await.expect("the second");
            assert_eq!(task["due_date"], second, "{zone} {text} {first}");
            let found = third_after(&user, &task, deed).await;
            if found != third {
                wrong.push(format!("{zone} {text} from {first}, {second} {deed}: {found}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
