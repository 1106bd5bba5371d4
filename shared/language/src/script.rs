//! Tells the languages apart.
//!
//! Short texts, names and loan words are what makes it hard: "call Kal", "kal meeting at 5pm", "doodh" on an English list. Words
//! that only Urdu has count for it, those that only English has count against it, and words of both count for neither.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::Language;
use crate::english::vocabulary;
use crate::fold;
use crate::token::{Kind, Text};
use crate::urdu::{self, lexicon};
use crate::words::{ByLetters, words};

/// Words of Urdu in Latin letters that no English sentence has, unless as a name.
#[rustfmt::skip]
const URDU: &[&str] = &[
    "aaj", "aap", "abhi", "assalam", "salaam", "acha", "achha", "adhe", "agla", "agle", "agli", "aglay", "akhri", "aur", "baad", "baaje", "baje",
    "bajay", "bajey", "bajkar", "banado", "banao", "batao", "bhai", "bhej", "bhejna", "bhejni", "bhi", "bhool", "bhoolna", "bje",
    "bjay", "budh", "bula", "chahiye", "chaar", "chay", "dawa", "dawai", "dekho", "derh", "dhai", "dikhao", "dila", "dilado",
    "dilana", "dilao", "din", "dobara", "doodh", "dopahar", "dopeher", "dopehr", "doosra", "dusra", "ghanta", "ghante", "ghar",
    "gaya", "gayi", "gya", "haan", "hafta", "hafte", "haftay", "hai", "hain", "hata", "hatao", "hatado", "hazaf", "hoga",
    "hogaya", "hogya", "hoon", "hua", "itwar", "itwaar", "jana", "jani", "jumerat", "jumeraat", "juma", "jumma", "jumay", "jummay",
    "jume", "kaam", "kal", "kardo", "karna", "karni", "karne", "karo", "karein", "kardein", "kar", "khareedna", "kharidna",
    "khatam", "khana", "kitne", "kitna", "kitni", "kiya", "kya", "kaun", "konsa", "kaunsa", "kab", "kahan", "lana", "lani", "laana",
    "lena", "leni", "likho", "likhna", "likh", "mahina", "mahine", "mangal", "mein", "mera", "meri", "mere", "mita", "mitao",
    "mujhe", "mujhay", "mujhy", "mukammal", "nahi", "nahin", "naya", "naye", "paanch", "panch", "parson", "parso", "paune", "peer",
    "pehle", "pehla", "phir", "raat", "roz", "rozana", "saal", "saarhay", "saarhe", "saat", "sab", "salam", "sanichar", "sarhe",
    "sawa", "shaam", "shukriya", "subah", "subha", "tak", "tareekh", "tarikh", "teesra", "theek", "wala", "wali", "wale", "wapas",
    "yaad", "yeh", "zaroori", "zaruri", "ammi", "abbu", "bijli", "sabzi", "anday", "ande", "dena", "deni", "rakho", "rakhna",
    "parhna", "parhni", "parhai", "dukaan", "dukan", "chai", "namaz", "bachon", "bachay", "dost", "gari", "gaari", "madad",
    "jamaa", "jama", "milna", "krna", "krni", "kro", "krdo", "kr", "dahi", "roti", "kapre", "kiraya", "safai", "isko", "ise",
    "usko", "hafton", "minat", "aakhri", "bohat", "bahut", "bohot", "foran", "fori", "multavi", "muntaqil", "rehne", "narson",
    "tarson", "somwar", "jaldi", "lazmi", "chhutti", "chutti", "beta", "walimah", "shadi", "shaadi", "paisay", "paise", "yaar",
    "hafta", "mahana", "salana", "guzar", "gaye", "gayay", "liya", "diya", "chuka", "chuki", "aya", "aye", "sham", "dopher", "unko",
    "karwana", "karwani", "dhona", "pakana", "dekhna", "dekhni", "uthna", "uthana", "jagana", "khilana",
];

/// Small words of Urdu that English has too, or that are short, and loan words: they count where others do.
#[rustfmt::skip]
const SMALL: &[&str] = &[
    "ka", "ki", "ke", "ko", "se", "par", "pe", "na", "ne", "hi", "to", "do", "ek", "teen", "char", "che", "nau", "das", "bees",
    "har", "is", "us", "hum", "bad", "bar", "mat", "ho", "ji", "le", "lo", "la", "kam", "kay", "din", "so", "tha", "thi", "an", "tin",
    "chalo", "gym", "meeting", "call", "report", "list", "task", "delete", "add", "sat", "aath", "tees", "pona", "hy", "h", "or",
];

