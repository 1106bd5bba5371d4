//! Short answers and courtesies: "جی ہاں", "رہنے دو", "شکریہ".

use crate::Action;
use crate::token::{Kind, Text};
use crate::urdu::verb;
use crate::words::{self, Words, words};

#[rustfmt::skip]
const YES: &Words = words![
    "haan", "ji", "ok kar do", "ok theek hai", "ji haan", "haan ji", "ji bilkul", "bilkul", "theek",
    "theek hai", "theek hai kar do", "acha", "acha theek hai", "kar do", "kar de-o", "haan kar do",
    "ji kar do", "ji haan kar do", "haan theek hai", "ji theek hai", "haan bilkul", "ok", "yes",
    "haan delete kar do", "haan mita do", "sahi hai", "sahi", "haan sahi hai", "zaroor", "kyun nahi",
    "ji please", "haan please", "kar-o", "haan kar-o", "ji zaroor", "durust", "durust hai",
];
#[rustfmt::skip]
const NO: &Words = words![
    "nahi", "ji nahi", "na", "nahi nahi", "mat kar-o", "nahi kar-o", "rehne do", "rehne de-o", "jane do",
    "chhor do", "chhor-o", "nahi rehne do", "nahi mat kar-o", "mat kar-na", "cancel", "cancel kar-o",
    "cancel kar do", "chhoro", "abhi nahi", "na kar-o", "rok do", "ruk ja-o", "bas", "ruko", "rahne do",
    "nahi shukriya", "bilkul nahi", "nahi ji", "nahi jane do", "nahi chahiye", "rehne hi do", "chhor",
    "nahi na", "mat", "hargiz nahi", "na na",
];
#[rustfmt::skip]
const UNDO: &Words = words![
    "undo", "undo kar-o", "undo kar do", "wapas kar-o", "wapas kar do", "wapas le-o", "pichla wapas",
    "pichla wapas kar-o", "pichla wapas kar do", "pichla kaam wapas kar-o", "pichla kaam wapas kar do",
    "ise wapas kar-o", "ise wapas kar do", "wapas", "pichla tabdeel wapas kar-o", "pichla amal wapas",
    "pichla wapas le-o", "yeh wapas kar-o", "yeh wapas kar do", "wapas kar de-o", "jo kiya wo wapas kar-o",
    "akhri kaam wapas kar-o", "ghalat ho ja-a wapas kar-o", "ulta kar do", "is wapas kar-o",
    "pichla undo kar-o",
];
#[rustfmt::skip]
const HELP: &Words = words![
    "madad", "help", "madad kar-o", "mera madad kar-o", "mujhe madad chahiye", "madad chahiye",
    "help kar-o", "tum kya kar sakta ho", "ap kya kar sakta hai", "ap kya kar sakta ho",
    "tum kya kya kar sakta ho", "ap kya kya kar sakta hai", "kya kar sakta ho", "mein kya keh sakta hoon",
    "yeh kaisa chalta hai", "help chahiye", "madad kar-na", "madad kar de-o",
];
#[rustfmt::skip]
const GREETINGS: &Words = words![
    "salam", "السلام علیکم", "السلام و علیکم", "اسلام علیکم", "salam علیکم", "assalam o alaikum",
    "assalam alaikum", "asalam o alaikum", "assalamualaikum", "aslam o alaikum", "assalamu alaikum",
    "salam alaikum", "adaab", "خوش امدید", "subah bakhair", "shab bakhair", "hello", "hi", "ap kaisa hai",
    "kya haal hai", "kaisa ho", "khuda hafiz", "خدا حافظ", "اللہ حافظ", "allah hafiz", "wa alaikum salam",
    "وعلیکم السلام", "salam ji",
];
#[rustfmt::skip]
const THANKS: &Words = words![
    "shukriya", "behad shukriya", "ap ka shukriya", "ap ka behad shukriya", "meherbani", "ap ki meherbani",
    "نوازش", "jazakallah", "جزاک اللہ", "jazak allah", "thanks", "shukriya ji", "ji shukriya",
    "ok shukriya", "acha shukriya", "behad acha", "zabardast", "shabash", "theek hai shukriya",
    "behad meherbani", "khoob", "behad khoob", "wah", "واہ",
];

static LISTS: [(&Words, Action); 6] = [
    (YES, Action::Yes),
    (NO, Action::No),
    (UNDO, Action::Undo),
    (HELP, Action::Help),
    (GREETINGS, Action::Greeting),
    (THANKS, Action::Thanks),
];

