//! The words of Urdu, in both scripts: what is written becomes a lexeme, and the grammar knows only lexemes.
//!
//! | written | lexeme |
//! |---|---|
//! | شام, shaam, sham | `shaam` |
//! | بجے, baje, bajay, bjay | `baje` |
//! | پانچ, paanch, panch, 5, ۵ | `5` |
//! | کرنا, karna, krni | `kar-na`: what is to be done |
//! | کرو, کیجیے, karo, karein, kardo | `kar-o`: what somebody is told to do |
//! | گیا, gayi | `ja-a`: what is done |
//!
//! A word that is in no table is its own lexeme.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use crate::fold::{self, digit, fold};
use crate::token::{Text, Token, Tokens};
use crate::words::{ByLetters, Words, words};

const WORDS: &str = include_str!("lexicon.txt");

/// Verbs that the grammar steers by: the stem in both scripts, and what is done where the rules do not give it.
#[rustfmt::skip]
const VERBS: &[(&str, &[&str], &[&str])] = &[
    ("kar", &["kar", "kr", "ker", "کر"], &["kiye", "kiay", "کیے", "کئے"]),
    ("kara", &["kara", "karwa", "krwa", "kra", "کرا", "کروا"], &[]),
    ("bana", &["bana", "بنا"], &[]),
    ("likh", &["likh", "لکھ"], &["likha", "likhi", "likhay", "لکھا", "لکھی"]),
    ("daal", &["daal", "dal", "ڈال"], &["daala", "ڈالا"]),
    ("rakh", &["rakh", "رکھ"], &["rakha", "رکھا"]),
    ("laga", &["laga", "لگا"], &[]),
    ("mita", &["mita", "مٹا"], &[]),
    ("hata", &["hata", "ہٹا"], &[]),
    ("nikal", &["nikal", "nikaal", "نکال"], &["nikala", "نکالا"]),
    ("dikha", &["dikha", "dikhla", "دکھا", "دکھلا"], &[]),
    ("bata", &["bata", "btaa", "bta", "بتا"], &[]),
    ("suna", &["suna", "سنا"], &[]),
    ("dila", &["dila", "dilwa", "dela", "دلا", "دلوا"], &[]),
    ("dhoond", &["dhoond", "dhund", "ڈھونڈ"], &[]),
    ("bhool", &["bhool", "bhul", "بھول"], &["bhoola", "بھولا"]),
    ("barha", &["barha", "بڑھا"], &[]),
    ("badal", &["badal", "badl", "بدل"], &["badla", "بدلا"]),
    ("chal", &["chal", "چل"], &[]),
    ("khol", &["khol", "کھول"], &["khola", "کھولا"]),
    ("utha", &["utha", "اٹھا"], &[]),
    ("kharid", &["khareed", "خرید"], &["khareeda", "khareedi", "khareede", "خریدا", "خریدی", "خریدے"]),
    ("bhej", &["bhej", "بھیج"], &["bheja", "bheji", "بھیجا", "بھیجی"]),
    ("parh", &["parh", "پڑھ"], &["parha", "parhi", "پڑھا", "پڑھی"]),
    ("dekh", &["dekh", "دیکھ"], &["dekha", "dekhi", "دیکھا", "دیکھی"]),
    ("le", &["le", "lay", "لے"], &["liya", "lia", "li", "لیا", "لی"]),
    ("de", &["de", "day", "دے"], &["diya", "dia", "di", "دیا", "دی"]),
    ("la", &["la", "لا"], &["laya", "layi", "laye", "لایا", "لائی", "لائے"]),
    ("aa", &["aa", "آ"], &["aya", "ayi", "aye", "aaya", "aayi", "aaye", "آیا", "آئی", "آئے"]),
    ("ja", &["ja", "جا"], &["gaya", "gayi", "gaye", "gya", "gyi", "gai", "gia", "گیا", "گئی", "گئے"]),
    ("ho", &["ho", "ہو"], &["hua", "hui", "hue", "huwa", "huwi", "ہوا", "ہوئی", "ہوئے"]),
    ("chuk", &["chuk", "چک"], &["chuka", "chuki", "chuke", "چکا", "چکی", "چکے"]),
];

