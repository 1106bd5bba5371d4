//! Reminders across clock changes: a day is not 24 hours, nine is nine, and quiet hours end on the wall.

use serde_json::{Value, json};
use tests::world::World;

use super::{User, reminders_before, rows, set_clock};

/// zone | due | leads | triggers, by time
const LEADS: &str = "
    # The day before has the gap, the fold, or they lie between.
    America/New_York    | 2027-03-14T09:00:00 | 1d 24h | 2027-03-13T13:00:00Z 2027-03-13T14:00:00Z
    America/New_York    | 2027-11-07T09:00:00 | 1d 24h | 2027-11-06T13:00:00Z 2027-11-06T14:00:00Z
    America/New_York    | 2027-03-15T02:30:00 | 1d 24h | 2027-03-14T06:30:00Z 2027-03-14T07:30:00Z
    America/New_York    | 2027-11-08T01:30:00 | 1d 24h | 2027-11-07T05:30:00Z 2027-11-07T06:30:00Z
    America/New_York    | 2027-11-07T01:30:00-05:00 | 1d 24h | 2027-11-06T05:30:00Z 2027-11-06T06:30:00Z
    America/New_York    | 2027-11-07T01:30:00-05:00 | 1h 2h | 2027-11-07T04:30:00Z 2027-11-07T05:30:00Z
    Europe/London       | 2027-04-01T09:00:00 | 1w 168h | 2027-03-25T08:00:00Z 2027-03-25T09:00:00Z
    Europe/Dublin       | 2027-10-31T12:00:00 | 1d 24h | 2027-10-30T11:00:00Z 2027-10-30T12:00:00Z
    Asia/Karachi        | 2027-03-28T00:30:00 | 1d 25h | 2027-03-26T18:30:00Z 2027-03-26T19:30:00Z
    America/Santiago    | 2027-09-06T00:00:00 | 1d 24h | 2027-09-05T03:00:00Z 2027-09-05T04:00:00Z
    America/Santiago    | 2027-04-04T23:30:00 | 1d 24h | 2027-04-04T02:30:00Z 2027-04-04T03:30:00Z
    Australia/Lord_Howe | 2027-10-04T02:10:00 | 1d 24h | 2027-10-02T15:10:00Z 2027-10-02T15:40:00Z
    Africa/Cairo        | 2027-05-01T00:30:00 | 1d 24h | 2027-04-29T21:30:00Z 2027-04-29T22:30:00Z
    Asia/Kathmandu      | 2027-05-01T00:30:00 | 1d 25h | 2027-04-29T17:45:00Z 2027-04-29T18:45:00Z
    Asia/Beirut         | 2027-03-28T12:00:00 | 1d 24h | 2027-03-27T09:00:00Z 2027-03-27T10:00:00Z
    America/Havana      | 2027-03-15T00:00:00 | 1d 24h | 2027-03-14T04:00:00Z 2027-03-14T05:00:00Z
    Africa/Casablanca   | 2027-03-15T02:30:00 | 1d 24h | 2027-03-14T01:30:00Z 2027-03-14T02:30:00Z
    Pacific/Chatham     | 2027-09-27T03:00:00 | 1d 24h | 2027-09-25T13:15:00Z 2027-09-25T14:15:00Z
    Antarctica/Troll    | 2027-03-29T01:30:00 | 1d 24h | 2027-03-27T23:30:00Z 2027-03-28T01:30:00Z
    America/St_Johns    | 2027-03-15T02:15:00 | 1d 24h | 2027-03-14T04:45:00Z 2027-03-14T05:45:00Z
    Asia/Gaza           | 2027-03-28T02:30:00 | 1d 24h | 2027-03-26T23:30:00Z 2027-03-27T00:30:00Z
    # Of a whole day: before nine of that day.
    America/Santiago    | 2027-09-05 | 0m 1d 24h | 2027-09-04T12:00:00Z 2027-09-04T13:00:00Z 2027-09-05T12:00:00Z
    America/New_York    | 2027-11-07 | 0m 1d 24h | 2027-11-06T13:00:00Z 2027-11-06T14:00:00Z 2027-11-07T14:00:00Z
    Antarctica/Troll    | 2027-03-28 | 0m 1d 24h | 2027-03-27T07:00:00Z 2027-03-27T09:00:00Z 2027-03-28T07:00:00Z
    Australia/Lord_Howe | 2027-10-03 | 0m 1d 24h | 2027-10-01T22:00:00Z 2027-10-01T22:30:00Z 2027-10-02T22:00:00Z
    Pacific/Kiritimati  | 2027-09-05 | 0m 1w     | 2027-08-28T19:00:00Z 2027-09-04T19:00:00Z
    Pacific/Pago_Pago   | 2027-09-05 | 0m 1w     | 2027-08-29T20:00:00Z 2027-09-05T20:00:00Z
    Pacific/Chatham     | 2027-09-26 | 0m        | 2027-09-25T19:15:00Z";

