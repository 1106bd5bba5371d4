//! What follows when a task is completed early, late, or on another date than UTC has.

use serde_json::json;
use tests::world::{World, path_of};

use super::{User, reminders_before, rows, rule, set_clock};

/// zone | rule | due | completed at | the next is due
const COMPLETIONS: &str = r#"
    # Late: the first that is still to come, also where the day of today has a gap or a fold.
    America/New_York   | daily | 2027-03-01T02:30:00 | 2027-03-14T07:29:59Z | 2027-03-14T03:30:00-04:00
    America/New_York   | daily | 2027-03-01T02:30:00 | 2027-03-14T07:30:00Z | 2027-03-15T02:30:00-04:00
    America/New_York   | daily | 2027-11-01T01:30:00 | 2027-11-07T05:29:59Z | 2027-11-07T01:30:00-04:00
    America/New_York   | daily | 2027-11-01T01:30:00 | 2027-11-07T05:45:00Z | 2027-11-08T01:30:00-05:00
    America/Santiago   | daily | 2027-09-01T00:00:00 | 2027-09-05T03:59:59Z | 2027-09-05T01:00:00-03:00
    America/Santiago   | daily | 2027-09-01T00:00:00 | 2027-09-05T04:00:00Z | 2027-09-06T00:00:00-03:00
    America/Santiago   | FREQ=WEEKLY | 2027-08-01T00:00:00 | 2027-09-05T03:59:00Z | 2027-09-05T01:00:00-03:00
    Asia/Karachi       | daily | 2026-06-01T00:30:00 | 2026-06-09T19:29:59Z | 2026-06-10T00:30:00+05:00
    Asia/Kathmandu     | monthly | 2026-01-31T23:00:00 | 2026-06-30T17:14:59Z | 2026-06-30T23:00:00+05:45
    Asia/Kathmandu     | monthly | 2026-01-31T23:00:00 | 2026-06-30T17:15:00Z | 2026-07-31T23:00:00+05:45
    America/New_York   | FREQ=HOURLY;INTERVAL=6 | 2027-03-13T21:00:00 | 2027-03-14T08:00:00Z | 2027-03-14T10:00:00-04:00
    America/New_York   | FREQ=HOURLY | 2027-11-07T00:30:00 | 2027-11-07T05:45:00Z | 2027-11-07T01:30:00-05:00
    # Late, of whole days: that of today, by the local date.
    Pacific/Pago_Pago  | daily | 2026-06-01 | 2026-06-10T10:59:59Z | 2026-06-09
    Pacific/Pago_Pago  | daily | 2026-06-01 | 2026-06-10T11:00:00Z | 2026-06-10
    Pacific/Kiritimati | daily | 2026-06-01 | 2026-06-09T09:59:59Z | 2026-06-09
    Pacific/Kiritimati | daily | 2026-06-01 | 2026-06-09T10:00:00Z | 2026-06-10
    America/Santiago   | daily | 2027-09-01 | 2027-09-05T03:59:59Z | 2027-09-04
    America/Santiago   | daily | 2027-09-01 | 2027-09-05T04:00:00Z | 2027-09-05
    America/Santiago   | daily | 2027-04-01 | 2027-04-04T03:59:59Z | 2027-04-03
    # Caught up: one by one.
    Europe/London      | {"pattern":"daily","catch_up":true} | 2027-03-27T01:30:00 | 2027-09-01T00:00:00Z | 2027-03-28T02:30:00+01:00
    Africa/Cairo       | {"pattern":"weekly","catch_up":true} | 2027-04-23T00:30:00 | 2027-09-01T00:00:00Z | 2027-04-30T01:30:00+03:00
    UTC                | {"pattern":"monthly","catch_up":true} | 2027-01-31 | 2027-09-01T00:00:00Z | 2027-02-28
    America/New_York   | {"rrule":"FREQ=HOURLY;INTERVAL=6","catch_up":true} | 2027-03-13T21:00:00 | 2027-09-01T00:00:00Z | 2027-03-14T04:00:00-04:00
    # Early: the same one never comes back, and none is left out.
    America/New_York   | daily | 2027-03-13T02:30:00 | 2027-03-01T00:00:00Z | 2027-03-14T03:30:00-04:00
    Pacific/Kiritimati | daily | 2026-06-20 | 2026-06-01T00:00:00Z | 2026-06-21
    Pacific/Pago_Pago  | FREQ=WEEKLY | 2026-06-20T23:30:00 | 2026-06-20T10:00:00Z | 2026-06-27T23:30:00-11:00
    # From the completion: the local date of it (half past eleven at night, half past midnight), the wall time of the task.
    Asia/Karachi       | {"pattern":"daily","interval":3,"anchor":"completion"} | 2026-06-01T09:00:00 | 2026-06-11T18:30:00Z | 2026-06-14T09:00:00+05:00
    Asia/Karachi       | {"pattern":"daily","interval":3,"anchor":"completion"} | 2026-06-01T09:00:00 | 2026-06-11T19:30:00Z | 2026-06-15T09:00:00+05:00
    Pacific/Pago_Pago  | {"pattern":"daily","interval":3,"anchor":"completion"} | 2026-06-01T09:00:00 | 2026-06-12T10:30:00Z | 2026-06-14T09:00:00-11:00
    Pacific/Pago_Pago  | {"pattern":"weekly","anchor":"completion"}  | 2026-06-01 | 2026-06-12T10:30:00Z | 2026-06-18
    Pacific/Kiritimati | {"pattern":"weekly","anchor":"completion"}  | 2026-06-01 | 2026-06-10T10:30:00Z | 2026-06-18
    Pacific/Kiritimati | {"pattern":"monthly","anchor":"completion"} | 2027-01-05 | 2027-01-30T10:30:00Z | 2027-02-28
    Pacific/Chatham    | {"pattern":"yearly","anchor":"completion"}  | 2027-01-05T08:00:00 | 2028-02-28T10:30:00Z | 2029-02-28T08:00:00+13:45
    America/New_York   | {"pattern":"daily","anchor":"completion"}   | 2027-03-01T02:30:00 | 2027-03-14T04:30:00Z | 2027-03-14T03:30:00-04:00
    America/Santiago   | {"pattern":"daily","anchor":"completion"}   | 2027-09-01T00:00:00 | 2027-09-05T03:30:00Z | 2027-09-05T01:00:00-03:00
    America/Santiago   | {"pattern":"daily","anchor":"completion"}   | 2027-04-01T23:30:00 | 2027-04-03T02:30:00Z | 2027-04-03T23:30:00-03:00
    America/Santiago   | {"pattern":"daily","anchor":"completion"}   | 2027-04-01 | 2027-04-04T03:59:59Z | 2027-04-04"#;

