//! Short answers and courtesies: "جی ہاں", "رہنے دو", "شکریہ".

use crate::Action;
use crate::token::{Kind, Text};
use crate::urdu::verb;

#[rustfmt::skip]
const YES: &[&str] = &[
    "haan", "ji", "ji haan", "haan ji", "ji bilkul", "bilkul", "theek", "theek hai", "theek hai kar do", "acha", "acha theek hai",
    "kar do", "kar de-o", "haan kar do", "ji kar do", "ji haan kar do", "haan theek hai", "ji theek hai", "haan bilkul", "ok",
    "yes", "haan delete kar do", "haan mita do", "sahi hai", "صحیح hai", "sahi", "haan sahi hai", "zaroor", "ضرور", "kyun nahi",
    "کیوں nahi", "ho ja-a theek hai", "ji please", "haan please", "kar-o", "haan kar-o", "ji zaroor", "درست", "درست hai", "durust",
];
#[rustfmt::skip]
const NO: &[&str] = &[
    "nahi", "ji nahi", "na", "nahi nahi", "mat kar-o", "nahi kar-o", "rehne do", "rehne de-o", "jane do", "chhor do", "chhor-o", "nahi rehne do",
    "nahi mat kar-o", "mat kar-na", "cancel", "cancel kar-o", "cancel kar do", "چھوڑو", "choro", "chhoro", "abhi nahi", "na kar-o", "rok do",
    "ruk jao", "bas", "بس", "ruko", "رکو", "rahne do", "nahi shukriya", "bilkul nahi", "haan nahi", "nahi ji", "nahi jane do",
    "nahi chahiye", "rehne hi do", "chhor", "nahi na", "mat", "hargiz nahi", "ہرگز nahi", "na na",
];
#[rustfmt::skip]
const UNDO: &[&str] = &[
    "undo", "undo kar-o", "undo kar do", "wapas kar-o", "wapas kar do", "wapas le-o", "pichla wapas", "pichla wapas kar-o",
    "pichla wapas kar do", "pichla kaam wapas kar-o", "pichla kaam wapas kar do", "ise wapas kar-o", "ise wapas kar do", "wapas",
    "pichla tabdeel wapas kar-o", "pichla amal wapas", "pichla wapas le-o", "yeh wapas kar-o", "yeh wapas kar do", "wapas kar de-o",
    "jo kiya wo wapas kar-o", "akhri kaam wapas kar-o", "ghalat ho ja-a wapas kar-o", "ulta kar do", "is wapas kar-o", "pichla undo kar-o",
];
#[rustfmt::skip]
const HELP: &[&str] = &[
    "madad", "help", "madad kar-o", "meri madad kar-o", "mera madad kar-o", "mujhe madad chahiye", "madad chahiye", "help kar-o",
    "tum kya kar sakte ho", "ap kya kar sakte hai", "ap kya kar sakte ho", "tum kya kya kar sakte ho", "ap kya kya kar sakte hai",
    "aap kya kar sakte ہیں", "kya kar sakte ho", "mein kya keh sakta hoon", "yeh kaise chalta hai", "help chahiye", "madad kar-na",
    "تم kya kar سکتے ho", "ap kya kar سکتے hai", "ap kya kya kar سکتے hai", "تم kya kya kar سکتے ho", "yeh کیسے چلتا hai", "madad kar de-o",
];
#[rustfmt::skip]
const GREETINGS: &[&str] = &[
    "salam", "السلام علیکم", "السلام و علیکم", "اسلام علیکم", "سلام علیکم", "assalam o alaikum", "assalam alaikum", "asalam o alaikum",
    "assalamualaikum", "aslam o alaikum", "assalamu alaikum", "salam alaikum", "اداب", "adaab", "ادab", "خوش امدید", "subah بخیر", "شب بخیر",
    "subah bakhair", "shab bakhair", "hello", "hi", "ہیلو", "ہائے", "ap کیسے hai", "کیا حال hai", "kya حال hai", "kya haal hai",
    "ap kaise hai", "kaise ho", "khuda hafiz", "خدا حافظ", "اللہ حافظ", "allah hafiz", "wa alaikum salam", "وعلیکم السلام", "salam ji",
];
#[rustfmt::skip]
const THANKS: &[&str] = &[
    "shukriya", "behad shukriya", "ap ka shukriya", "ap ka behad shukriya", "مہربانی", "meherbani", "ap ki meherbani", "نوازش", "jazakallah",
    "جزاک اللہ", "jazak allah", "thanks", "shukriya ji", "ji shukriya", "ok shukriya", "acha shukriya", "behad acha", "zabardast", "زبردست",
    "shabash", "شاباش", "theek hai shukriya", "boht shukriya", "behad meherbani", "khoob", "خوب", "behad خوب", "behad khoob", "wah", "واہ",
];

/// Understands a text that is nothing but a short answer or a courtesy.
pub(crate) fn read(text: &Text<'_>) -> Option<Action> {
    if text.len() > 8 || text.tokens.iter().any(|token| !matches!(token.kind, Kind::Word | Kind::Mark)) {
        return None;
    }
    let mut words: Vec<&str> =
        (0..text.len()).map(|at| text.word(at)).filter(|word| !word.is_empty()).collect();
    let said = words.join(" ");
    let lists = [
        (YES, Action::Yes),
        (NO, Action::No),
        (UNDO, Action::Undo),
        (HELP, Action::Help),
        (GREETINGS, Action::Greeting),
        (THANKS, Action::Thanks),
    ];
    let in_list =
        |said: &str| lists.iter().find(|(list, _)| list.contains(&said)).map(|(_, action)| action.clone());
    in_list(&said).or_else(|| {
        while words
            .last()
            .is_some_and(|last| matches!(*last, "please" | "ji" | "na" | "yaar" | "یار" | "bhai" | "بھائی"))
        {
            words.pop();
        }
        in_list(&words.join(" "))
    })
}

/// Finds what refuses: "مت", "نہ", "نہیں", "don't"; a "na" behind a command only insists.
pub(crate) fn negation(text: &Text<'_>) -> Option<(usize, usize)> {
    let end = text.end_of_words();
    (0..text.len()).find_map(|at| {
        let refuses = match text.word(at) {
            "mat" | "nahi" | "don't" | "dont" | "never" | "ہرگز" | "hargiz" => true,
            "na" => {
                let insists = at + 1 >= end
                    && at > 0
                    && (text.word(at - 1).ends_with("-o")
                        || text.is_any(at - 1, &["do", "de"])
                        || verb::command_before(text, at, "kar").is_some());
                !insists
            }
            _ => false,
        };
        refuses.then_some((at, at + 1))
    })
}