#[tokio::test]
async fn a_day_before_is_the_same_wall_time_and_24_hours_are_24_hours() {
    let world = World::new().await;
    for (row, [zone, due, leads, triggers]) in rows(LEADS).enumerate() {
        let user = User::of(&world, row.to_string(), zone).await;
        let task = user
            .create(json!({"title": "a", "due_date": due, "reminder_config": reminders_before(leads)}))
            .await;
        assert_eq!(user.triggers(&task, &["pending"]).await.join(" "), triggers, "{zone} {due} {leads}");
    }
}

/// zone | the user's hour | date | trigger
const HOURS: &str = "
    America/New_York    | 02:30 | 2027-03-14 | 2027-03-14T07:30:00Z
    America/New_York    | 01:30 | 2027-11-07 | 2027-11-07T05:30:00Z
    America/Santiago    | 00:00 | 2027-09-05 | 2027-09-05T04:00:00Z
    America/Santiago    | 23:30 | 2027-04-03 | 2027-04-04T02:30:00Z
    America/Havana      | 00:30 | 2027-11-07 | 2027-11-07T04:30:00Z
    Australia/Lord_Howe | 02:15 | 2027-10-03 | 2027-10-02T15:45:00Z
    Antarctica/Troll    | 01:30 | 2027-03-28 | 2027-03-28T01:30:00Z";

#[tokio::test]
async fn the_hour_of_whole_days_may_be_lost_or_doubled() {
    let world = World::new().await;
    for (row, [zone, hour, date, trigger]) in rows(HOURS).enumerate() {
        let settings = json!({"time_zone": zone, "reminder_time": hour});
        let user = User::with(&world, row.to_string(), settings).await;
        let task = user
            .create(json!({"title": "a", "due_date": date, "reminder_config": {"lead_time": "0m"}}))
            .await;
        assert_eq!(user.triggers(&task, &["pending"]).await, [trigger], "{zone} {hour} {date}");
    }
}

/// zone | from | to | reminded at | delivered at
const QUIET: &str = "
    America/New_York    | 22:00 | 07:00 | 2026-11-01T03:30:00Z | 2026-11-01T12:00:00Z
    America/Santiago    | 22:00 | 07:00 | 2027-04-04T03:30:00Z | 2027-04-04T11:00:00Z
    America/Santiago    | 22:00 | 00:00 | 2027-09-05T02:30:00Z | 2027-09-05T04:00:00Z
    America/New_York    | 22:00 | 07:00 | 2027-03-14T04:30:00Z | 2027-03-14T11:00:00Z
    Europe/London       | 22:00 | 01:30 | 2027-03-27T23:00:00Z | 2027-03-28T01:30:00Z
    Antarctica/Troll    | 22:00 | 02:00 | 2027-03-27T23:00:00Z | 2027-03-28T02:00:00Z
    Africa/Cairo        | 23:00 | 00:30 | 2027-04-29T21:30:00Z | 2027-04-29T22:30:00Z
    Pacific/Chatham     | 22:00 | 07:00 | 2027-09-25T10:00:00Z | 2027-09-25T17:15:00Z
    Australia/Lord_Howe | 23:00 | 02:15 | 2027-10-02T14:00:00Z | 2027-10-02T15:45:00Z
    Asia/Kathmandu      | 22:00 | 07:00 | 2027-10-02T18:30:00Z | 2027-10-03T01:15:00Z
    # By day, and one minute only.
    Asia/Karachi        | 09:00 | 17:00 | 2027-10-05T04:00:00Z | 2027-10-05T12:00:00Z
    Asia/Kathmandu      | 23:59 | 00:00 | 2027-10-06T18:14:30Z | 2027-10-06T18:15:00Z
    # Not quiet: before, at the end, and in the hour that comes again before they begin.
    America/New_York    | 22:00 | 07:00 | 2027-10-08T01:59:59Z | 2027-10-08T01:59:59Z
    America/New_York    | 22:00 | 07:00 | 2027-10-08T11:00:00Z | 2027-10-08T11:00:00Z
    America/New_York    | 02:00 | 07:00 | 2027-11-07T06:30:00Z | 2027-11-07T06:30:00Z";