/// Forms that no rule gives.
const IRREGULAR: &[(&str, &[&str])] = &[
    ("le-na", &["lena", "leni", "lene", "lainay", "lenay", "لینا", "لینی", "لینے"]),
    ("le-o", &["lo", "lein", "lain", "lijiye", "lijie", "lijye", "لو", "لیں", "لیجیے", "لیجئے"]),
    ("de-na", &["dena", "deni", "dene", "denay", "دینا", "دینی", "دینے"]),
    ("de-o", &["dein", "dain", "den", "dijiye", "dijie", "dijye", "dejiye", "دیں", "دیجیے", "دیجئے"]),
    ("kar-o", &["keejiye", "kijiye", "kijie", "kijye", "karye", "kariye", "krein", "کیجیے", "کیجئے", "کریے"]),
    (
        "ho-a",
        &["hogaya", "hogayi", "hogya", "hogyi", "hogai", "hogaye", "hochuka", "ہوگیا", "ہوگئی", "ہوگئے"],
    ),
    ("ja-na", &["jaana", "جانا", "جانی"]),
    ("de-un", &["doon", "dun", "دوں"]),
    ("hoga", &["hoga", "hogi", "ہوگا", "ہوگی", "ہونگے"]),
    ("ja-un", &["jaun", "jaoon", "jaaun", "جاؤں", "جاوں"]),
    ("dehani", &["dahani"]),
    ("likh-o", &["likhlo", "likhlein"]),
];

/// Made at the first sentence of a process, in about a millisecond; most lexemes are pieces of the tables.
static LEXICON: LazyLock<HashMap<Vec<u8>, Cow<'static, str>, ByLetters>> = LazyLock::new(|| {
    let mut lexicon = HashMap::with_capacity_and_hasher(3_500, ByLetters::default());
    let mut add = |word: &str, lexeme: Cow<'static, str>| {
        let form = if word.is_ascii() {
            sound(word, &mut [0; LONGEST]).expect("none is longer").to_vec()
        } else {
            fold(word).as_bytes().to_vec()
        };
        lexicon.entry(form).or_insert(lexeme);
    };
    for line in WORDS.lines().filter(|line| !line.starts_with('#')) {
        let mut words = line.split(' ');
        let Some(lexeme) = words.next() else { continue };
        if !lexeme.contains('-') {
            add(lexeme, lexeme.into());
        }
        words.for_each(|word| add(word, lexeme.into()));
    }
    for (lexeme, words) in IRREGULAR {
        words.iter().for_each(|word| add(word, (*lexeme).into()));
    }
    for (lexeme, stems, done) in VERBS {
        done.iter().for_each(|word| add(word, format!("{lexeme}-a").into()));
        for stem in *stems {
            forms(stem, |word, form| add(&word, format!("{lexeme}{form}").into()));
        }
    }
    lexicon
});

/// Gives the forms of a verb by the rules.
fn forms(stem: &str, mut add: impl FnMut(String, &str)) {
    #[rustfmt::skip]
    const LATIN: &[(&str, &str)] = &[
        ("", ""), ("na", "-na"), ("ni", "-na"), ("ne", "-na"), ("nay", "-na"), ("o", "-o"), ("ein", "-o"),
        ("en", "-o"), ("ain", "-o"), ("iye", "-o"), ("iyega", "-o"), ("do", "-o"), ("dein", "-o"),
        ("den", "-o"), ("dena", "-o"), ("lo", "-o"), ("lena", "-o"), ("lein", "-o"), ("dijiye", "-o"),
        ("liya", "-a"), ("lia", "-a"), ("diya", "-a"), ("dia", "-a"), ("ya", "-a"), ("yi", "-a"),
        ("kar", "-kar"), ("dun", "-un"), ("doon", "-un"), ("un", "-un"), ("oon", "-un"),
    ];
    #[rustfmt::skip]
    const ARABIC: &[(&str, &str)] = &[
        ("", ""), ("نا", "-na"), ("نی", "-na"), ("نے", "-na"), ("و", "-o"), ("ؤ", "-o"), ("یں", "-o"),
        ("ئیں", "-o"), ("ئے", "-o"), ("یے", "-o"), ("ئیے", "-o"), ("یئے", "-o"), ("ئیں", "-o"), ("دو", "-o"),
        ("دیں", "-o"), ("دینا", "-o"), ("لو", "-o"), ("لیں", "-o"), ("لینا", "-o"), ("لیا", "-a"),
        ("دیا", "-a"), ("یا", "-a"), ("ئی", "-a"), ("وں", "-un"), ("ؤں", "-un"),
    ];
    let endings = if stem.is_ascii() { LATIN } else { ARABIC };
    for (ending, form) in endings {
        add(format!("{stem}{ending}"), form);
    }
}

