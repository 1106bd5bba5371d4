//! Tasks in numbered lines, and how many there are.

use application::chat::Loaded;
use chrono_tz::Tz;
use domain::task::{Priority, Status, Task};
use language::Language::{self, English, LatinUrdu, Urdu};

use super::phrase::{comma, of_status, priority, quoted};
use super::when;

/// Tasks, numbered; `of_kind` says which ones.
pub(crate) fn list(language: Language, tasks: &[Loaded], has_more: bool, of_kind: &str, zone: Tz) -> String {
    let count = tasks.len();
    if count == 0 {
        return none(language, of_kind);
    }
    let head = match language {
        English if has_more => format!("Here are the first {count} of your {of_kind}:"),
        English if count == 1 => format!("Here is your only {of_kind}:"),
        English => format!("Here are your {count} {of_kind}:"),
        Urdu if has_more => format!("آپ کے پہلے {count} {of_kind} یہ ہیں (اور بھی ہیں):"),
        Urdu if count == 1 => format!("آپ کا ایک ہی {of_kind} ہے:"),
        Urdu => format!("آپ کے {count} {of_kind} یہ ہیں:"),
        LatinUrdu if has_more => format!("Aap ke pehle {count} {of_kind} yeh hain (aur bhi hain):"),
        LatinUrdu if count == 1 => format!("Aap ka ek hi {of_kind} hai:"),
        LatinUrdu => format!("Aap ke {count} {of_kind} yeh hain:"),
    };
    format!("{head}\n{}", lines(language, tasks, zone))
}

/// How many tasks.
pub(crate) fn count(language: Language, count: usize, has_more: bool, of_kind: &str) -> String {
    match (language, count) {
        (English, _) if has_more => format!("You have more than {count} {of_kind}."),
        (Urdu, _) if has_more => format!("آپ کے {count} سے زیادہ {of_kind} ہیں۔"),
        (LatinUrdu, _) if has_more => format!("Aap ke {count} se zyada {of_kind} hain."),
        (_, 0) => none(language, of_kind),
        (English, _) => format!("You have {count} {of_kind}."),
        (Urdu, 1) => format!("آپ کا 1 {of_kind} ہے۔"),
        (Urdu, _) => format!("آپ کے {count} {of_kind} ہیں۔"),
        (LatinUrdu, 1) => format!("Aap ka 1 {of_kind} hai."),
        (LatinUrdu, _) => format!("Aap ke {count} {of_kind} hain."),
    }
}

/// Whether nothing is due, and if not, what is.
pub(crate) fn free(language: Language, tasks: &[Loaded], has_more: bool, of_kind: &str, zone: Tz) -> String {
    let count = tasks.len();
    let none = none(language, of_kind);
    let head = match (language, count) {
        (English, 0) => return format!("Yes, you are free. {none}"),
        (Urdu, 0) => return format!("جی ہاں، وقت خالی ہے۔ {none}"),
        (LatinUrdu, 0) => return format!("Ji haan, waqt khali hai. {none}"),
        (English, _) if has_more => format!("No, you have more than {count} {of_kind}, first these:"),
        (Urdu, _) if has_more => format!("جی نہیں، آپ کے {count} سے زیادہ {of_kind} ہیں، پہلے یہ:"),
        (LatinUrdu, _) if has_more => {
            format!("Ji nahin, aap ke {count} se zyada {of_kind} hain, pehle yeh:")
        }
        (English, _) => format!("No, you have {count} {of_kind}:"),
        (Urdu, 1) => format!("جی نہیں، آپ کا 1 {of_kind} ہے:"),
        (Urdu, _) => format!("جی نہیں، آپ کے {count} {of_kind} ہیں:"),
        (LatinUrdu, 1) => format!("Ji nahin, aap ka 1 {of_kind} hai:"),
        (LatinUrdu, _) => format!("Ji nahin, aap ke {count} {of_kind} hain:"),
    };
    format!("{head}\n{}", lines(language, tasks, zone))
}

/// When there are none.
pub(super) fn none(language: Language, of_kind: &str) -> String {
    match language {
        English => format!("You have no {of_kind}."),
        Urdu => format!("آپ کا کوئی {of_kind} نہیں ہے۔"),
        LatinUrdu => format!("Aap ka koi {of_kind} nahin hai."),
    }
}

/// Asks which of several tasks is meant.
pub(crate) fn which(language: Language, tasks: &[Loaded], zone: Tz) -> String {
    let question = match language {
        English => "There are several. Which one?",
        Urdu => "ایسے کئی کام ہیں۔ کون سا کام مراد ہے؟",
        LatinUrdu => "Aise kai task hain. Kaun sa task murad hai?",
    };
    format!("{question}\n{}", lines(language, tasks, zone))
}

/// One numbered line for each task.
pub(super) fn lines(language: Language, tasks: &[Loaded], zone: Tz) -> String {
    let line =
        |(index, loaded): (usize, &Loaded)| format!("{}. {}", index + 1, line(language, &loaded.task, zone));
    tasks.iter().enumerate().map(line).collect::<Vec<_>>().join("\n")
}

fn line(language: Language, task: &Task, zone: Tz) -> String {
    let mut parts = vec![quoted(language, task.title.as_str())];
    if let Some(due) = task.due {
        let due = when::due(language, due, task.zone(zone));
        parts.push(match language {
            English => format!("due {due}"),
            Urdu | LatinUrdu => due,
        });
    }
    if task.priority != Priority::Medium {
        parts.push(priority(language, task.priority));
    }
    if task.status != Status::Active {
        parts.push(of_status(language, task.status).to_owned());
    }
    parts.join(comma(language))
}