/// Words that English sentences are held together by, and those that only they have.
#[rustfmt::skip]
const ENGLISH: &[&str] = &[
    "a", "about", "after", "all", "am", "and", "any", "are", "as", "at", "be", "before", "buy", "by", "can", "could", "did", "does",
    "don't", "dont", "every", "for", "from", "get", "have", "he", "her", "how", "i", "i'm", "if", "in", "it", "just", "later", "me",
    "my", "need", "next", "not", "of", "off", "on", "our", "please", "remind", "she", "should", "show", "that", "the", "their",
    "them", "there", "these", "they", "this", "those", "today", "tomorrow", "tonight", "until", "was", "we", "what", "what's",
    "when", "where", "which", "who", "why", "will", "with", "would", "yesterday", "you", "your", "with", "mark", "done", "morning",
    "evening", "afternoon", "night", "noon", "and", "his", "an", "name", "says", "called",
];

/// Words of English phrases about time that Urdu sentences borrow: "kal meeting at 5pm".
#[rustfmt::skip]
const MIXED: &[&str] = &[
    "after", "afternoon", "at", "me", "before", "by", "daily", "evening", "every", "from", "morning", "next", "night", "noon", "on",
    "please", "remind", "today", "tomorrow", "tonight", "until", "this", "done",
];

/// Which of the lists a word is in.
#[derive(Debug, Clone, Copy, Default)]
struct Marks {
    is_urdu: bool,
    is_small: bool,
    is_english: bool,
    is_mixed: bool,
    /// A word of English, whatever Urdu has that is spelt so.
    is_shared: bool,
    /// In the lexicon of Urdu, however it is spelt, and no word of English.
    is_in_lexicon: bool,
    /// One of those of the lexicon that few Urdu sentences do without.
    is_steering: bool,
}

/// Every word is looked up here once, instead of in each of the lists.
static LISTS: LazyLock<HashMap<&'static str, Marks, ByLetters>> = LazyLock::new(|| {
    let mut lists: HashMap<&'static str, Marks, ByLetters> = HashMap::default();
    let mut mark = |words: &[&'static str], set: fn(&mut Marks)| {
        words.iter().for_each(|word| set(lists.entry(word).or_default()));
    };
    mark(URDU, |marks| marks.is_urdu = true);
    mark(SMALL, |marks| marks.is_small = true);
    mark(ENGLISH, |marks| marks.is_english = true);
    mark(MIXED, |marks| marks.is_mixed = true);
    mark(lexicon::ENGLISH, |marks| marks.is_shared = true);
    mark(vocabulary::VERBS, |marks| marks.is_shared = true);
    lists
});

impl Marks {
    fn of(word: &str) -> Self {
        const STEERING: &[&str] = &[
            "baje", "mujhe", "yaad", "hafte", "mahina", "ghanta", "subah", "dopahar", "nahi", "mera",
            "chahiye",
        ];
        let listed = LISTS.get(word).copied().unwrap_or_default();
        if listed.is_english || listed.is_mixed || listed.is_shared {
            return listed;
        }
        let lexeme = lexicon::lexeme(word);
        let is_steering = lexeme.is_some_and(|lexeme| STEERING.contains(&lexeme));
        Self { is_in_lexicon: lexeme.is_some(), is_steering, ..listed }
    }
}

/// Gives the language of a text.
pub(crate) fn language(text: &Text<'_>) -> Language {
    let has_arabic = text.source.chars().any(is_arabic);
    if has_arabic && is_in_arabic_script(text) {
        return Language::Urdu;
    }
    if is_latin_urdu(text) || is_small_talk(text) { Language::LatinUrdu } else { Language::English }
}

/// Looks for an answer or a courtesy only where some word can be Urdu at all.
fn is_small_talk(text: &Text<'_>) -> bool {
    let can_be_urdu = |at: usize| {
        let marks = Marks::of(without_digits(text.word(at)));
        marks.is_urdu || marks.is_small || marks.is_in_lexicon
    };
    text.len() <= 5 && (0..text.len()).any(can_be_urdu) && urdu::is_small_talk(text)
}