/// Gives the lexeme of a folded word.
pub(crate) fn lexeme(word: &str) -> Option<&'static str> {
    let mut letters = [0; LONGEST];
    let form = if word.is_ascii() { sound(word, &mut letters)? } else { word.as_bytes() };
    LEXICON.get(form).map(|lexeme| &**lexeme)
}

/// Gives how a Latin word sounds: long vowels and doubled letters as short and single ones.
///
/// | written | sound |
/// |---|---|
/// | `shaam`, `sham` | `sham` |
/// | `haftay`, `hafte` | `hafte` |
/// | `jummah`, `juma` | `juma` |
/// | `chhe`, `chay` | `che` |
/// | `bajay`, `bajy` | `baje` |
///
/// `None` for what is longer than any word of the lexicon.
fn sound<'a>(word: &str, letters: &'a mut [u8; LONGEST]) -> Option<&'a [u8]> {
    let is_vowel = |letter: u8| matches!(letter, b'a' | b'e' | b'i' | b'o' | b'u');
    let (mut len, mut last) = (0, 0);
    for (at, letter) in word.bytes().enumerate() {
        let letter = letter.to_ascii_lowercase();
        let before_vowel =
            || word.as_bytes().get(at + 1).is_some_and(|next| is_vowel(next.to_ascii_lowercase()));
        let (replaces, heard) = match (last, letter) {
            (b'e', b'e') => (true, b'i'),
            (b'o', b'o') => (true, b'u'),
            // "gaye" is no "ge".
            (b'a', b'y' | b'i') if word.len() > 3 && !before_vowel() => (true, b'e'),
            (b'e', b'y' | b'i') if !before_vowel() => continue,
            (last, letter) if last == letter && letter.is_ascii_alphabetic() => continue,
            (_, b'w') => (false, b'v'),
            (_, letter) => (false, letter),
        };
        if replaces {
            len -= 1;
        }
        *letters.get_mut(len)? = heard;
        (len, last) = (len + 1, heard);
    }
    // A final h is breath: "tarikh" keeps its own, "jumma" and "jummah" are one.
    if len > 4 && letters[..len].ends_with(b"ah") {
        len -= 1;
    }
    // "bajy", "hafty", "krny"
    if let [.., before, last @ b'y'] = &mut letters[..len]
        && !is_vowel(*before)
    {
        *last = b'e';
    }
    Some(&letters[..len])
}

/// No Latin word of the lexicon sounds longer, in letters.
const LONGEST: usize = 32;

/// A text in lexemes, and beside it what English readers may look at: the same tokens, where Urdu words are breaks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Said<'a> {
    /// In lexemes.
    pub(crate) text: Text<'a>,
    /// For English.
    pub(crate) english: Text<'a>,
}

impl<'a> Said<'a> {
    /// Gives the tokens from one up to another as a text of their own.
    pub(crate) fn part(&self, from: usize, to: usize) -> Self {
        Self { text: self.text.part(from, to), english: self.english.part(from, to) }
    }

    /// Gives the tokens to be changed.
    pub(crate) fn to_lexemes(self) -> Lexemes<'a> {
        Lexemes { text: self.text.to_tokens(), english: self.english.to_tokens() }
    }
}

/// The tokens of what is said, where they are kept and changed.
#[derive(Debug)]
pub(crate) struct Lexemes<'a> {
    text: Tokens<'a>,
    english: Tokens<'a>,
}

