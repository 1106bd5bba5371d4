//! What was done to tasks. It is said in the same commit as the deed, or not at all.

use application::change::PlannedWrite;
use domain::settings::Settings;
use domain::task::Task;
use language::Language::{self, English, LatinUrdu, Urdu};

use super::created::reminders;
use super::phrase::{comma, priority, quoted, tagged, titles};
use super::repetition::repetition;
use super::when;
use crate::state::Act;

/// What was done to tasks, each before and after.
pub(crate) fn acted(
    language: Language,
    act: Act,
    done: &[(Task, PlannedWrite)],
    settings: &Settings,
) -> String {
    if act == Act::Update {
        let each = done.iter().map(|(before, planned)| updated(language, before, planned, settings));
        return each.collect::<Vec<_>>().join("\n");
    }
    let names: Vec<_> = done.iter().map(|(task, _)| task.title.as_str().to_owned()).collect();
    let (count, names) = (names.len(), titles(language, &names));
    let due = match done {
        [(_, planned)] => due(language, &planned.write.task, settings),
        _ => String::new(),
    };
    match (act, language, count) {
        (Act::Complete, English, 1) => format!("Marked {names} as done."),
        (Act::Complete, English, _) => format!("Marked {count} tasks as done: {names}."),
        (Act::Complete, Urdu, 1) => format!("کام {names} مکمل کر دیا گیا۔"),
        (Act::Complete, Urdu, _) => format!("یہ {count} کام مکمل کر دیے گئے: {names}۔"),
        (Act::Complete, LatinUrdu, 1) => format!("Task {names} mukammal kar diya gaya."),
        (Act::Complete, LatinUrdu, _) => format!("Yeh {count} task mukammal kar diye gaye: {names}."),
        (Act::Reopen, English, 1) => format!("Opened {names} again{due}."),
        (Act::Reopen, English, _) => format!("Opened {count} tasks again: {names}."),
        (Act::Reopen, Urdu, 1) => format!("کام {names} دوبارہ کھول دیا گیا{due}۔"),
        (Act::Reopen, Urdu, _) => format!("یہ {count} کام دوبارہ کھول دیے گئے: {names}۔"),
        (Act::Reopen, LatinUrdu, 1) => format!("Task {names} dobara khol diya gaya{due}."),
        (Act::Reopen, LatinUrdu, _) => format!("Yeh {count} task dobara khol diye gaye: {names}."),
        (_, English, 1) => format!("Deleted {names}. Say \"undo\" to bring it back."),
        (_, English, _) => format!("Deleted {count} tasks: {names}. Say \"undo\" to bring them back."),
        (_, Urdu, 1) => format!("کام {names} حذف کر دیا گیا۔ بحال کرنے کے لیے “واپس لیں” لکھیں۔"),
        (_, Urdu, _) => {
            format!("یہ {count} کام حذف کر دیے گئے: {names}۔ بحال کرنے کے لیے “واپس لیں” لکھیں۔")
        }
        (_, LatinUrdu, 1) => {
            format!("Task {names} delete kar diya gaya. Bahal karne ke liye “wapas karein” likhein.")
        }
        (_, LatinUrdu, _) => {
            format!(
                "Yeh {count} task delete kar diye gaye: {names}. Bahal karne ke liye “wapas karein” likhein."
            )
        }
    }
}

/// ", due Sunday, 22 November 2026 at 17:00 (Asia/Karachi)", if it is.
pub(super) fn due(language: Language, task: &Task, settings: &Settings) -> String {
    let due = task.due.map(|due| when::due(language, due, task.zone(settings.time_zone)));
    match (due, language) {
        (None, _) => String::new(),
        (Some(due), English) => format!(", due {due}"),
        (Some(due), Urdu | LatinUrdu) => format!("{}{due}", comma(language)),
    }
}