#[tokio::test]
async fn quiet_hours_end_when_the_wall_says_so() {
    let world = World::new().await;
    for (row, [zone, start, end, at, delivered_at]) in rows(QUIET).enumerate() {
        set_clock(&world, "2026-06-01T00:00:00Z");
        let settings = json!({"time_zone": zone, "quiet_hours": {"start": start, "end": end}});
        let user = User::with(&world, row.to_string(), settings).await;
        let task =
            user.create(json!({"title": "a", "due_date": at, "reminder_config": {"lead_time": "0m"}})).await;
        world.advance_to(at).await;
        let what = format!("{zone} {start} {end} {at}");
        if at != delivered_at {
            assert_eq!(user.triggers(&task, &["sent"]).await, [""; 0], "{what}");
            let found = user
                .call("GET", &format!("{}/reminders", tests::world::path_of(&task)), &Value::Null)
                .await
                .ok();
            assert_eq!(found["reminders"][0]["waits_until"], delivered_at, "{what}");
        }
        world.advance_to(delivered_at).await;
        assert_eq!(user.triggers(&task, &["sent"]).await, [at], "{what}");
    }
}

/// zone | now | put off | until
const SNOOZES: &str = "
    America/New_York    | 2027-03-13T14:00:00Z | for 1d  | 2027-03-14T13:00:00Z
    America/New_York    | 2027-03-13T14:00:00Z | for 24h | 2027-03-14T14:00:00Z
    America/New_York    | 2027-11-06T13:00:00Z | for 1d  | 2027-11-07T14:00:00Z
    America/New_York    | 2027-11-06T13:00:00Z | for 24h | 2027-11-07T13:00:00Z
    America/New_York    | 2027-11-07T06:30:00Z | for 1d  | 2027-11-08T06:30:00Z
    America/New_York    | 2027-11-07T05:50:00Z | for 10m | 2027-11-07T06:00:00Z
    America/Santiago    | 2027-09-04T14:00:00Z | for 1d  | 2027-09-05T13:00:00Z
    America/Santiago    | 2027-09-04T04:00:00Z | for 1d  | 2027-09-05T04:00:00Z
    America/Santiago    | 2027-09-04T14:00:00Z | until 2027-09-05T00:00:00 | 2027-09-05T04:00:00Z
    America/Santiago    | 2027-04-03T14:00:00Z | until 2027-04-03T23:30:00 | 2027-04-04T02:30:00Z
    Australia/Lord_Howe | 2027-10-02T05:00:00Z | for 1d  | 2027-10-03T04:30:00Z
    Australia/Lord_Howe | 2027-10-02T05:00:00Z | for 24h | 2027-10-03T05:00:00Z
    Antarctica/Troll    | 2027-03-25T12:00:00Z | for 1w  | 2027-04-01T10:00:00Z
    Antarctica/Troll    | 2027-03-25T12:00:00Z | for 168h | 2027-04-01T12:00:00Z
    Asia/Kathmandu      | 2027-03-25T12:00:00Z | until 2027-03-26T09:00:00 | 2027-03-26T03:15:00Z
    Pacific/Chatham     | 2027-09-25T12:00:00Z | until 2027-09-26T09:00:00 | 2027-09-25T19:15:00Z
    Pacific/Kiritimati  | 2027-09-25T12:00:00Z | for 1d  | 2027-09-26T12:00:00Z";

#[tokio::test]
async fn what_is_put_off_by_a_day_comes_at_the_same_wall_time() {
    let world = World::new().await;
    for (row, [zone, now, put_off, until]) in rows(SNOOZES).enumerate() {
        let user = User::of(&world, row.to_string(), "Asia/Karachi").await;
        set_clock(&world, now);
        let task = user.create(json!({"title": "a", "time_zone": zone})).await;
        let (field, value) = put_off.split_once(' ').expect("a field and its value");
        let snoozed = user.act(&task, "snooze", json!({field: value})).await.ok();
        assert_eq!(snoozed["snoozed_until"], until, "{zone} {now} {put_off}");
    }
}
