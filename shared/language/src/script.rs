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
    let marks = |words: &[&str]| (0..text.len()).filter(|at| text.is_any(*at, words)).count();
    let (urdu, shared) = (marks(LATIN_URDU), marks(SHARED));
    let words = (0..text.len()).filter(|at| !text.word(*at).is_empty()).count();
    let is_urdu = urdu >= 2 && urdu > shared && urdu * 4 >= words;
    if is_urdu { Language::LatinUrdu } else { Language::English }
}

fn is_arabic(c: char) -> bool {
    c.is_alphabetic()
        && matches!(u32::from(c),
            0x600..=0x6ff | 0x750..=0x77f | 0x8a0..=0x8ff | 0xfb50..=0xfdff | 0xfe70..=0xfefc)
}