fn updated(language: Language, before: &Task, planned: &PlannedWrite, settings: &Settings) -> String {
    let title = quoted(language, before.title.as_str());
    let parts = differences(language, before, &planned.write.task, settings).join(comma(language));
    let reminders = reminders(language, planned, settings);
    match language {
        English => format!("Changed {title}: {parts}.{reminders}"),
        Urdu => format!("کام {title} تبدیل کر دیا گیا: {parts}۔{reminders}"),
        LatinUrdu => format!("Task {title} tabdeel kar diya gaya: {parts}.{reminders}"),
    }
}

fn differences(language: Language, before: &Task, after: &Task, settings: &Settings) -> Vec<String> {
    let mut parts = Vec::new();
    if before.title != after.title {
        let title = quoted(language, after.title.as_str());
        parts.push(match language {
            English => format!("it is called {title} now"),
            Urdu => format!("نیا نام {title}"),
            LatinUrdu => format!("naya naam {title}"),
        });
    }
    if before.due != after.due {
        let due = after.due.map(|due| when::due(language, due, after.zone(settings.time_zone)));
        parts.push(match (language, due) {
            (English, Some(due)) => format!("due {due}"),
            (Urdu, Some(due)) => format!("اب {due}"),
            (LatinUrdu, Some(due)) => format!("ab {due}"),
            (English, None) => "without a due time".to_owned(),
            (Urdu, None) => "اب کوئی وقت مقرر نہیں".to_owned(),
            (LatinUrdu, None) => "ab koi waqt muqarrar nahin".to_owned(),
        });
    }
    if before.recurrence != after.recurrence {
        let rule = after.recurrence.as_ref().map(|rule| repetition(language, rule));
        parts.push(match (language, rule) {
            (English, Some(rule)) => format!("repeats {rule}"),
            (Urdu | LatinUrdu, Some(rule)) => rule,
            (English, None) => "does not repeat any more".to_owned(),
            (Urdu, None) => "اب نہیں دہرایا جائے گا".to_owned(),
            (LatinUrdu, None) => "ab nahin dohraya jayega".to_owned(),
        });
    }
    if before.priority != after.priority {
        parts.push(priority(language, after.priority));
    }
    if before.tags != after.tags {
        parts.push(match language {
            _ if !after.tags.is_empty() => tagged(language, &after.tags),
            English => "without tags".to_owned(),
            Urdu => "بغیر ٹیگ".to_owned(),
            LatinUrdu => "baghair tag".to_owned(),
        });
    }
    if before.description != after.description {
        parts.push(
            match (language, after.description.is_some()) {
                (English, true) => "with a new description",
                (Urdu, true) => "نئی تفصیل",
                (LatinUrdu, true) => "nayi tafseel",
                (English, false) => "without a description",
                (Urdu, false) => "بغیر تفصیل",
                (LatinUrdu, false) => "baghair tafseel",
            }
            .to_owned(),
        );
    }
    if before.reminders != after.reminders {
        parts
            .push(of_reminders(language, before.reminders.is_empty(), after.reminders.is_empty()).to_owned());
    }
    parts
}

fn of_reminders(language: Language, had_none: bool, has_none: bool) -> &'static str {
    match (language, had_none, has_none) {
        (English, _, true) => "without reminders",
        (Urdu, _, true) => "بغیر یاد دہانی",
        (LatinUrdu, _, true) => "baghair yaad-dehani",
        (English, true, false) => "with a reminder",
        (Urdu, true, false) => "یاد دہانی کے ساتھ",
        (LatinUrdu, true, false) => "yaad-dehani ke saath",
        (English, false, false) => "with other reminders",
        (Urdu, false, false) => "نئی یاد دہانی کے ساتھ",
        (LatinUrdu, false, false) => "nayi yaad-dehani ke saath",
    }
}

