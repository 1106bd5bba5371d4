//! Which tasks a question or an act on all of them means: "open tasks due from … until before …".

use chrono::{NaiveDateTime, NaiveTime};
use chrono_tz::Tz;
use domain::task::Status;
use language::Language::{self, English, LatinUrdu, Urdu};
use language::Query;

use super::phrase::{of_status, priority, quoted, tagged};
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
            Urdu => format!("جس میں {text} ہو"),
            LatinUrdu => format!("jis mein {text} ho"),
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

/// What lies in a range of time.
#[derive(Clone, Copy)]
enum Of {
    Due,
    Completion,
}

/// "due on Sunday, 22 November 2026 (Asia/Karachi)".
fn between(
    language: Language,
    of: Of,
    from: Option<NaiveDateTime>,
    to: Option<NaiveDateTime>,
    zone: Tz,
) -> Option<String> {
    let (range, zone) = (range(language, from, to)?, zone.name());
    Some(match (of, language) {
        (Of::Due, English) => format!("due {range} ({zone})"),
        (Of::Due, Urdu) => format!("{range}، {zone}"),
        (Of::Due, LatinUrdu) => format!("{range}, {zone}"),
        (Of::Completion, English) => format!("completed {range} ({zone})"),
        (Of::Completion, Urdu) => format!("تکمیل {range}، {zone}"),
        (Of::Completion, LatinUrdu) => format!("takmeel {range}, {zone}"),
    })
}

/// "on Sunday, 22 November 2026 from 17:00 until before 22:00"; days alone where it begins and ends with days.
fn range(language: Language, from: Option<NaiveDateTime>, to: Option<NaiveDateTime>) -> Option<String> {
    let is_midnight = |local: NaiveDateTime| local.time() == NaiveTime::MIN;
    let moment = |local: NaiveDateTime| {
        if is_midnight(local) { when::day(language, local.date()) } else { when::wall(language, local) }
    };
    let (from, to) = match (from, to) {
        (Some(from), Some(to)) => (from, to),
        (Some(from), None) => return Some(since(language, &moment(from))),
        (None, Some(to)) => return Some(before(language, &moment(to))),
        (None, None) => return None,
    };
    let day = when::day(language, from.date());
    if when::is_whole_day(from, to) {
        return Some(if language == English { format!("on {day}") } else { day });
    }
    if is_midnight(from)
        && is_midnight(to)
        && let Some(last) = to.date().pred_opt()
    {
        let last = when::day(language, last);
        return Some(match language {
            English => format!("from {day} to {last}"),
            Urdu => format!("{day} سے {last} تک"),
            LatinUrdu => format!("{day} se {last} tak"),
        });
    }
    if from.date() == to.date() {
        let (from, to) = (when::time(language, from.time()), when::time(language, to.time()));
        return Some(match language {
            English => format!("on {day} from {from} until before {to}"),
            Urdu => format!("{day}، {from} سے {to} تک"),
            LatinUrdu => format!("{day}, {from} se {to} tak"),
        });
    }
    let (from, to) = (moment(from), moment(to));
    Some(match language {
        English => format!("from {from} until before {to}"),
        Urdu => format!("{from} سے {to} سے پہلے تک"),
        LatinUrdu => format!("{from} se {to} se pehle tak"),
    })
}

fn since(language: Language, from: &str) -> String {
    match language {
        English => format!("from {from} on"),
        Urdu => format!("{from} سے آگے"),
        LatinUrdu => format!("{from} se aage"),
    }
}

fn before(language: Language, to: &str) -> String {
    match language {
        English => format!("before {to}"),
        Urdu => format!("{to} سے پہلے"),
        LatinUrdu => format!("{to} se pehle"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_as_short_as_it_can_be_said() {
        let local = |text: &str| (!text.is_empty()).then(|| text.parse().expect("a time"));
        for (from, to, english, urdu) in [
            (
                "2026-11-22T00:00:00",
                "2026-11-23T00:00:00",
                "on Sunday, 22 November 2026",
                "اتوار، 22 نومبر 2026",
            ),
            (
                "2026-11-22T17:00:00",
                "2026-11-22T22:00:00",
                "on Sunday, 22 November 2026 from 17:00 until before 22:00",
                "اتوار، 22 نومبر 2026، شام 5:00 بجے سے رات 10:00 بجے تک",
            ),
            (
                "2026-11-16T00:00:00",
                "2026-11-23T00:00:00",
                "from Monday, 16 November 2026 to Sunday, 22 November 2026",
                "پیر، 16 نومبر 2026 سے اتوار، 22 نومبر 2026 تک",
            ),
            (
                "2026-11-22T17:00:00",
                "2026-11-23T09:00:00",
                "from Sunday, 22 November 2026 at 17:00 until before Monday, 23 November 2026 at 09:00",
                "اتوار، 22 نومبر 2026، شام 5:00 بجے سے پیر، 23 نومبر 2026، صبح 9:00 بجے سے پہلے تک",
            ),
            ("2026-11-22T00:00:00", "", "from Sunday, 22 November 2026 on", "اتوار، 22 نومبر 2026 سے آگے"),
            (
                "",
                "2026-11-22T17:00:00",
                "before Sunday, 22 November 2026 at 17:00",
                "اتوار، 22 نومبر 2026، شام 5:00 بجے سے پہلے",
            ),
        ] {
            assert_eq!(range(English, local(from), local(to)).as_deref(), Some(english));
            assert_eq!(range(Urdu, local(from), local(to)).as_deref(), Some(urdu));
        }
        assert_eq!(range(English, None, None), None);
    }
}
