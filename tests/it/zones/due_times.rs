//! Due times: wall time in a zone, whole days, and users who move.

use serde_json::{Value, json};
use tests::world::{World, path_of};

use super::{User, reminders_before, rows};

/// zone | given | shown. Without an offset: a lost time moves forward by the gap, a doubled one is the first.
const WALL_TIMES: &str = "
    America/New_York     | 2027-07-01T09:00:00       | 2027-07-01T09:00:00-04:00
    America/New_York     | 2027-03-14T02:00:00       | 2027-03-14T03:00:00-04:00
    America/New_York     | 2027-03-14T02:59:59       | 2027-03-14T03:59:59-04:00
    America/New_York     | 2027-11-07T01:30:00       | 2027-11-07T01:30:00-04:00
    America/New_York     | 2027-11-07T01:30:00-05:00 | 2027-11-07T01:30:00-05:00
    America/New_York     | 2027-07-01T00:00:00Z      | 2027-06-30T20:00:00-04:00
    Europe/London        | 2027-03-28T01:00:00       | 2027-03-28T02:00:00+01:00
    Europe/London        | 2027-10-31T01:59:59       | 2027-10-31T01:59:59+01:00
    Europe/London        | 2027-10-31T01:00:00Z      | 2027-10-31T01:00:00+00:00
    Asia/Karachi         | 2027-07-01T09:00:00       | 2027-07-01T09:00:00+05:00
    Asia/Karachi         | 2027-07-01T23:00:00-11:00 | 2027-07-02T15:00:00+05:00
    America/Santiago     | 2027-09-05T00:00:00       | 2027-09-05T01:00:00-03:00
    America/Santiago     | 2027-04-03T23:30:00       | 2027-04-03T23:30:00-03:00
    America/Santiago     | 2027-04-03T23:30:00-04:00 | 2027-04-03T23:30:00-04:00
    Australia/Lord_Howe  | 2027-10-03T02:10:00       | 2027-10-03T02:40:00+11:00
    Australia/Lord_Howe  | 2027-04-04T01:45:00       | 2027-04-04T01:45:00+11:00
    Australia/Lord_Howe  | 2027-04-04T01:45:00+10:30 | 2027-04-04T01:45:00+10:30
    Africa/Cairo         | 2027-04-30T00:00:00       | 2027-04-30T01:00:00+03:00
    Africa/Cairo         | 2027-10-28T23:30:00       | 2027-10-28T23:30:00+03:00
    Asia/Kathmandu       | 2027-01-01T00:00:00       | 2027-01-01T00:00:00+05:45
    Asia/Kathmandu       | 1986-01-01T00:10:00       | 1986-01-01T00:25:00+05:45
    Pacific/Apia         | 2011-12-29T23:59:59       | 2011-12-29T23:59:59-10:00
    Pacific/Apia         | 2011-12-30T10:00:00       | 2011-12-31T10:00:00+14:00
    Asia/Beirut          | 2027-03-28T00:30:00       | 2027-03-28T01:30:00+03:00
    Asia/Beirut          | 2027-10-30T23:00:00       | 2027-10-30T23:00:00+03:00
    America/Havana       | 2027-03-14T00:00:00       | 2027-03-14T01:00:00-04:00
    America/Havana       | 2027-11-07T00:30:00       | 2027-11-07T00:30:00-04:00
    Asia/Tehran          | 2027-07-01T09:00:00       | 2027-07-01T09:00:00+03:30
    Asia/Tehran          | 2022-03-22T00:30:00       | 2022-03-22T01:30:00+04:30
    Africa/Casablanca    | 2027-07-01T09:00:00       | 2027-07-01T09:00:00+01:00
    Africa/Casablanca    | 2027-02-07T02:30:00       | 2027-02-07T02:30:00+01:00
    Africa/Casablanca    | 2027-03-14T02:30:00       | 2027-03-14T03:30:00+01:00
    Europe/Dublin        | 2027-03-28T01:30:00       | 2027-03-28T02:30:00+01:00
    Europe/Dublin        | 2027-10-31T01:30:00       | 2027-10-31T01:30:00+01:00
    Pacific/Chatham      | 2027-09-26T03:00:00       | 2027-09-26T04:00:00+13:45
    Pacific/Chatham      | 2027-04-04T03:00:00       | 2027-04-04T03:00:00+13:45
    Antarctica/Troll     | 2027-03-28T01:30:00       | 2027-03-28T03:30:00+02:00
    Antarctica/Troll     | 2027-10-31T02:30:00       | 2027-10-31T02:30:00+02:00
    America/St_Johns     | 2027-03-14T02:00:00       | 2027-03-14T03:00:00-02:30
    America/St_Johns     | 2027-11-07T01:00:00       | 2027-11-07T01:00:00-02:30
    Asia/Gaza            | 2027-03-27T02:30:00       | 2027-03-27T03:30:00+03:00
    Asia/Gaza            | 2027-10-30T01:30:00       | 2027-10-30T01:30:00+03:00
    Pacific/Kiritimati   | 2027-01-01T00:00:00       | 2027-01-01T00:00:00+14:00
    Pacific/Pago_Pago    | 2027-01-01T00:00:00       | 2027-01-01T00:00:00-11:00";

