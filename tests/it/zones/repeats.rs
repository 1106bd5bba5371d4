//! Series across clock changes and at the ends of months: what is shown ahead, and what follows when each is completed in time.

use serde_json::json;
use tests::world::World;

use super::{User, rows, rule};

/// Checks a table of zone | rule | first | those after it; `end` after the last one.
async fn check(table: &'static str) {
    let (world, mut wrong) = (World::new().await, Vec::new());
    for (row, [zone, text, first, after]) in rows(table).enumerate() {
        let user = User::of(&world, row.to_string(), zone).await;
        super::set_clock(&world, "2020-01-01T00:00:00Z");
        let task = user.create(json!({"title": "a", "due_date": first, "recurrence_rule": rule(text)})).await;
        let mut expected: Vec<_> = after.split_whitespace().map(str::to_owned).collect();
        let ends = expected.pop_if(|last| last == "end").is_some();
        expected.insert(0, task["due_date"].as_str().expect("a text").to_owned());
        let limit = expected.len() + usize::from(ends);
        for (how, found) in
            [("ahead", user.ahead(&task, limit).await), ("one by one", user.chain(task, limit).await)]
        {
            if found != expected {
                wrong.push(format!("{zone} {text} from {first}, {how}: {found:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn a_repeated_time_stays_on_the_wall_across_every_change() {
    check(
        r#"
    # Days: the lost time moves forward for once, the doubled one is the first.
    America/New_York    | daily                    | 2027-03-13T02:30:00 | 2027-03-14T03:30:00-04:00 2027-03-15T02:30:00-04:00
    America/New_York    | daily                    | 2027-11-06T01:30:00 | 2027-11-07T01:30:00-04:00 2027-11-08T01:30:00-05:00
    America/New_York    | FREQ=DAILY               | 2027-03-13T02:30:00 | 2027-03-14T03:30:00-04:00 2027-03-15T02:30:00-04:00
    America/New_York    | FREQ=DAILY               | 2027-11-06T01:30:00 | 2027-11-07T01:30:00-04:00 2027-11-08T01:30:00-05:00
    Europe/London       | daily                    | 2027-03-27T01:00:00 | 2027-03-28T02:00:00+01:00 2027-03-29T01:00:00+01:00
    Europe/London       | FREQ=DAILY               | 2027-10-30T01:00:00 | 2027-10-31T01:00:00+01:00 2027-11-01T01:00:00+00:00
    Europe/Dublin       | daily                    | 2027-03-27T01:15:00 | 2027-03-28T02:15:00+01:00 2027-03-29T01:15:00+01:00
    Europe/Dublin       | FREQ=DAILY               | 2027-10-30T01:15:00 | 2027-10-31T01:15:00+01:00 2027-11-01T01:15:00+00:00
    America/Santiago    | daily                    | 2027-09-04T00:00:00 | 2027-09-05T01:00:00-03:00 2027-09-06T00:00:00-03:00
    America/Santiago    | FREQ=DAILY               | 2027-09-04T00:00:00 | 2027-09-05T01:00:00-03:00 2027-09-06T00:00:00-03:00
    America/Santiago    | daily                    | 2027-04-02T23:30:00 | 2027-04-03T23:30:00-03:00 2027-04-04T23:30:00-04:00
    Africa/Cairo        | daily                    | 2027-04-29T00:00:00 | 2027-04-30T01:00:00+03:00 2027-05-01T00:00:00+03:00
    Africa/Cairo        | FREQ=DAILY               | 2027-10-27T23:59:59 | 2027-10-28T23:59:59+03:00 2027-10-29T23:59:59+02:00
    Asia/Beirut         | FREQ=DAILY               | 2027-03-27T00:30:00 | 2027-03-28T01:30:00+03:00 2027-03-29T00:30:00+03:00
    Asia/Beirut         | daily                    | 2027-10-29T23:30:00 | 2027-10-30T23:30:00+03:00 2027-10-31T23:30:00+02:00
    America/Havana      | daily                    | 2027-03-13T00:00:00 | 2027-03-14T01:00:00-04:00 2027-03-15T00:00:00-04:00
    America/Havana      | FREQ=DAILY               | 2027-11-06T00:00:00 | 2027-11-07T00:00:00-04:00 2027-11-08T00:00:00-05:00
    Australia/Lord_Howe | daily                    | 2027-10-02T02:00:00 | 2027-10-03T02:30:00+11:00 2027-10-04T02:00:00+11:00
    Australia/Lord_Howe | FREQ=DAILY               | 2027-04-03T01:45:00 | 2027-04-04T01:45:00+11:00 2027-04-05T01:45:00+10:30
    Africa/Casablanca   | daily                    | 2027-02-06T02:30:00 | 2027-02-07T02:30:00+01:00 2027-02-08T02:30:00+00:00
    Africa/Casablanca   | FREQ=DAILY               | 2027-03-13T02:30:00 | 2027-03-14T03:30:00+01:00 2027-03-15T02:30:00+01:00
    Pacific/Chatham     | daily                    | 2027-09-25T02:45:00 | 2027-09-26T03:45:00+13:45 2027-09-27T02:45:00+13:45
    Pacific/Chatham     | FREQ=DAILY               | 2027-04-03T03:00:00 | 2027-04-04T03:00:00+13:45 2027-04-05T03:00:00+12:45
    Antarctica/Troll    | daily                    | 2027-03-27T01:30:00 | 2027-03-28T03:30:00+02:00 2027-03-29T01:30:00+02:00
    Antarctica/Troll    | FREQ=DAILY               | 2027-10-30T02:30:00 | 2027-10-31T02:30:00+02:00 2027-11-01T02:30:00+00:00
    America/St_Johns    | daily                    | 2027-03-13T02:15:00 | 2027-03-14T03:15:00-02:30 2027-03-15T02:15:00-02:30
    America/St_Johns    | FREQ=DAILY               | 2027-11-06T01:15:00 | 2027-11-07T01:15:00-02:30 2027-11-08T01:15:00-03:30
    Asia/Gaza           | daily                    | 2027-03-26T02:30:00 | 2027-03-27T03:30:00+03:00 2027-03-28T02:30:00+03:00
    Asia/Gaza           | FREQ=DAILY               | 2027-10-29T01:30:00 | 2027-10-30T01:30:00+03:00 2027-10-31T01:30:00+02:00
    Asia/Karachi        | FREQ=DAILY               | 2027-03-13T02:30:00 | 2027-03-14T02:30:00+05:00 2027-03-15T02:30:00+05:00
    Asia/Kathmandu      | FREQ=DAILY               | 2027-03-13T00:00:00 | 2027-03-14T00:00:00+05:45 2027-03-15T00:00:00+05:45
    Asia/Tehran         | FREQ=DAILY               | 2027-03-21T00:30:00 | 2027-03-22T00:30:00+03:30 2027-03-23T00:30:00+03:30
    America/New_York    | FREQ=DAILY;BYHOUR=2,9    | 2027-03-13T02:30:00 | 2027-03-13T09:30:00-05:00 2027-03-14T03:30:00-04:00 2027-03-14T09:30:00-04:00
    # The first itself is in a gap, or the second pass of a fold: the others are as the wall said.
    America/New_York    | daily                    | 2027-03-14T02:30:00 | 2027-03-15T02:30:00-04:00
    America/New_York    | FREQ=DAILY               | 2027-03-14T02:30:00 | 2027-03-15T02:30:00-04:00
    America/New_York    | daily                    | 2027-11-07T01:30:00-05:00 | 2027-11-08T01:30:00-05:00
    America/Santiago    | weekly                   | 2027-09-05T00:00:00 | 2027-09-12T00:00:00-03:00
    # Weeks, months and years onto the change, and back to normal.
    America/New_York    | weekly                   | 2027-03-07T02:30:00 | 2027-03-14T03:30:00-04:00 2027-03-21T02:30:00-04:00
    America/New_York    | monthly                  | 2027-02-14T02:30:00 | 2027-03-14T03:30:00-04:00 2027-04-14T02:30:00-04:00
    America/New_York    | yearly                   | 2026-03-14T02:30:00 | 2027-03-14T03:30:00-04:00 2028-03-14T02:30:00-04:00
    America/New_York    | monthly                  | 2027-10-07T01:30:00 | 2027-11-07T01:30:00-04:00 2027-12-07T01:30:00-05:00
    America/New_York    | FREQ=MONTHLY;BYDAY=2SU   | 2027-02-14T02:30:00 | 2027-03-14T03:30:00-04:00 2027-04-11T02:30:00-04:00
    America/New_York    | FREQ=YEARLY;BYMONTH=11;BYDAY=1SU | 2027-11-07T01:30:00 | 2028-11-05T01:30:00-04:00 2029-11-04T01:30:00-04:00
    Europe/London       | {"pattern":"weekly","weekdays":["sat","sun"]} | 2027-03-27T01:30:00 | 2027-03-28T02:30:00+01:00 2027-04-03T01:30:00+01:00
    Europe/London       | FREQ=MONTHLY;BYDAY=-1SU  | 2027-09-26T01:30:00 | 2027-10-31T01:30:00+01:00 2027-11-28T01:30:00+00:00
    America/Santiago    | monthly                  | 2027-08-05T00:00:00 | 2027-09-05T01:00:00-03:00 2027-10-05T00:00:00-03:00
    America/Santiago    | FREQ=WEEKLY;BYDAY=SU     | 2027-08-29T00:00:00 | 2027-09-05T01:00:00-03:00 2027-09-12T00:00:00-03:00
    Africa/Cairo        | {"pattern":"monthly","month_days":[-1]} | 2027-03-31T00:30:00 | 2027-04-30T01:30:00+03:00 2027-05-31T00:30:00+03:00
    Africa/Cairo        | FREQ=MONTHLY;BYDAY=-1FR  | 2027-03-26T00:30:00 | 2027-04-30T01:30:00+03:00 2027-05-28T00:30:00+03:00
    Australia/Lord_Howe | yearly                   | 2026-10-03T02:10:00 | 2027-10-03T02:40:00+11:00 2028-10-03T02:10:00+11:00
    Pacific/Chatham     | monthly                  | 2027-08-26T03:00:00 | 2027-09-26T04:00:00+13:45 2027-10-26T03:00:00+13:45
    Antarctica/Troll    | yearly                   | 2026-03-28T02:59:00 | 2027-03-28T04:59:00+02:00 2028-03-28T02:59:00+02:00
    Africa/Casablanca   | weekly                   | 2027-03-07T02:00:00 | 2027-03-14T03:00:00+01:00 2027-03-21T02:00:00+01:00
    Asia/Beirut         | weekly                   | 2027-03-21T00:00:00 | 2027-03-28T01:00:00+03:00 2027-04-04T00:00:00+03:00
    # Whole days: each of them, also without a midnight.
    America/Santiago    | daily                    | 2027-09-04          | 2027-09-05 2027-09-06
    Africa/Cairo        | FREQ=DAILY               | 2027-04-29          | 2027-04-30 2027-05-01
    Asia/Beirut         | FREQ=WEEKLY              | 2027-03-21          | 2027-03-28 2027-04-04
    America/Havana      | daily                    | 2027-03-13          | 2027-03-14 2027-03-15
    Pacific/Kiritimati  | daily                    | 2027-12-31          | 2028-01-01 2028-01-02
    Pacific/Pago_Pago   | FREQ=DAILY               | 2027-12-31          | 2028-01-01 2028-01-02"#,
    )
    .await;
}

#[tokio::test]
async fn hours_and_minutes_run_on_evenly_across_a_change() {
    check(
        r#"
    America/New_York    | FREQ=HOURLY;INTERVAL=6   | 2027-03-13T21:00:00 | 2027-03-14T04:00:00-04:00 2027-03-14T10:00:00-04:00
    America/New_York    | FREQ=HOURLY;INTERVAL=6   | 2027-11-06T21:00:00 | 2027-11-07T02:00:00-05:00 2027-11-07T08:00:00-05:00
    America/New_York    | FREQ=HOURLY              | 2027-11-07T00:45:00 | 2027-11-07T01:45:00-04:00 2027-11-07T01:45:00-05:00 2027-11-07T02:45:00-05:00
    America/New_York    | FREQ=HOURLY              | 2027-03-14T01:15:00 | 2027-03-14T03:15:00-04:00 2027-03-14T04:15:00-04:00
    America/New_York    | FREQ=HOURLY              | 2027-03-14T02:30:00 | 2027-03-14T04:30:00-04:00
    America/New_York    | FREQ=HOURLY              | 2027-11-07T01:30:00-05:00 | 2027-11-07T02:30:00-05:00
    America/New_York    | FREQ=HOURLY;INTERVAL=2   | 2027-11-07T01:30:00-05:00 | 2027-11-07T03:30:00-05:00 2027-11-07T05:30:00-05:00
    America/New_York    | FREQ=MINUTELY;INTERVAL=7 | 2027-11-07T01:30:00-05:00 | 2027-11-07T01:37:00-05:00 2027-11-07T01:44:00-05:00
    America/New_York    | FREQ=HOURLY;COUNT=2      | 2027-11-07T01:30:00-05:00 | 2027-11-07T02:30:00-05:00 end
    America/New_York    | {"rrule":"FREQ=HOURLY","catch_up":true} | 2027-11-07T01:30:00-05:00 | 2027-11-07T02:30:00-05:00
    America/New_York    | {"pattern":"daily","catch_up":true} | 2027-11-07T01:30:00-05:00 | 2027-11-08T01:30:00-05:00
    Australia/Lord_Howe | FREQ=HOURLY              | 2027-04-04T01:45:00+10:30 | 2027-04-04T02:45:00+10:30
    Asia/Karachi        | FREQ=MINUTELY            | 1900-01-01T00:00:00 | 1899-12-31T19:32:48Z
    # What the clocks show there and then: there is no two o'clock, and one o'clock comes twice.
    America/New_York    | FREQ=HOURLY;BYHOUR=2     | 2027-03-13T02:30:00 | 2027-03-15T02:30:00-04:00 2027-03-16T02:30:00-04:00
    America/New_York    | FREQ=HOURLY;BYHOUR=1     | 2027-11-06T01:30:00 | 2027-11-07T01:30:00-04:00 2027-11-07T01:30:00-05:00 2027-11-08T01:30:00-05:00
    America/New_York    | FREQ=HOURLY;INTERVAL=24  | 2027-03-13T09:00:00 | 2027-03-14T10:00:00-04:00 2027-03-15T10:00:00-04:00
    Europe/London       | FREQ=MINUTELY;INTERVAL=45 | 2027-03-28T00:30:00 | 2027-03-28T02:15:00+01:00 2027-03-28T03:00:00+01:00
    America/Santiago    | FREQ=HOURLY;INTERVAL=6   | 2027-09-04T20:00:00 | 2027-09-05T03:00:00-03:00 2027-09-05T09:00:00-03:00
    America/Santiago    | FREQ=MINUTELY;INTERVAL=30 | 2027-04-03T23:30:00 | 2027-04-03T23:00:00-04:00 2027-04-03T23:30:00-04:00 2027-04-04T00:00:00-04:00
    Australia/Lord_Howe | FREQ=HOURLY;INTERVAL=6   | 2027-10-02T21:00:00 | 2027-10-03T03:30:00+11:00 2027-10-03T09:30:00+11:00
    Australia/Lord_Howe | FREQ=HOURLY              | 2027-04-04T01:15:00 | 2027-04-04T01:45:00+10:30 2027-04-04T02:45:00+10:30
    Pacific/Chatham     | FREQ=HOURLY;INTERVAL=12  | 2027-09-25T15:00:00 | 2027-09-26T04:00:00+13:45 2027-09-26T16:00:00+13:45
    Antarctica/Troll    | FREQ=HOURLY              | 2027-10-31T01:30:00 | 2027-10-31T02:30:00+02:00 2027-10-31T01:30:00+00:00 2027-10-31T02:30:00+00:00
    Africa/Casablanca   | FREQ=HOURLY;INTERVAL=6   | 2027-02-06T22:00:00 | 2027-02-07T03:00:00+00:00 2027-02-07T09:00:00+00:00
    Africa/Cairo        | FREQ=HOURLY;INTERVAL=8   | 2027-04-29T20:00:00 | 2027-04-30T05:00:00+03:00
    Asia/Kathmandu      | FREQ=HOURLY;INTERVAL=6   | 2027-03-13T21:15:00 | 2027-03-14T03:15:00+05:45
    Pacific/Apia        | FREQ=HOURLY;INTERVAL=6   | 2011-12-29T21:00:00 | 2011-12-31T03:00:00+14:00 2011-12-31T09:00:00+14:00"#,
    )
    .await;
}

#[tokio::test]
async fn the_end_of_a_month_is_clamped_by_a_pattern_and_skipped_by_the_letter() {
    check(
        r#"
    UTC                 | monthly                  | 2027-01-31          | 2027-02-28 2027-03-31 2027-04-30 2027-05-31
    UTC                 | monthly                  | 2027-12-31          | 2028-01-31 2028-02-29 2028-03-31
    UTC                 | monthly                  | 2027-01-30          | 2027-02-28 2027-03-30
    UTC                 | monthly                  | 2027-01-29          | 2027-02-28 2027-03-29
    UTC                 | monthly                  | 2027-02-28          | 2027-03-28 2027-04-28
    UTC                 | {"pattern":"monthly","month_days":[28]} | 2027-01-28          | 2027-02-28 2027-03-28
    UTC                 | {"pattern":"monthly","month_days":[31]} | 2027-01-31          | 2027-02-28 2027-03-31
    UTC                 | {"pattern":"monthly","month_days":[-1]} | 2027-02-28          | 2027-03-31 2027-04-30
    UTC                 | {"pattern":"monthly","month_days":[15,-1]} | 2028-01-31          | 2028-02-15 2028-02-29 2028-03-15
    UTC                 | {"pattern":"monthly","interval":2} | 2026-12-31          | 2027-02-28 2027-04-30 2027-06-30 2027-08-31
    UTC                 | {"pattern":"monthly","interval":13} | 2027-01-31          | 2028-02-29 2029-03-31
    UTC                 | yearly                   | 2028-02-29          | 2029-02-28 2030-02-28 2031-02-28 2032-02-29
    UTC                 | yearly                   | 2027-02-28          | 2028-02-28 2029-02-28
    UTC                 | {"pattern":"yearly","interval":4} | 2096-02-29          | 2100-02-28 2104-02-29
    America/New_York    | monthly                  | 2027-01-31T02:30:00 | 2027-02-28T02:30:00-05:00 2027-03-31T02:30:00-04:00
    Asia/Kathmandu      | yearly                   | 2028-02-29T00:00:00 | 2029-02-28T00:00:00+05:45 2030-02-28T00:00:00+05:45
    UTC                 | FREQ=MONTHLY             | 2027-01-31          | 2027-03-31 2027-05-31 2027-07-31 2027-08-31
    UTC                 | FREQ=MONTHLY             | 2027-01-30          | 2027-03-30 2027-04-30
    UTC                 | FREQ=MONTHLY;INTERVAL=2  | 2026-12-31          | 2027-08-31 2027-10-31
    UTC                 | FREQ=YEARLY              | 2028-02-29          | 2032-02-29 2036-02-29
    UTC                 | FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29 | 2096-02-29          | 2104-02-29
    UTC                 | FREQ=YEARLY;INTERVAL=3   | 2028-02-29          | 2040-02-29 2052-02-29
    UTC                 | FREQ=MONTHLY;BYMONTHDAY=-1 | 2027-01-31          | 2027-02-28 2027-03-31
    UTC                 | FREQ=MONTHLY;BYMONTHDAY=-31 | 2027-01-01          | 2027-03-01 2027-05-01
    UTC                 | FREQ=MONTHLY;BYDAY=-1FR  | 2027-01-29          | 2027-02-26 2027-03-26
    UTC                 | FREQ=MONTHLY;BYDAY=5MO   | 2027-03-29          | 2027-05-31 2027-08-30
    UTC                 | FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13 | 2026-11-13          | 2027-08-13 2028-10-13
    UTC                 | FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1 | 2027-01-29          | 2027-02-26 2027-03-31
    UTC                 | FREQ=YEARLY;BYWEEKNO=53;BYDAY=MO | 2026-12-28          | 2032-12-27 2037-12-28
    UTC                 | FREQ=YEARLY;BYYEARDAY=366 | 2028-12-31          | 2032-12-31
    UTC                 | FREQ=YEARLY;BYYEARDAY=-1,60 | 2027-12-31          | 2028-02-29 2028-12-31 2029-03-01
    UTC                 | FREQ=YEARLY;BYDAY=53TH   | 2026-12-31          | 2032-12-30 2037-12-31
    UTC                 | FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU;WKST=MO | 1997-08-05          | 1997-08-10 1997-08-19 1997-08-24 1997-09-02
    UTC                 | FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU;WKST=SU | 1997-08-05          | 1997-08-17 1997-08-19 1997-08-31 1997-09-02
    UTC                 | FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8 | 2028-11-07          | 2032-11-02 2036-11-04"#,
    )
    .await;
}

#[tokio::test]
async fn a_date_until_which_a_series_runs_is_a_whole_local_day() {
    check(
        r#"
    Pacific/Kiritimati  | {"pattern":"daily","until":"2027-01-02"} | 2027-01-01T00:30:00 | 2027-01-02T00:30:00+14:00 end
    Pacific/Kiritimati  | {"pattern":"daily","until":"2027-01-02"} | 2027-01-01T23:30:00 | 2027-01-02T23:30:00+14:00 end
    Pacific/Pago_Pago   | {"pattern":"daily","until":"2027-01-02"} | 2027-01-01T23:30:00 | 2027-01-02T23:30:00-11:00 end
    Pacific/Pago_Pago   | {"pattern":"daily","until":"2027-01-02"} | 2027-01-01          | 2027-01-02 end
    Pacific/Kiritimati  | FREQ=DAILY;UNTIL=20270102 | 2027-01-01          | 2027-01-02 end
    Pacific/Pago_Pago   | FREQ=DAILY;UNTIL=20270102 | 2027-01-01T23:30:00 | 2027-01-02T23:30:00-11:00 end
    # An instant is an instant: half past eleven of the 2nd is later in Pago Pago.
    Pacific/Pago_Pago   | FREQ=DAILY;UNTIL=20270102T235959Z | 2027-01-01T23:30:00 | end
    Pacific/Pago_Pago   | FREQ=DAILY;UNTIL=20270103T103000Z | 2027-01-01T23:30:00 | 2027-01-02T23:30:00-11:00 end
    Pacific/Kiritimati  | FREQ=DAILY;UNTIL=20270101T235959Z | 2027-01-01T12:00:00 | 2027-01-02T12:00:00+14:00 end
    Africa/Cairo        | {"pattern":"daily","until":"2027-04-30"} | 2027-04-29T00:30:00 | 2027-04-30T01:30:00+03:00 end
    America/Santiago    | {"pattern":"daily","until":"2027-09-05"} | 2027-09-04T00:00:00 | 2027-09-05T01:00:00-03:00 end
    America/Santiago    | {"pattern":"daily","until":"2027-04-03"} | 2027-04-02T23:30:00 | 2027-04-03T23:30:00-03:00 end
    America/Santiago    | FREQ=HOURLY;UNTIL=20270403 | 2027-04-03T22:30:00 | 2027-04-03T23:30:00-03:00 2027-04-03T23:30:00-04:00 end
    America/Havana      | FREQ=HOURLY;INTERVAL=12;UNTIL=20271107 | 2027-11-07T00:30:00 | 2027-11-07T11:30:00-05:00 2027-11-07T23:30:00-05:00 end
    # A local time until which it runs.
    Asia/Kathmandu      | {"pattern":"daily","until":"2027-01-02T09:00:00"} | 2027-01-01T09:00:00 | 2027-01-02T09:00:00+05:45 end
    Asia/Kathmandu      | {"pattern":"daily","until":"2027-01-02T08:59:59"} | 2027-01-01T09:00:00 | end
    # A lost time counts as one of so many.
    America/Santiago    | {"pattern":"daily","count":3} | 2027-09-04T00:00:00 | 2027-09-05T01:00:00-03:00 2027-09-06T00:00:00-03:00 end
    America/New_York    | FREQ=HOURLY;COUNT=3      | 2027-11-07T01:30:00 | 2027-11-07T01:30:00-05:00 2027-11-07T02:30:00-05:00 end"#,
    )
    .await;
}

#[tokio::test]
async fn a_day_that_a_zone_left_out_neither_ends_a_series_nor_is_there_twice() {
    let world = World::in_zone(chrono_tz::Pacific::Apia).await;
    for text in ["daily", "FREQ=DAILY"] {
        let user = User::of(&world, text, "Pacific/Apia").await;
        let task = user
            .create(json!({"title": "a", "due_date": "2011-12-29T09:00:00", "recurrence_rule": rule(text)}))
            .await;
        let ahead = user.ahead(&task, 4).await;
        let mut distinct = ahead.clone();
        distinct.dedup();
        assert_eq!(ahead, distinct, "{text}");
        assert_eq!(
            (&*ahead[0], &*ahead[1]),
            ("2011-12-29T09:00:00-10:00", "2011-12-31T09:00:00+14:00"),
            "{text}"
        );
        super::set_clock(&world, "2011-12-01T00:00:00Z");
        assert_eq!(user.chain(task, 4).await, ahead, "{text}");
    }
}