#[tokio::test]
async fn what_follows_depends_on_the_local_moment_of_the_completion() {
    let world = World::new().await;
    for (row, [zone, text, due, completed_at, next]) in rows(COMPLETIONS).enumerate() {
        let user = User::of(&world, row.to_string(), zone).await;
        set_clock(&world, "2026-01-01T00:00:00Z");
        let task = user.create(json!({"title": "a", "due_date": due, "recurrence_rule": rule(text)})).await;
        let found = user.complete_at(&task, completed_at).await;
        let found = found.map_or_else(
            || "none".to_owned(),
            |task| task["due_date"].as_str().unwrap_or_default().to_owned(),
        );
        assert_eq!(found, next, "{zone} {text} {due} at {completed_at}");
    }
}

/// zone | rule | due | leads | completed at | skipped | still to come
const REMINDERS_OF_THE_NEXT: &str = "
    America/New_York | daily  | 2027-03-13T02:30:00 | 1d 24h | 2027-03-13T06:00:00Z | | 2027-03-13T07:30:00Z
    America/New_York | daily  | 2027-03-14T02:30:00 | 1d 24h | 2027-03-14T06:00:00Z | | 2027-03-14T06:30:00Z 2027-03-14T07:30:00Z
    America/New_York | daily  | 2027-11-06T09:00:00 | 1d 24h | 2027-11-06T13:30:00Z | 2027-11-06T13:00:00Z | 2027-11-06T14:00:00Z
    Europe/London    | weekly | 2027-03-22T09:00:00 | 1w 168h 15m | 2027-03-22T08:00:00Z | | 2027-03-22T08:00:00Z 2027-03-22T09:00:00Z 2027-03-29T07:45:00Z
    Asia/Beirut      | daily  | 2027-03-27          | 0m 1d  | 2027-03-27T12:00:00Z | 2027-03-27T07:00:00Z | 2027-03-28T06:00:00Z
    America/Santiago | weekly | 2027-08-29          | 0m     | 2027-08-29T12:00:00Z | | 2027-09-05T12:00:00Z";