#[tokio::test]
async fn a_due_time_is_wall_time_in_the_tasks_zone_or_else_the_users() {
    let world = World::new().await;
    for (row, [zone, given, shown]) in rows(WALL_TIMES).enumerate() {
        let resident = User::of(&world, row.to_string(), zone).await;
        let elsewhere = User { world: &world, id: "elsewhere".to_owned() };
        for (user, own) in [(&resident, Value::Null), (&elsewhere, json!(zone))] {
            let task = user.create(json!({"title": "a", "due_date": given, "time_zone": own})).await;
            let what = format!("{zone} {given} {own}");
            assert_eq!((&task["due_date"], &task["all_day"]), (&json!(shown), &json!(false)), "{what}");
            assert_eq!(task["time_zone"], zone, "{what}");
            assert_eq!(user.get(&task).await, task, "{what}");
            let renamed = user.call("PATCH", &path_of(&task), &json!({"title": "b"})).await.ok();
            assert_eq!(renamed["due_date"], shown, "{what}");
        }
    }
}

#[tokio::test]
async fn what_is_shown_of_a_due_time_means_the_same_again() {
    let (world, mut wrong) = (World::new().await, Vec::new());
    for [zone, given, shown] in rows(WALL_TIMES) {
        let task = world.create(json!({"title": "a", "due_date": given, "time_zone": zone})).await;
        let same = world.patch(&path_of(&task), json!({"due_date": shown})).await.ok();
        assert_eq!(same["due_date"], shown, "{zone} {given}");
        if same["version"] != 1 {
            wrong.push(format!("{zone} {given}, shown as {shown}"));
        }
    }
    assert!(wrong.is_empty(), "a change that is none:\n{}", wrong.join("\n"));
}

/// zone | date | its first instant | the first instant after it
const WHOLE_DAYS: &str = "
    Pacific/Pago_Pago    | 2027-09-05 | 2027-09-05T11:00:00Z | 2027-09-06T11:00:00Z
    Pacific/Kiritimati   | 2027-09-05 | 2027-09-04T10:00:00Z | 2027-09-05T10:00:00Z
    Asia/Karachi         | 2027-09-05 | 2027-09-04T19:00:00Z | 2027-09-05T19:00:00Z
    Asia/Kathmandu       | 2027-09-05 | 2027-09-04T18:15:00Z | 2027-09-05T18:15:00Z
    Asia/Tehran          | 2027-09-05 | 2027-09-04T20:30:00Z | 2027-09-05T20:30:00Z
    America/New_York     | 2027-03-14 | 2027-03-14T05:00:00Z | 2027-03-15T04:00:00Z
    America/New_York     | 2027-11-07 | 2027-11-07T04:00:00Z | 2027-11-08T05:00:00Z
    Europe/London        | 2027-03-28 | 2027-03-28T00:00:00Z | 2027-03-28T23:00:00Z
    Europe/Dublin        | 2027-10-31 | 2027-10-30T23:00:00Z | 2027-11-01T00:00:00Z
    Africa/Casablanca    | 2027-02-07 | 2027-02-06T23:00:00Z | 2027-02-08T00:00:00Z
    Pacific/Chatham      | 2027-09-26 | 2027-09-25T11:15:00Z | 2027-09-26T10:15:00Z
    Australia/Lord_Howe  | 2027-10-03 | 2027-10-02T13:30:00Z | 2027-10-03T13:00:00Z
    Antarctica/Troll     | 2027-03-28 | 2027-03-28T00:00:00Z | 2027-03-28T22:00:00Z
    America/St_Johns     | 2027-11-07 | 2027-11-07T02:30:00Z | 2027-11-08T03:30:00Z
    Asia/Gaza            | 2027-10-30 | 2027-10-29T21:00:00Z | 2027-10-30T22:00:00Z
    # Without a midnight; with an hour twice before midnight; with midnight twice.
    America/Santiago     | 2027-09-05 | 2027-09-05T04:00:00Z | 2027-09-06T03:00:00Z
    Africa/Cairo         | 2027-04-30 | 2027-04-29T22:00:00Z | 2027-04-30T21:00:00Z
    Asia/Beirut          | 2027-03-28 | 2027-03-27T22:00:00Z | 2027-03-28T21:00:00Z
    America/Havana       | 2027-03-14 | 2027-03-14T05:00:00Z | 2027-03-15T04:00:00Z
    America/Santiago     | 2027-04-03 | 2027-04-03T03:00:00Z | 2027-04-04T04:00:00Z
    Africa/Cairo         | 2027-10-28 | 2027-10-27T21:00:00Z | 2027-10-28T22:00:00Z
    Asia/Beirut          | 2027-10-30 | 2027-10-29T21:00:00Z | 2027-10-30T22:00:00Z
    America/Havana       | 2027-11-06 | 2027-11-06T04:00:00Z | 2027-11-07T04:00:00Z
    America/Havana       | 2027-11-07 | 2027-11-07T04:00:00Z | 2027-11-08T05:00:00Z
    # The day before the one that Samoa left out.
    Pacific/Apia         | 2011-12-29 | 2011-12-29T10:00:00Z | 2011-12-30T10:00:00Z";

