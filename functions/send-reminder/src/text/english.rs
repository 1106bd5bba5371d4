//! English.

use super::Wording;

pub(super) const WORDING: Wording = Wording {
    lang: "en",
    dir: "ltr",
    reminder: |title| format!("Reminder: {title}"),
    missed: |count| match count {
        1 => "1 missed reminder".to_owned(),
        _ => format!("{count} missed reminders"),
    },
    date: |date| date.format("%A, %-d %B %Y").to_string(),
    moment: |date, time, zone| format!("{date} at {time} ({zone})"),
    due: |when| format!("Due {when}"),
    was_due: |when| format!("Was due {when}"),
    high_priority: "High priority",
    low_priority: "Low priority",
    done: "Done",
    snooze: "Snooze for 10 minutes",
};