/// When nothing had to be done.
pub(crate) fn already(language: Language, act: Act, title: &str) -> String {
    let title = quoted(language, title);
    match (act, language) {
        (Act::Complete, English) => format!("{title} is done already."),
        (Act::Complete, Urdu) => format!("کام {title} پہلے ہی مکمل ہے۔"),
        (Act::Complete, LatinUrdu) => format!("Task {title} pehle hi mukammal hai."),
        (Act::Reopen, English) => format!("{title} is open already."),
        (Act::Reopen, Urdu) => format!("کام {title} پہلے ہی کھلا ہے۔"),
        (Act::Reopen, LatinUrdu) => format!("Task {title} pehle hi khula hai."),
        (Act::Delete, English) => format!("{title} is deleted already."),
        (Act::Delete, Urdu) => format!("کام {title} پہلے ہی حذف شدہ ہے۔"),
        (Act::Delete, LatinUrdu) => format!("Task {title} pehle hi delete shuda hai."),
        (Act::Snooze, English) => format!("{title} is snoozed until then already."),
        (Act::Snooze, Urdu) => format!("کام {title} کی یاد دہانی پہلے ہی اسی وقت پر ہے۔"),
        (Act::Snooze, LatinUrdu) => format!("Task {title} ki yaad-dehani pehle hi isi waqt par hai."),
        (Act::Update | Act::Create, English) => {
            format!("{title} is like that already, so nothing was changed.")
        }
        (Act::Update | Act::Create, Urdu) => {
            format!("کام {title} پہلے سے ایسا ہی ہے، اس لیے کچھ تبدیل نہیں کیا گیا۔")
        }
        (Act::Update | Act::Create, LatinUrdu) => {
            format!("Task {title} pehle se aisa hi hai, is liye kuch tabdeel nahin kiya gaya.")
        }
    }
}

/// When a task that is done is to be changed.
pub(crate) fn done_already_so_not_changed(language: Language, title: &str) -> String {
    let title = quoted(language, title);
    match language {
        English => {
            format!("{title} is done already, so nothing was changed. Reopen it first, or name another task.")
        }
        Urdu => format!(
            "کام {title} پہلے ہی مکمل ہے، اس لیے کچھ تبدیل نہیں کیا گیا۔ پہلے اسے دوبارہ کھولیں، یا کسی اور کام کا نام لیں۔"
        ),
        LatinUrdu => format!(
            "Task {title} pehle hi mukammal hai, is liye kuch tabdeel nahin kiya gaya. Pehle ise dobara kholein, ya kisi aur \
             task ka naam lein."
        ),
    }
}

/// When no task was left.
pub(crate) fn nothing_to_do(language: Language) -> String {
    match language {
        English => "There was nothing left to do, so nothing was changed.",
        Urdu => "کرنے کو کچھ باقی نہیں تھا، اس لیے کچھ تبدیل نہیں کیا گیا۔",
        LatinUrdu => "Karne ko kuch baqi nahin tha, is liye kuch tabdeel nahin kiya gaya.",
    }
    .to_owned()
}

/// Names the tasks that are no longer as they were.
pub(crate) fn left_out(language: Language, left_out: &[String]) -> String {
    if left_out.is_empty() {
        return String::new();
    }
    let names = titles(language, left_out);
    match language {
        English => format!(" Left out, because something changed meanwhile: {names}."),
        Urdu => format!(" اس دوران کچھ بدل جانے کی وجہ سے شامل نہیں: {names}۔"),
        LatinUrdu => format!(" Is dauran kuch badal jane ki wajah se shamil nahin: {names}."),
    }
}

/// When the next occurrence of a reopened task was edited.
pub(crate) fn successor_kept(language: Language) -> &'static str {
    match language {
        English => " Its next occurrence was changed meanwhile, and stays.",
        Urdu => " اس کی اگلی باری میں اس دوران تبدیلی ہوئی تھی، اس لیے وہ برقرار ہے۔",
        LatinUrdu => " Is ki agli baari mein is dauran tabdeeli hui thi, is liye woh barqarar hai.",
    }
}
