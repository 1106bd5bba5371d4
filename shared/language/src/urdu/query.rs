//! Questions about tasks: "آج کیا کام ہیں", "kal kya karna hai", "لیٹ کام دکھاؤ", "kal free hoon?".

use crate::clause::Clause;
use crate::span::SpanKind;
use crate::token::Text;
use crate::urdu::lexicon::Said;
use crate::urdu::{act, filter, names, verb};
use crate::words::{Words, words};
use crate::{Action, Context};

/// Reads a question about tasks.
pub(crate) fn read(said: &Said<'_>, context: &Context) -> Option<Clause> {
    let (from, to, confidence) = asked(&said.text)?;
    let text = &said.text;
    let (mut query, mut spans) = filter::read(said, context);
    // "پاکستان کا دارالحکومت کیا ہے" asks for no tasks.
    let only_what = text.find(0, "kya hai").is_some() && !about_tasks(text);
    if only_what && query.text.is_some() {
        return None;
    }
    query.count_only = text.has_any(words!["kitna"]) && !text.has_any(words!["waqt", "time"]);
    query.is_free = is_free(text);
    if query.is_free {
        query.text = None;
    }
    let asks = text.span(from, to, SpanKind::Intent);
    spans.extend(asks.filter(|ask| spans.iter().all(|span| ask.end <= span.start || ask.start >= span.end)));
    Some(Clause::one(Action::Query(query), spans, confidence))
}

/// Says where it is asked, and how sure that is.
fn asked(text: &Text<'_>) -> Option<(usize, usize, f64)> {
    let end = act::without_courtesies(text);
    let words = text.end_of_words();
    let about = about_tasks(text);
    // "کیا میں سب حذف کر دوں؟" asks for leave, "حذف شدہ کام دکھاؤ" for a list.
    let acts = |at: usize| {
        text.word(at).ends_with("-un") || text.is_any(at, words!["delete", "cancel", "mita", "hata"])
    };
    if (0..words).any(acts) && !filter::is_deleted(text) {
        return None;
    }
    let front = text.after_any(0, words!["mujhe", "zara mujhe", "zara", "ap"]).unwrap_or(0);
    for verb in ["dikha", "bata", "suna", "dhoond"] {
        let at_end = verb::command_before(text, end, verb).map(|from| (from, end)).or_else(|| {
            let from =
                end.checked_sub(1).filter(|from| text.word(*from).strip_suffix("-na") == Some(verb))?;
            Some((from, end))
        });
        let found = at_end.or_else(|| Some((front, verb::command(text, front, verb)?)));
        if let Some((from, to)) = found {
            let refused = from > 0 && text.is_any(from - 1, words!["mat", "na", "nahi"]);
            // "اس مہینے کے بل دکھاؤ": what is due then, or mine, may be a task.
            let mine = text.has_any(words!["mera", "aaj", "kal", "parson", "hafte", "mahina"])
                && verb == "dikha"
                && !text.word(from).ends_with("-na");
            let confidence = if about { 0.92 } else { 0.75 };
            return ((about || mine) && !refused).then_some((from, to, confidence));
        }
    }
    if let Some((from, to)) = shown(text, end)
        && about
    {
        return Some((from, to, 0.9));
    }
    if is_free(text) {
        return Some((words - 1, words, 0.92));
    }
    if is_list(text, end) {
        return Some((0, words, 0.9));
    }
    let asking = words!["kya", "kitna", "kaun", "kaunsa", "kab", "koi"];
    let at = (0..words).find(|at| text.is_any(*at, asking))?;
    let first = (at, at + 1);
    let is_question = text.is_mark(words, '?');
    // "کیا کرنا ہے", "کیا کیا", "kya hai", "kya kya kaam hain"
    let duty = (0..words).any(|at| {
        text.after_any(
            at,
            words![
                "kya kar-na",
                "kya kya kar-na",
                "kya kya",
                "kya kiya",
                "kya hai",
                "kya rah",
                "kya baqi",
                "kya mukammal kiya",
                "kya mukammal kya",
                "kya mukammal ho-a",
                "kya khatam kiya",
                "kya khatam kya",
                "kya khatam ho-a",
                "kya ho-na",
                "kya le-na",
            ],
        )
        .is_some()
    });
    let ends = end > 0
        && text.is_any(
            end - 1,
            words![
                "hai", "hoon", "ga", "kya", "kiya", "tha", "kaam", "ja-a", "ho-a", "kar-a", "liye", "le-a",
                "de-a", "baqi",
            ],
        );
    let when = text.word(at) == "kab" && ends && end > at;
    let is_about_me = about || duty || when;
    let is_koi = text.word(at) != "koi" || is_question || text.is_any(0, words!["kya", "koi"]);
    // "کتنے کام مکمل کیے اس ہفتے"
    let counts = about && text.is_any(at, words!["kitna", "kaunsa", "kaun"]);
    let plans =
        (0..words).any(|at| text.after_any(at, words!["kya kar-na hai", "kya kya kar-na hai"]).is_some());
    if (counts || plans) && !is_talk(text) {
        return Some((first.0, first.1, 0.9));
    }
    // "کل صبح کوئی میٹنگ ہے؟"
    let any = text.has_any(words!["koi"])
        && ends
        && (0..words).any(|at| {
            text.is_any(at, words!["aaj", "kal", "parson"]) || names::weekday(text.word(at)).is_some()
        });
    if any {
        return Some((first.0, first.1, 0.85));
    }
    let asks = is_about_me && (ends || is_question) && is_koi && !is_talk(text);
    asks.then_some((first.0, first.1, 0.9))
}