fn second_after(at: &str) -> String {
    let at: chrono::DateTime<chrono::Utc> = at.parse().expect("an instant");
    (at + chrono::TimeDelta::seconds(1)).format("%FT%TZ").to_string()
}

fn second_before(at: &str) -> String {
    let at: chrono::DateTime<chrono::Utc> = at.parse().expect("an instant");
    (at - chrono::TimeDelta::seconds(1)).format("%FT%TZ").to_string()
}

#[tokio::test]
async fn a_whole_day_is_a_date_and_lasts_as_long_as_the_local_day() {
    let world = World::new().await;
    for (row, [zone, date, first, end]) in rows(WHOLE_DAYS).enumerate() {
        let user = User::of(&world, row.to_string(), zone).await;
        let task = user.create(json!({"title": "whole", "due_date": date})).await;
        assert_eq!((&task["due_date"], &task["all_day"]), (&json!(date), &json!(true)), "{zone} {date}");
        assert_eq!(user.get(&task).await, task, "{zone} {date}");
        let same = user.call("PATCH", &path_of(&task), &json!({"due_date": date})).await.ok();
        assert_eq!(same["version"], 1, "{zone} {date}");
        // The first and the last second of the day, and its neighbours.
        for (title, at) in [
            ("before", second_before(first)),
            ("first", first.to_owned()),
            ("last", second_before(end)),
            ("after", end.to_owned()),
        ] {
            user.create(json!({"title": title, "due_date": at})).await;
        }
        let day: chrono::NaiveDate = date.parse().expect("a date");
        // 2011-12-30 was left out in Samoa: it begins when the 31st does.
        let next = day + chrono::Days::new(1);
        for (query, expected) in [
            (format!("due_after={date}&due_before={next}"), "first last whole"),
            (format!("due_before={date}"), "before"),
            (format!("due_after={next}"), "after"),
            (format!("due_after={first}&due_before={end}"), "first last whole"),
            (format!("due_after={date}T12:00:00&due_before={next}"), "last"),
        ] {
            let listed = user.listed(&query).await;
            let mut titles: Vec<_> =
                listed.iter().map(|one| one["title"].as_str().expect("a text")).collect();
            titles.sort_unstable();
            assert_eq!(titles.join(" "), expected, "{zone} {date} {query}");
        }
    }
}

