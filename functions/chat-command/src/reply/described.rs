//! Which tasks a question or an act on all of them means: "open tasks due from … until before …".

use chrono::NaiveDateTime;
use domain::task::Status;
use domain::zone;
use language::Language::{self, English, LatinUrdu, Urdu};
use language::Query;

use super::phrase::{priority, quoted, tagged};
use super::when;
use crate::understanding::Utterance;

/// Says in words which tasks are meant, for a number of them.
pub(crate) fn described(language: Language, query: &Query, about: &Utterance, count: usize) -> String {
    let zone = about.zone();
    let is_english = language == English;
    let mut words = Vec::new();
    if query.overdue {
        words.push(match language {
            English | LatinUrdu => "overdue".to_owned(),
            Urdu => "تاخیر شدہ".to_owned(),
        });
    }
    let is_said = |status: &Status| match status {
        Status::Active => query.overdue,
        Status::Completed => query.completed_from.is_some() || query.completed_to.is_some(),
        Status::Deleted => false,
    };
    let status = query.status.filter(|status| !is_said(status));
    words.extend(status.map(|status| of_status(language, status).to_owned()));
    let priority = query.priority.map(|one| match language {
        English => format!("{}-priority", one.as_str()),
        Urdu | LatinUrdu => priority(language, one),
    });
    words.extend(priority.clone().filter(|_| is_english));
    words.push(
        match language {
            English if count == 1 => "task",
            English => "tasks",
            Urdu => "کام",
            LatinUrdu => "task",
        }
        .to_owned(),
    );
    let mut more: Vec<String> = priority.filter(|_| !is_english).into_iter().collect();
    if !query.tags.is_empty() {
        more.push(tagged(language, &query.tags));
    }
    if let Some(text) = &query.text {
        let text = quoted(language, text);
        more.push(match language {
            English => format!("with {text}"),
            Urdu => format!("جن میں {text} ہو"),
            LatinUrdu => format!("jin mein {text} ho"),
        });
    }
    more.extend(between(language, Of::Due, query.due_from, query.due_to, zone));
    more.extend(between(language, Of::Completion, query.completed_from, query.completed_to, zone));
    // In Urdu what follows the noun is set apart, so that no word has to bend.
    if is_english || more.is_empty() {
        words.extend(more);
        return words.join(" ");
    }
    let between = if language == Urdu { "؛ " } else { "; " };
    format!("{} ({})", words.join(" "), more.join(between))
}

fn of_status(language: Language, status: Status) -> &'static str {
    match (language, status) {
        (English, Status::Active) => "open",
        (Urdu, Status::Active) => "باقی",
        (LatinUrdu, Status::Active) => "baqi",
        (English, Status::Completed) => "completed",
        (Urdu, Status::Completed) => "مکمل",
        (LatinUrdu, Status::Completed) => "mukammal",
        (English, Status::Deleted) => "deleted",
        (Urdu, Status::Deleted) => "حذف شدہ",
        (LatinUrdu, Status::Deleted) => "delete shuda",
    }
}

/// What lies in a range of time.
#[derive(Clone, Copy)]
enum Of {
    Due,
    Completion,
}

fn between(
    language: Language,
    of: Of,
    from: Option<NaiveDateTime>,
    to: Option<NaiveDateTime>,
    zone: chrono_tz::Tz,
) -> Option<String> {
    let instant = |local| when::instant(language, zone::resolve(local, zone), zone);
    let range = match (from, to) {
        (Some(from), Some(to)) if when::is_whole_day(from, to) => {
            let (day, zone) = (when::day(language, from.date()), zone.name());
            match language {
                English => format!("on {day} ({zone})"),
                Urdu | LatinUrdu => format!("{day} ({zone})"),
            }
        }
        (Some(from), Some(to)) => {
            let (from, to) = (instant(from), instant(to));
            match language {
                English => format!("from {from} until before {to}"),
                Urdu => format!("{from} سے {to} سے پہلے تک"),
                LatinUrdu => format!("{from} se {to} se pehle tak"),
            }
        }
        (Some(from), None) => {
            let from = instant(from);
            match language {
                English => format!("from {from} on"),
                Urdu => format!("{from} سے آگے"),
                LatinUrdu => format!("{from} se aage"),
            }
        }
        (None, Some(to)) => {
            let to = instant(to);
            match language {
                English => format!("before {to}"),
                Urdu => format!("{to} سے پہلے"),
                LatinUrdu => format!("{to} se pehle"),
            }
        }
        (None, None) => return None,
    };
    Some(match (of, language) {
        (Of::Due, English) => format!("due {range}"),
        (Of::Due, Urdu | LatinUrdu) => range,
        (Of::Completion, English) => format!("completed {range}"),
        (Of::Completion, Urdu) => format!("تکمیل: {range}"),
        (Of::Completion, LatinUrdu) => format!("takmeel: {range}"),
    })
}