/// "میری لسٹ کھولو", "sab kaam list karo", "bill wale tasks search karo", "show karo meri list".
fn shown(text: &Text<'_>, end: usize) -> Option<(usize, usize)> {
    #[rustfmt::skip]
    const SHOWS: &Words = words!["list", "show", "search", "find", "display", "تلاش", "talash", "سرچ", "شو", "فائنڈ", "check"];
    if let Some(from) = verb::command_before(text, end, "khol").filter(|from| *from > 0) {
        let is_again = text.is_any(from - 1, words!["dobara", "phir", "se", "wapas"]);
        let names_list = text.is_any(from - 1, words!["list", "agenda", "schedule"]);
        return (!is_again && names_list).then_some((from, end));
    }
    if let Some(from) = verb::command_before(text, end, "kar").filter(|from| *from > 1)
        && text.is_any(from - 1, SHOWS)
        && text.word(from - 1) != "check"
    {
        return Some((from - 1, end));
    }
    let to = verb::command(text, 1, "kar").filter(|to| *to < end)?;
    text.is_any(0, words!["show", "search", "find", "display", "تلاش", "talash"]).then_some((0, to))
}

/// "یہ کیا ہے", "mausam kya hai": not about tasks.
fn is_talk(text: &Text<'_>) -> bool {
    let has_noun = about_tasks(text);
    let other = words![
        "mausam", "weather", "haal", "naam", "مطلب", "matlab", "خبر", "khabar", "وجہ", "score", "سکور",
        "میچ", "match", "نماز", "namaz", "rate", "ریٹ", "عید", "eid",
    ];
    !has_noun && (text.has_any(other) || text.word(0) == "yeh")
}

/// "میرے کام", "آج کے کام", "لیٹ کام", "tasks": a list and nothing else.
fn is_list(text: &Text<'_>, end: usize) -> bool {
    if end == 0 || end > 7 {
        return false;
    }
    let noun = text.is_any(end - 1, words!["kaam", "list"]);
    #[rustfmt::skip]
    const FILTERS: &Words = words![
        "mera", "aaj", "kal", "parson", "ka", "ki", "ke", "is", "hafte", "hafta", "mahina", "agla", "sab",
        "late", "overdue", "mukammal", "khatam", "pending", "zaroori", "fori", "urgent", "ahem", "baqi",
        "shuda", "kaam", "list", "behad", "اب", "tak", "subah", "shaam", "raat", "din", "peer", "mangal",
        "budh", "jumerat", "juma", "sanichar", "itwar", "namukammal", "rehta", "ho-a", "high", "priority",
        "wala",
    ];
    let plain = (0..end.saturating_sub(1)).all(|at| text.is_any(at, FILTERS));
    let says =
        end > 1 || text.word(0) == "list" || text.tokens[0].text.ends_with('s') || text.word(0) == "overdue";
    noun && plain && says && !text.is_any(end, words!["kar", "kar-o"])
}

fn about_tasks(text: &Text<'_>) -> bool {
    text.has_any(words![
        "kaam",
        "list",
        "reminder",
        "overdue",
        "late",
        "deadline",
        "plan",
        "schedule",
        "agenda",
        "مصروفیات",
    ]) || text.finds_any(words!["kya kar-na", "kya kya", "kya baqi", "yaad dehani", "kya rah"])
}

/// "kal free hoon?", "کیا میں کل شام فارغ ہوں".
fn is_free(text: &Text<'_>) -> bool {
    let end = text.end_of_words();
    let asks = text.is_mark(end, '?') || text.has_any(words!["kya", "kab", "ya"]);
    let at = (0..end).find(|at| text.is_any(*at, words!["free", "masroof"]));
    at.is_some_and(|at| {
        text.is_any(at + 1, words!["hoon", "hai"])
            && (asks || at + 2 >= end)
            && text.word(end - 1) != "kar-na"
    })
}
