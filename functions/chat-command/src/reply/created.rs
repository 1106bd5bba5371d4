//! New tasks, and the reminders that they and changed tasks have. It is said in the same commit as the deed, or not at all.

use application::change::PlannedWrite;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use domain::reminder::{Method, Planned};
use domain::settings::Settings;
use domain::task::{Priority, Task};
use language::Language::{self, English, LatinUrdu, Urdu};

use super::phrase::{and, answer_yes_or_no, comma, priority, quoted, stop, tagged};
use super::repetition::repetition;
use super::when;

/// `Created "buy milk", due Sunday, 22 November 2026 at 17:00 (Asia/Karachi).`
pub(crate) fn created(
    language: Language,
    planned: &[PlannedWrite],
    settings: &Settings,
    now: DateTime<Utc>,
) -> String {
    let each = planned.iter().map(|planned| one(language, planned, settings, now));
    each.collect::<Vec<_>>().join("\n")
}

fn one(language: Language, planned: &PlannedWrite, settings: &Settings, now: DateTime<Utc>) -> String {
    let task = &planned.write.task;
    let zone = task.zone(settings.time_zone);
    let title = quoted(language, task.title.as_str());
    let parts = parts(language, task, zone);
    let (head, colon) = match language {
        English => (format!("Created {title}"), ", "),
        Urdu => (format!("کام {title} بنا دیا گیا"), ": "),
        LatinUrdu => (format!("Task {title} bana diya gaya"), ": "),
    };
    let colon = if parts.is_empty() { "" } else { colon };
    let mut text = format!("{head}{colon}{}{}", parts.join(comma(language)), stop(language));
    if task.due.is_some_and(|due| due.overdue_from(zone) <= now) {
        text += match language {
            English => " That time has already passed.",
            Urdu => " یہ وقت گزر چکا ہے۔",
            LatinUrdu => " Yeh waqt guzar chuka hai.",
        };
    }
    text + &reminders(language, planned, settings)
}

/// `Shall I create "buy milk", due Sunday, 22 November 2026 at 17:00 (Asia/Karachi)? Please answer yes or no.`
pub(crate) fn propose_creation(language: Language, planned: &[PlannedWrite], settings: &Settings) -> String {
    let each = planned.iter().map(|planned| {
        let task = &planned.write.task;
        let title = quoted(language, task.title.as_str());
        let parts = parts(language, task, task.zone(settings.time_zone));
        let what = std::iter::once(title).chain(parts).collect::<Vec<_>>().join(comma(language));
        let question = match language {
            English => format!("Shall I create {what}?"),
            Urdu => format!("کیا یہ کام بنا دیا جائے: {what}؟"),
            LatinUrdu => format!("Kya yeh task bana diya jaye: {what}?"),
        };
        question + &reminders(language, planned, settings)
    });
    format!("{} {}", each.collect::<Vec<_>>().join("\n"), answer_yes_or_no(language))
}

/// "due …", "every day", "high priority", "tagged #home".
fn parts(language: Language, task: &Task, zone: Tz) -> Vec<String> {
    let mut parts = Vec::new();
    if let Some(due) = task.due {
        let due = when::due(language, due, zone);
        parts.push(match language {
            English => format!("due {due}"),
            Urdu | LatinUrdu => due,
        });
    }
    parts.extend(task.recurrence.as_ref().map(|rule| repetition(language, rule)));
    if task.priority != Priority::Medium {
        parts.push(priority(language, task.priority));
    }
    if !task.tags.is_empty() {
        parts.push(tagged(language, &task.tags));
    }
    parts
}

/// "I will remind you by e-mail on …", and what will not be sent.
pub(super) fn reminders(language: Language, planned: &PlannedWrite, settings: &Settings) -> String {
    let zone = planned.write.task.zone(settings.time_zone);
    let Some(reminders) = &planned.write.reminders else { return String::new() };
    let (past, coming): (Vec<&Planned>, Vec<&Planned>) = reminders.iter().partition(|one| one.skipped);
    let list = |of: &[&Planned]| {
        let each = of.iter().map(|one| {
            let at = when::instant(language, one.trigger_at, zone);
            match (language, one.method) {
                (English, Method::Email) => format!("by e-mail on {at}"),
                (Urdu, Method::Email) => format!("{at} بذریعہ ای میل"),
                (LatinUrdu, Method::Email) => format!("{at} email se"),
                (English, Method::Push) => format!("by push message on {at}"),
                (Urdu, Method::Push) => format!("{at} بذریعہ نوٹیفکیشن"),
                (LatinUrdu, Method::Push) => format!("{at} notification se"),
            }
        });
        and(language, &each.collect::<Vec<_>>())
    };
    let mut text = String::new();
    if !coming.is_empty() {
        let list = list(&coming);
        text += &match language {
            English => format!(" I will remind you {list}."),
            Urdu => format!(" یاد دہانی اس وقت ہو گی: {list}۔"),
            LatinUrdu => format!(" Yaad-dehani is waqt hogi: {list}."),
        };
    }
    if !past.is_empty() {
        let list = list(&past);
        text += &match language {
            English => format!(" It is too late for the reminder {list}."),
            Urdu => format!(" اس یاد دہانی کا وقت گزر چکا ہے، اس لیے نہیں بھیجی جائے گی: {list}۔"),
            LatinUrdu => {
                format!(" Is yaad-dehani ka waqt guzar chuka hai, is liye nahin bheji jayegi: {list}.")
            }
        };
    }
    text + missing_address(language, coming, settings)
}

/// When an e-mail is to be sent, and nobody knows whereto.
pub(super) fn missing_address<'a>(
    language: Language,
    coming: impl IntoIterator<Item = &'a Planned>,
    settings: &Settings,
) -> &'static str {
    let needs_address = |one: &Planned| one.method == Method::Email && one.destination.is_none();
    if settings.email.is_some() || !coming.into_iter().any(needs_address) {
        return "";
    }
    match language {
        English => " Your settings have no e-mail address yet; please add one.",
        Urdu => " آپ کی ترتیبات میں ابھی کوئی ای میل پتا نہیں ہے؛ براہ کرم درج کر دیں۔",
        LatinUrdu => " Aap ki settings mein abhi koi email address nahin hai; barah-e-karam darj kar dein.",
    }
}
