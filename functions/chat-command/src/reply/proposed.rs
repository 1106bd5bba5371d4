//! What would be done after a yes.

use application::chat::Loaded;
use chrono::TimeDelta;
use chrono_tz::Tz;
use domain::reminder::Lead;
use domain::zone;
use language::Language::{self, English, LatinUrdu, Urdu};
use language::{Change, Changes, DueChange, ReminderText};

use super::listed::lines;
use super::phrase::{NAMED, and, answer_yes_or_no, more_of, priority, quoted, tagged};
use super::repetition::repetition;
use super::unit::{Unit, amount};
use super::when;
use crate::state::Act;
use crate::understanding::Utterance;

/// What would be done.
pub(crate) fn propose(language: Language, act: Act, tasks: &[Loaded], changes: &str, zone: Tz) -> String {
    let count = tasks.len();
    let question = match (act, language, count) {
        (Act::Delete, English, 1) => "Shall I delete this task?".to_owned(),
        (Act::Delete, English, _) => format!("Shall I delete these tasks ({count})?"),
        (Act::Delete, Urdu, 1) => "کیا یہ کام حذف کر دیا جائے؟".to_owned(),
        (Act::Delete, Urdu, _) => format!("کیا یہ {count} کام حذف کر دیے جائیں؟"),
        (Act::Delete, LatinUrdu, 1) => "Kya yeh task delete kar diya jaye?".to_owned(),
        (Act::Delete, LatinUrdu, _) => format!("Kya yeh {count} task delete kar diye jayein?"),
        (Act::Complete, English, 1) => "Shall I mark this task as done?".to_owned(),
        (Act::Complete, English, _) => format!("Shall I mark these tasks ({count}) as done?"),
        (Act::Complete, Urdu, 1) => "کیا یہ کام مکمل کر دیا جائے؟".to_owned(),
        (Act::Complete, Urdu, _) => format!("کیا یہ {count} کام مکمل کر دیے جائیں؟"),
        (Act::Complete, LatinUrdu, 1) => "Kya yeh task mukammal kar diya jaye?".to_owned(),
        (Act::Complete, LatinUrdu, _) => format!("Kya yeh {count} task mukammal kar diye jayein?"),
        (Act::Reopen, English, 1) => "Shall I open this task again?".to_owned(),
        (Act::Reopen, English, _) => format!("Shall I open these tasks ({count}) again?"),
        (Act::Reopen, Urdu, 1) => "کیا یہ کام دوبارہ کھول دیا جائے؟".to_owned(),
        (Act::Reopen, Urdu, _) => format!("کیا یہ {count} کام دوبارہ کھول دیے جائیں؟"),
        (Act::Reopen, LatinUrdu, 1) => "Kya yeh task dobara khol diya jaye?".to_owned(),
        (Act::Reopen, LatinUrdu, _) => format!("Kya yeh {count} task dobara khol diye jayein?"),
        (Act::Snooze, English, 1) => format!("Shall I remind you of this task again on {changes}?"),
        (Act::Snooze, English, _) => {
            format!("Shall I remind you of these tasks ({count}) again on {changes}?")
        }
        (Act::Snooze, Urdu, 1) => format!("کیا اس کام کی یاد دہانی دوبارہ اس وقت کرائی جائے: {changes}؟"),
        (Act::Snooze, Urdu, _) => {
            format!("کیا ان {count} کاموں کی یاد دہانی دوبارہ اس وقت کرائی جائے: {changes}؟")
        }
        (Act::Snooze, LatinUrdu, 1) => {
            format!("Kya is task ki yaad-dehani dobara is waqt karayi jaye: {changes}?")
        }
        (Act::Snooze, LatinUrdu, _) => {
            format!("Kya in {count} task ki yaad-dehani dobara is waqt karayi jaye: {changes}?")
        }
        (_, English, 1) => format!("Shall I change this task {changes}?"),
        (_, English, _) => format!("Shall I change these tasks ({count}) {changes}?"),
        (_, Urdu, 1) => format!("کیا اس کام میں یہ تبدیلی کر دی جائے: {changes}؟"),
        (_, Urdu, _) => format!("کیا ان {count} کاموں میں یہ تبدیلی کر دی جائے: {changes}؟"),
        (_, LatinUrdu, 1) => format!("Kya is task mein yeh tabdeeli kar di jaye: {changes}?"),
        (_, LatinUrdu, _) => format!("Kya in {count} task mein yeh tabdeeli kar di jaye: {changes}?"),
    };
    let answer = answer_yes_or_no(language);
    let named = lines(language, &tasks[..count.min(NAMED)], zone);
    format!("{question} {answer}\n{named}{}", rest(language, count.saturating_sub(NAMED)))
}

fn rest(language: Language, more: usize) -> String {
    if more == 0 {
        return String::new();
    }
    let more = more_of(language, more);
    match language {
        English => format!("\nand {more}"),
        Urdu => format!("\nاور {more}"),
        LatinUrdu => format!("\naur {more}"),
    }
}

