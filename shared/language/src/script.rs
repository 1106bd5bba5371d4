//! Tells the languages apart.

use crate::Language;
use crate::token::Text;

/// Words of Urdu in Latin letters that no English sentence has.
const LATIN_URDU: &[&str] = &[
    "kal", "parson", "parso", "baje", "bajay", "subah", "shaam", "raat", "dopahar", "dopeher", "karna",
    "karo", "karni", "kar", "dein", "hai", "hain", "mujhe", "mujhay", "mera", "meri", "mere", "ko", "ka",
    "ki", "ke", "kay", "aur", "yaad", "dilana", "dilao", "dilado", "doodh", "lana", "lena", "dena", "jana",
    "wala", "wali", "nahi", "nahin", "mat", "kya", "kaam", "dikhao", "batao", "hafta", "hafte", "mahine",
    "din", "aaj", "jumma", "jumay", "jummay", "peer", "mangal", "budh", "jumerat", "itwar", "har", "roz",
    "se", "tak", "pehle", "baad", "banao", "likho", "khatam", "mukammal", "hogaya", "gaya", "gayi", "kitne",
    "kaun", "kab", "saarhay", "sarhe", "sawa", "paune",
];

/// Words that English has too, or that are names: alone they say nothing.
const SHARED: &[&str] =
    &["kaam", "se", "din", "mat", "har", "ki", "ka", "ko", "kay", "roz", "kar", "raat", "peer", "tak"];

/// Gives the language of a text: the script of most letters, then its small words.
pub(crate) fn language(text: &Text<'_>) -> Language {
    let letters = |is: fn(char) -> bool| text.source.chars().filter(|c| is(*c)).count();
    let arabic = letters(is_arabic);
    if arabic > 0 && arabic * 2 >= letters(|c| c.is_ascii_alphabetic()) {
        return Language::Urdu;
    }
<<<<<<< Updated upstream
    let marks = |words: &[&str]| (0..text.len()).filter(|at| text.is_any(*at, words)).count();
    let (urdu, shared) = (marks(LATIN_URDU), marks(SHARED));
    let words = (0..text.len()).filter(|at| !text.word(*at).is_empty()).count();
    let is_urdu = urdu >= 2 && urdu > shared && urdu * 4 >= words;
    if is_urdu { Language::LatinUrdu } else { Language::English }
=======
    if is_latin_urdu(text) { Language::LatinUrdu } else { Language::English }
}

/// Weighs words of Arabic letters against those that hold an English sentence together.
fn is_in_arabic_script(text: &Text<'_>) -> bool {
    let (mut arabic, mut english, mut latin) = (0, 0, 0);
    for token in text.tokens.iter().filter(|token| token.kind != Kind::Mark) {
        if token.text.chars().any(is_arabic) {
            let is_known = token.kind == Kind::Word && lexicon::lexeme(&token.lower).is_some();
            arabic += if is_known { 3 } else { 2 };
        } else if token.kind == Kind::Word && token.text.chars().any(char::is_alphabetic) {
            latin += 1;
            english += i32::from(is_english(&token.lower));
        }
    }
    // One name among English words makes no Urdu of them.
    arabic >= latin * 2 || arabic > english * 2
}

fn is_english(word: &str) -> bool {
    ENGLISH.contains(&word) || vocabulary::is_verb(word)
}

fn is_latin_urdu(text: &Text<'_>) -> bool {
    let (mut urdu, mut small, mut english) = (0, 0, 0);
    let mut words = 0;
    for (at, token) in text.tokens.iter().enumerate() {
        if token.kind != Kind::Word || !token.text.starts_with(|c: char| c.is_ascii_alphanumeric()) {
            continue;
        }
        words += 1;
        let word = without_digits(&token.lower);
        let has_number = word.len() < token.lower.len();
        // A capital in the middle makes a name: "call Kal".
        let is_name = at > 0
            && text.is_capital(at)
            && text.tokens[at].text.chars().any(char::is_lowercase)
            && !text.is_capital(0);
        if is_small(word) {
            small += 1;
        } else if is_urdu(word) && !(has_number && word.len() < 3) {
            urdu += if is_name { 1 } else { 2 };
        }
        if ENGLISH.contains(&word) && !is_small(word) {
            english += 2;
        } else if vocabulary::is_verb(word) && at == 0 && !is_urdu(word) {
            english += 3;
        }
    }
    let strong = urdu / 2;
    // "kal", "shukriya" alone; "har roz gym"; "5 baje dentist".
    let enough = strong >= 1 && (urdu > english || words == 1) && urdu * 2 + small * 2 >= english * 2;
    let clear = strong == 1 && small == 0 && words > 4 && english > 0;
    enough && !clear
}

fn is_urdu(word: &str) -> bool {
    URDU.contains(&word)
}

fn is_small(word: &str) -> bool {
    SMALL.contains(&word)
}

/// "5baje".
fn without_digits(word: &str) -> &str {
    word.trim_start_matches(|c: char| c.is_ascii_digit() || c == ':')
>>>>>>> Stashed changes
}

fn is_arabic(c: char) -> bool {
    c.is_alphabetic()
        && matches!(u32::from(c),
            0x600..=0x6ff | 0x750..=0x77f | 0x8a0..=0x8ff | 0xfb50..=0xfdff | 0xfe70..=0xfefc)
}