/// Understands a text that is nothing but a short answer or a courtesy.
pub(crate) fn read(text: &Text<'_>) -> Option<Action> {
    if text.len() > 8 || text.tokens.iter().any(|token| !matches!(token.kind, Kind::Word | Kind::Mark)) {
        return None;
    }
    let mut words: Vec<&str> =
        (0..text.len()).map(|at| text.word(at)).filter(|word| !word.is_empty()).collect();
    let rows: Vec<(&str, &Action)> = words::rows_from(&LISTS, words.first()?).collect();
    let is_said = |row: &str, words: &[&str]| row.split(' ').eq(words.iter().copied());
    let in_front =
        |words: &[&str]| rows.iter().find(|(row, _)| is_said(row, words)).map(|(_, action)| *action);
    // "نہیں نہیں، رہنے دو": two answers that say the same.
    let doubled = |words: &[&str]| {
        (1..words.len()).find_map(|at| {
            let (first, last) = words.split_at(at);
            let first = in_front(first)?;
            let mut rows = words::rows_from(&LISTS, last[0]);
            let (_, last) = rows.find(|(row, _)| is_said(row, last))?;
            (first == last).then_some(first)
        })
    };
    let action = in_front(&words).or_else(|| {
        while words.last().is_some_and(|last| matches!(*last, "please" | "ji" | "na" | "yaar" | "bhai")) {
            words.pop();
        }
        in_front(&words).or_else(|| doubled(&words))
    });
    action.cloned().or_else(|| takes_back(&words).then_some(Action::Undo))
}

/// "جو ابھی کیا واپس کرو", "ghalti ho gayi wapas le lo": what was just done.
fn takes_back(words: &[&str]) -> bool {
    let Some(at) = words.iter().position(|word| matches!(*word, "wapas" | "undo")) else { return false };
    let (before, after) = (&words[..at], &words[at + 1..]);
    #[rustfmt::skip]
    const BEFORE: &Words = words![
        "jo", "abhi", "kiya", "kya", "wo", "yeh", "pichla", "akhri", "kaam", "ghalat", "ghalti", "ho",
        "ho-a", "ja-a", "se", "ise", "is", "ko", "mera", "tabdeel", "mein", "ne", "mene", "kar-a", "hai",
        "please", "zara", "amal", "de-a", "kar", "tha", "ap", "tum",
    ];
    let does = ["kar-o", "kar", "do", "de-o", "le-o", "le", "la-o", "ja-o", "please", "de-na"];
    !after.is_empty()
        && after.iter().all(|word| does.contains(word))
        && before.iter().all(|word| BEFORE.contains(word))
}

/// Finds "… والا کام رہنے دو": it is to stay as it is.
pub(crate) fn leave_it(text: &Text<'_>) -> Option<(usize, usize)> {
    let end = text.end_of_words();
    let from = end.checked_sub(2).filter(|from| text.is_any(*from, words!["rehne", "jane"]))?;
    text.is_any(from + 1, words!["do", "de-o", "de"]).then_some((from, end))
}

/// Finds what refuses: "مت", "نہ", "نہیں", "don't"; a "na" behind a command only insists.
pub(crate) fn negation(text: &Text<'_>) -> Option<(usize, usize)> {
    let end = text.end_of_words();
    (0..text.len()).find_map(|at| {
        let refuses = match text.word(at) {
            // "بدھ مت" is a faith.
            "mat" => {
                !(text.is_any(at + 1, words!["ka", "ki", "ke", "ko"])
                    || at > 0 && text.word(at - 1) == "budh")
            }
            // "ضرورت نہیں، حذف کر دو"
            "nahi" if at > 0 && text.is_any(at - 1, words!["zaroorat", "zarurat", "zarorat", "ضرورت"]) =>
            {
                let end = if at + 1 < end && text.word(at + 1) == "hai" { at + 2 } else { at + 1 };
                end >= text.end_of_words()
            }
            "nahi" | "don't" | "dont" | "never" | "hargiz" => true,
            "na" => {
                let insists = at + 1 >= end
                    && at > 0
                    && (text.word(at - 1).ends_with("-o")
                        || text.is_any(at - 1, words!["do", "de", "hai"])
                        || verb::command_before(text, at, "kar").is_some());
                !insists
            }
            _ => false,
        };
        refuses.then_some((at, at + 1))
    })
}