/// Weighs words of Arabic letters against those that hold an English sentence together.
fn is_in_arabic_script(text: &Text<'_>) -> bool {
    let is_other = |c: char| fold::is_letter(c) && !is_arabic(c);
    if !text.tokens.iter().any(|token| !token.text.starts_with(is_arabic) && token.text.contains(is_other)) {
        return true;
    }
    let (mut arabic, mut english, mut latin) = (0, 0, 0);
    for (at, token) in text.tokens.iter().enumerate().filter(|(_, token)| token.kind != Kind::Mark) {
        if token.text.chars().any(is_arabic) {
            let is_known = token.kind == Kind::Word && lexicon::lexeme(token.lower()).is_some();
            arabic += if is_known { 3 } else { 2 };
        } else if token.kind == Kind::Word && token.text.chars().any(fold::is_letter) {
            latin += 1;
            let begins = at == 0 && vocabulary::is_verb(token.lower());
            english += if begins { 3 } else { i32::from(Marks::of(token.lower()).is_english) };
        }
    }
    // One name among English words makes no Urdu of them.
    arabic >= latin * 2 || arabic > english
}

fn is_latin_urdu(text: &Text<'_>) -> bool {
    let (mut urdu, mut small, mut english) = (0, 0, 0);
    let mut words = 0;
    for (at, token) in text.tokens.iter().enumerate() {
        if token.kind != Kind::Word || !token.text.starts_with(|c: char| c.is_ascii_alphanumeric()) {
            continue;
        }
        words += 1;
        let word = without_digits(token.lower());
        let has_number = word.len() < token.lower().len();
        // A capital in the middle makes a name: "call Kal".
        let is_name = at > 0
            && text.is_capital(at)
            && text.tokens[at].text.chars().any(char::is_lowercase)
            && !text.is_capital(0);
        let marks = Marks::of(word);
        if marks.is_small {
            small += 1;
        } else if (marks.is_urdu || marks.is_steering) && !(has_number && word.len() < 3) {
            urdu += if is_name { 1 } else { 2 };
        } else if word.len() > 3 && marks.is_in_lexicon {
            urdu += 1;
        }
        if marks.is_mixed {
            english += 1;
        } else if marks.is_english && !marks.is_small {
            english += 2;
        } else if at == 0 && vocabulary::is_verb(word) && !marks.is_urdu {
            english += 3;
        }
    }
    // "call mom kal", "call mom kal 5pm"; "call Kal at 5pm" is a name.
    let end = text.end_of_words();
    let is_day = |at: usize| {
        let ends = at + 1 >= end || text.word(at + 1).starts_with(|c: char| c.is_ascii_digit());
        text.is_any(at, words!["kal", "parson", "parso"])
            && !text.is_capital(at)
            && (ends || Marks::of(text.word(at + 1)).is_steering)
    };
    if words > 2 && (0..text.len()).any(is_day) {
        urdu += 2;
    }
    // "exam ki prep"
    let ties = |at: usize| {
        text.is_any(at, words!["ka", "ki", "ko", "kay", "se"])
            && text.word(at - 1) != "per"
            && !text.is_break(at + 1)
    };
    if english == 0 && words > 2 && (1..text.len()).any(ties) {
        urdu += 2;
    }
    // "… par jhanda lagana": a verb at the end, and small words that tie nouns to it.
    let last = end.checked_sub(1).map_or("", |last| text.word(last));
    let is_duty = |at: usize| {
        let verb = text.word(at);
        text.is_any(at + 1, words!["hai", "hain", "hy", "hoga", "hogi"])
            && verb.len() > 3
            && (verb.ends_with("na") || verb.ends_with("ni") || verb.ends_with("ne"))
    };
    if (0..text.len()).any(is_duty) {
        urdu += 2;
    }
    let ends_in_verb = last.len() > 4 && last.ends_with("na") && small_ties(text);
    if ends_in_verb && !Marks::of(last).is_urdu && !vocabulary::is_verb(last) {
        urdu += 2;
    }
    let strong = urdu / 2;
    // "kal", "shukriya" alone; "har roz gym"; "5 baje dentist".
    let enough = strong >= 1 && (urdu > english || words == 1) && urdu * 2 + small * 2 >= english * 2;
    let clear = strong == 1 && small == 0 && words > 4 && english > 0;
    enough && !clear
}

fn small_ties(text: &Text<'_>) -> bool {
    text.has_any(words!["ka", "ki", "ke", "ko", "par", "pe", "se", "mein", "har"])
}

/// "5baje".
fn without_digits(word: &str) -> &str {
    word.trim_start_matches(|c: char| c.is_ascii_digit() || c == ':')
}

fn is_arabic(c: char) -> bool {
    matches!(u32::from(c), 0x600..=0x6ff | 0x750..=0x77f | 0x8a0..=0x8ff | 0xfb50..=0xfdff | 0xfe70..=0xfefc)
        && fold::is_letter(c)
}