/// Names changes before they are made: "to Friday, 27 November 2026".
pub(crate) fn changes(language: Language, changes: &Changes, about: &Utterance) -> String {
    let mut parts = Vec::new();
    if let Some(title) = &changes.title {
        let title = quoted(language, title);
        parts.push(match language {
            English => format!("so that it is called {title}"),
            Urdu => format!("نیا نام {title}"),
            LatinUrdu => format!("naya naam {title}"),
        });
    }
    parts.extend(changes.due.and_then(|due| of_due(language, due, about.zone())));
    if let Some(new) = changes.priority {
        let new = priority(language, new);
        parts.push(if language == English { format!("to {new}") } else { new });
    }
    if !changes.add_tags.is_empty() {
        let tags = tagged(language, &changes.add_tags);
        parts.push(match language {
            English => format!("to be {tags}"),
            Urdu => format!("نئے {tags}"),
            LatinUrdu => format!("naye {tags}"),
        });
    }
    if !changes.remove_tags.is_empty() {
        let tags = tagged(language, &changes.remove_tags);
        parts.push(match language {
            English => format!("to be no longer {tags}"),
            Urdu => format!("بغیر {tags}"),
            LatinUrdu => format!("baghair {tags}"),
        });
    }
    match (&changes.recurrence, language) {
        (Some(Change::Set(rule)), English) => {
            parts.push(format!("to repeat {}", repetition(language, rule)));
        }
        (Some(Change::Set(rule)), Urdu | LatinUrdu) => parts.push(repetition(language, rule)),
        (Some(Change::Clear), English) => parts.push("so that it does not repeat".to_owned()),
        (Some(Change::Clear), Urdu) => parts.push("دہرائی ختم".to_owned()),
        (Some(Change::Clear), LatinUrdu) => parts.push("dohrai khatam".to_owned()),
        (None, _) => {}
    }
    parts.extend(changes.reminders.as_ref().map(|reminders| of_reminders(language, reminders, about.zone())));
    let description = match (&changes.description, language) {
        (Some(Change::Set(_)), English) => Some("to have the new description"),
        (Some(Change::Set(_)), Urdu) => Some("نئی تفصیل"),
        (Some(Change::Set(_)), LatinUrdu) => Some("nayi tafseel"),
        (Some(Change::Clear), English) => Some("so that it has no description"),
        (Some(Change::Clear), Urdu) => Some("بغیر تفصیل"),
        (Some(Change::Clear), LatinUrdu) => Some("baghair tafseel"),
        (None, _) => None,
    };
    parts.extend(description.map(str::to_owned));
    and(language, &parts)
}

fn of_due(language: Language, due: DueChange, zone: Tz) -> Option<String> {
    let to = match due {
        DueChange::Set { date: Some(date), time: Some(time) } => {
            when::instant(language, zone::resolve(date.and_time(time), zone), zone)
        }
        DueChange::Set { date: Some(date), .. } => {
            format!("{} ({})", when::day(language, date), zone.name())
        }
        DueChange::Set { time: Some(time), .. } => {
            format!("{} ({})", when::time(language, time), zone.name())
        }
        DueChange::Set { .. } => return None,
        DueChange::Shift(by) => return Some(shift(language, by)),
        DueChange::Clear => {
            return Some(
                match language {
                    English => "so that it has no due time",
                    Urdu => "کوئی وقت مقرر نہیں",
                    LatinUrdu => "koi waqt muqarrar nahin",
                }
                .to_owned(),
            );
        }
    };
    Some(match language {
        English => format!("to {to}"),
        Urdu => format!("نیا وقت {to}"),
        LatinUrdu => format!("naya waqt {to}"),
    })
}

/// "to 2 days later".
fn shift(language: Language, by: TimeDelta) -> String {
    let minutes = by.num_minutes();
    let amount = duration(language, minutes.unsigned_abs());
    match (language, minutes < 0) {
        (English, true) => format!("to {amount} earlier"),
        (Urdu, true) => format!("مقررہ وقت سے {amount} پہلے"),
        (LatinUrdu, true) => format!("muqarrara waqt se {amount} pehle"),
        (English, false) => format!("to {amount} later"),
        (Urdu, false) => format!("مقررہ وقت سے {amount} بعد"),
        (LatinUrdu, false) => format!("muqarrara waqt se {amount} baad"),
    }
}

/// "2 days", "90 minutes".
fn duration(language: Language, minutes: u64) -> String {
    let (count, unit) = match minutes {
        _ if minutes.is_multiple_of(1_440) => (minutes / 1_440, Unit::Day),
        _ if minutes.is_multiple_of(60) => (minutes / 60, Unit::Hour),
        _ => (minutes, Unit::Minute),
    };
    amount(language, count, unit)
}

fn lead_time(language: Language, lead: Lead) -> String {
    amount(language, u64::from(lead.count), lead.unit.into())
}

fn of_reminders(language: Language, reminders: &Change<Vec<ReminderText>>, zone: Tz) -> String {
    let Change::Set(reminders) = reminders else {
        return match language {
            English => "so that it has no reminders",
            Urdu => "بغیر یاد دہانی",
            LatinUrdu => "baghair yaad-dehani",
        }
        .to_owned();
    };
    let each = reminders.iter().map(|reminder| match (*reminder, language) {
        (ReminderText::AtDue, English) => "at the due time".to_owned(),
        (ReminderText::AtDue, Urdu) => "عین وقت پر".to_owned(),
        (ReminderText::AtDue, LatinUrdu) => "ain waqt par".to_owned(),
        (ReminderText::Lead(lead), English) => format!("{} before", lead_time(language, lead)),
        (ReminderText::Lead(lead), Urdu) => format!("{} پہلے", lead_time(language, lead)),
        (ReminderText::Lead(lead), LatinUrdu) => format!("{} pehle", lead_time(language, lead)),
        (ReminderText::At(local), _) => {
            let at = when::instant(language, zone::resolve(local, zone), zone);
            if language == English { format!("on {at}") } else { at }
        }
    });
    let each = and(language, &each.collect::<Vec<_>>());
    match language {
        English => format!("so that you are reminded {each}"),
        Urdu => format!("یاد دہانی {each}"),
        LatinUrdu => format!("yaad-dehani {each}"),
    }
}