#[tokio::test]
async fn reminders_of_the_next_belong_to_its_own_due_time() {
    let world = World::new().await;
    for (row, [zone, text, due, leads, completed_at, skipped, pending]) in
        rows(REMINDERS_OF_THE_NEXT).enumerate()
    {
        let user = User::of(&world, row.to_string(), zone).await;
        set_clock(&world, "2026-01-01T00:00:00Z");
        let config = reminders_before(leads);
        let task = user
            .create(json!({"title": "a", "due_date": due, "recurrence_rule": rule(text), "reminder_config": config}))
            .await;
        let next = user.complete_at(&task, completed_at).await.expect("a successor");
        let what = format!("{zone} {text} {due} {leads}");
        assert_eq!(user.triggers(&next, &["skipped"]).await.join(" "), skipped, "{what}");
        assert_eq!(user.triggers(&next, &["pending"]).await.join(" "), pending, "{what}");
    }
}

/// zone | rule | first | what follows when its user has moved there from Karachi
const MOVES: &str = r#"
    America/New_York  | daily   | 2027-03-13T02:30:00 | 2027-03-14T03:30:00-04:00 2027-03-15T02:30:00-04:00
    America/Santiago  | daily   | 2027-03-13T02:30:00 | 2027-03-14T02:30:00-03:00 2027-03-15T02:30:00-03:00
    Asia/Kathmandu    | daily   | 2027-03-13T02:30:00 | 2027-03-14T02:30:00+05:45 2027-03-15T02:30:00+05:45
    Africa/Cairo      | weekly  | 2027-04-23            | 2027-04-30 2027-05-07
    Pacific/Apia      | monthly | 2027-01-31T23:30:00 | 2027-02-28T23:30:00+13:00 2027-03-31T23:30:00+13:00
    America/New_York  | FREQ=HOURLY;INTERVAL=6 | 2027-03-13T21:00:00 | 2027-03-14T04:00:00-04:00 2027-03-14T10:00:00-04:00
    Pacific/Pago_Pago | {"pattern":"daily","until":"2027-01-02"} | 2027-01-01T23:30:00 | 2027-01-02T23:30:00-11:00
    Pacific/Apia      | {"pattern":"daily","until":"2027-01-02"} | 2027-01-01T00:30:00 | 2027-01-02T00:30:00+13:00"#;

#[tokio::test]
async fn a_series_follows_its_user_and_the_one_of_a_zone_does_not() {
    let world = World::new().await;
    for (row, [zone, text, first, after]) in rows(MOVES).enumerate() {
        let user = User::of(&world, row.to_string(), "Asia/Karachi").await;
        set_clock(&world, "2026-06-01T00:00:00Z");
        let make = async |own: serde_json::Value| {
            let body =
                json!({"title": "a", "due_date": first, "time_zone": own, "recurrence_rule": rule(text)});
            user.create(body).await
        };
        let (own, task) = (make(json!("Asia/Karachi")).await, make(json!(null)).await);
        let stays = user.ahead(&own, 3).await;
        user.call("PATCH", "/api/settings", &json!({"time_zone": zone})).await.ok();
        let what = format!("{zone} {text} {first}");
        assert_eq!(user.ahead(&own, 3).await, stays, "{what}");
        user.call("DELETE", &format!("{}?scope=all", path_of(&own)), &json!(null)).await.ok();
        let after: Vec<_> = after.split_whitespace().collect();
        let task = user.get(&task).await;
        assert_eq!(user.ahead(&task, after.len() + 1).await[1..], after, "ahead: {what}");
        assert_eq!(user.chain(task, after.len() + 1).await[1..], after, "one by one: {what}");
    }
}