impl<'a> Lexemes<'a> {
    /// Reads the words of a text as lexemes; a number and the word written to it are two.
    pub(crate) fn new(mut text: Tokens<'a>) -> Self {
        text.cut(|word| after_digits(word.text).or_else(|| fused(word)));
        text.join(|word| lexeme(word).is_some());
        let english = text.parted(|word| {
            let written = word.lower();
            let begins_with_digit = written.starts_with(|c: char| c.is_ascii_digit());
            let found = if begins_with_digit { None } else { lexeme(written) };
            let is_urdu = !written.is_ascii() || found.is_some() && !is_english(written);
            if let Some(lexeme) = found {
                word.read_as(lexeme);
            }
            is_urdu
        });
        let mut before: Option<(usize, &mut Token<'_>)> = None;
        for (at, word) in text.words() {
            // "کیلئے", "keliye"
            if word.lower() == "liye"
                && let Some((_, ki)) = before.filter(|(last, ki)| last + 1 == at && ki.lower() == "ki")
            {
                ki.read_as("ke");
            }
            before = Some((at, word));
        }
        Self { text, english }
    }

    /// Gives them to be looked at.
    pub(crate) fn said(&self) -> Said<'_> {
        Said { text: self.text.text(), english: self.english.text() }
    }

    /// Takes tokens out, from one up to another.
    pub(crate) fn take_out(&mut self, from: usize, to: usize) {
        self.text.take_out(from, to);
        self.english.take_out(from, to);
    }

    /// Puts the tokens from one up to another behind all others.
    pub(crate) fn put_last(&mut self, from: usize, to: usize) {
        self.text.put_last(from, to);
        self.english.put_last(from, to);
    }
}

/// Words of the lexicon that English has too.
#[rustfmt::skip]
pub(crate) const ENGLISH: &[&str] = &[
    "add", "all", "busy", "cancel", "change", "complete", "completed", "create", "daily", "days", "deadline",
    "delete", "do", "done", "agenda", "alarm", "band", "bare", "email", "end", "hello", "mark", "pending", "plan", "quarterly", "repeat", "schedule", "every", "finish", "finished", "free", "help", "high", "hour",
    "hours", "important", "in", "is", "last", "late", "list", "low", "may", "me", "medium", "minute",
    "minutes", "mins", "min", "miss", "month", "monthly", "months", "move", "my", "name", "new", "next",
    "note", "number", "or", "please", "pls", "plz", "postpone", "priority", "remind", "reminder",
    "reminders", "remove", "reopen", "reschedule", "set", "shift", "snooze", "tag", "task", "tasks", "this",
    "time", "title", "apr", "aug", "dec", "feb", "jul", "jun", "nov", "oct", "sep", "sept", "to", "todo", "undo", "update", "urgent", "us", "week", "weekend", "weeks", "yearly",
    "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "january", "february",
    "march", "april", "june", "july", "august", "september", "october", "november", "december", "overdue",
];

/// Says whether a word of the lexicon is one of English too.
pub(crate) fn is_english(word: &str) -> bool {
    static SET: LazyLock<HashSet<&str, ByLetters>> = LazyLock::new(|| ENGLISH.iter().copied().collect());
    SET.contains(word)
}

/// Gives where the letters begin in "5baje" and "۵بجے"; "5pm" and "5th" are one word.
fn after_digits(word: &str) -> Option<usize> {
    let letters = word.find(|c: char| digit(c).is_none() && !matches!(c, ':' | '.' | '٫'))?;
    let rest = if letters > 0 { &word[letters..] } else { return None };
    let is_word = rest.starts_with(fold::is_letter);
    let is_urdu = || !rest.is_ascii() || lexeme(&fold(rest)).is_some_and(|_| !is_english(&fold(rest)));
    (is_word && is_urdu()).then_some(letters)
}

/// Gives where the second word begins of two that are often written as one: "isko", "اسکا", "keliye".
fn fused(word: &Token<'_>) -> Option<usize> {
    #[rustfmt::skip]
    const LATIN: &Words = words![
        "inko", "iska", "iske", "iski", "isko", "keliye", "kelie", "kelye", "unka", "unke", "unki", "unko", "uska", "uske", "uski",
        "usko", "isse", "isme", "ismein", "kaliye",
    ];
    #[rustfmt::skip]
    const ARABIC: &Words = words!["اسکا", "اسکے", "اسکی", "اسکو", "انکا", "انکے", "انکی", "انکو", "کیلیے", "کیلیی", "اسمیں"];
    if word.text.is_ascii() {
        return LATIN.contains(word.lower()).then_some(2);
    }
    ARABIC.contains(word.lower()).then_some('ک'.len_utf8() * 2)
}