#[tokio::test]
async fn a_whole_day_is_overdue_when_its_local_day_has_ended() {
    let world = World::new().await;
    for (row, [zone, date, first, end]) in rows(WHOLE_DAYS).enumerate() {
        let user = User::of(&world, row.to_string(), "Asia/Karachi").await;
        user.create(json!({"title": "water the plants", "due_date": date, "time_zone": zone})).await;
        for (now, overdue) in
            [(first.to_owned(), 0), (second_before(end), 0), (end.to_owned(), 1), (second_after(end), 1)]
        {
            let asked =
                json!({"user_input": "show overdue tasks", "client_time": now, "time_zone": "Asia/Karachi"});
            let told = user.call("POST", "/chat/command", &asked).await.ok();
            let found = told["tasks"].as_array().map_or(0, Vec::len);
            assert_eq!(found, overdue, "{zone} {date} at {now}: {told}");
        }
    }
}

#[tokio::test]
async fn a_day_that_a_zone_left_out_is_kept_as_it_was_given() {
    let world = World::in_zone(chrono_tz::Pacific::Apia).await;
    let task = world.create(json!({"title": "a", "due_date": "2011-12-30"})).await;
    assert_eq!((&task["due_date"], &task["all_day"]), (&json!("2011-12-30"), &json!(true)));
    assert_eq!(world.get(&path_of(&task)).await.ok(), task);
}

/// zone | due | 1d and 25h before | whole day at nine. All of 28 March 2027: the clocks change in London, Beirut and on Troll.
const TOUR: &str = "
    Europe/London      | 2027-03-28T12:00:00+01:00 | 2027-03-27T10:00:00Z 2027-03-27T12:00:00Z | 2027-03-28T08:00:00Z
    Pacific/Kiritimati | 2027-03-28T12:00:00+14:00 | 2027-03-26T21:00:00Z 2027-03-26T22:00:00Z | 2027-03-27T19:00:00Z
    Asia/Beirut        | 2027-03-28T12:00:00+03:00 | 2027-03-27T08:00:00Z 2027-03-27T10:00:00Z | 2027-03-28T06:00:00Z
    Antarctica/Troll   | 2027-03-28T12:00:00+02:00 | 2027-03-27T09:00:00Z 2027-03-27T12:00:00Z | 2027-03-28T07:00:00Z
    Pacific/Pago_Pago  | 2027-03-28T12:00:00-11:00 | 2027-03-27T22:00:00Z 2027-03-27T23:00:00Z | 2027-03-28T20:00:00Z
    Asia/Karachi       | 2027-03-28T12:00:00+05:00 | 2027-03-27T06:00:00Z 2027-03-27T07:00:00Z | 2027-03-28T04:00:00Z";

#[tokio::test]
async fn who_travels_takes_tasks_and_reminders_along_and_leaves_those_of_a_zone_there() {
    let world = World::in_zone(chrono_tz::Asia::Karachi).await;
    let user = User::of(&world, "traveller", "Asia/Karachi").await;
    let make = async |due: &str, zone: Value, leads: &str| {
        let config = reminders_before(leads);
        let weekly = json!({"pattern": "weekly"});
        user.create(json!({"title": "a", "due_date": due, "time_zone": zone, "reminder_config": config, "recurrence_rule": weekly}))
            .await
    };
    let floating = make("2027-03-28T12:00:00", Value::Null, "1d 25h").await;
    let whole = make("2027-03-28", Value::Null, "0m").await;
    let own = make("2027-03-28T12:00:00", json!("Asia/Kathmandu"), "1d 25h").await;
    let own_day = make("2027-03-28", json!("Pacific/Chatham"), "0m").await;
    for [zone, due, triggers, nine] in rows(TOUR) {
        user.call("PATCH", "/api/settings", &json!({"time_zone": zone})).await.ok();
        let pending = ["pending"];
        assert_eq!(user.get(&floating).await["due_date"], due);
        assert_eq!(user.triggers(&floating, &pending).await.join(" "), triggers, "{zone}");
        assert_eq!(user.ahead(&floating, 2).await[1][..19], *"2027-04-04T12:00:00", "{zone}");
        assert_eq!(user.get(&whole).await["due_date"], "2027-03-28");
        assert_eq!(user.triggers(&whole, &pending).await, [nine], "{zone}");
        assert_eq!(user.get(&own).await, own, "{zone}");
        assert_eq!(user.triggers(&own, &pending).await, ["2027-03-27T05:15:00Z", "2027-03-27T06:15:00Z"]);
        assert_eq!(user.get(&own_day).await, own_day, "{zone}");
        assert_eq!(user.triggers(&own_day, &pending).await, ["2027-03-27T19:15:00Z"], "09:00+13:45");
    }
}
