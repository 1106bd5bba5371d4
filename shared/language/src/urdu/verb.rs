//! Verbs, which stand at the end: commands ("کر دو", "karo", "banao"), what is to be done ("لانا ہے"), what is done
//! ("ہو گیا", "le aya").

use crate::token::Text;
use crate::words::{Words, words};

/// Reads a command of a verb that ends at `end`: "کر دو", "karo", "kar dein", "بنائیں"; gives where it begins.
pub(crate) fn command_before(text: &Text<'_>, end: usize, verb: &str) -> Option<usize> {
    command_of(text, end, &[verb])
}

/// Reads a command of the first of these verbs that one ends of at `end`; gives where it begins.
pub(crate) fn command_of(text: &Text<'_>, end: usize, verbs: &[&str]) -> Option<usize> {
    let last = end.checked_sub(1)?;
    // Few words end a command: some small ones, and forms, which have a hyphen.
    if text.is_plain(last) && !text.is_any(last, words!["do", "de", "hoon", "hai", "ho"]) {
        return None;
    }
    let form = text.word(last).strip_suffix("-o").map(|stem| (last, stem));
    let stem = |at: Option<usize>| at.map(|at| (at, text.word(at)));
    let helps = text.is_any(last, words!["do", "de-o", "de-na", "le-o", "le-na", "de", "ja-o", "dal-o"]);
    let helped = stem(last.checked_sub(1).filter(|_| helps));
    // "delete kar sakte ho", "bana de sakte ho"
    let can = text.is_any(last, words!["hoon", "hai", "ho"]) && text.word_before(last) == "sakta";
    let able = stem(last.checked_sub(2).filter(|_| can));
    let able_for = able.and_then(|(at, verb)| stem(at.checked_sub(1).filter(|_| verb == "de")));
    let commands = [form, helped, able, able_for];
    let of = |verb: &&str| commands.iter().flatten().find(|(_, stem)| stem == verb);
    verbs.iter().find_map(of).map(|(from, _)| *from)
}

/// Reads a command of a verb that begins at `at`; gives where it ends.
pub(crate) fn command(text: &Text<'_>, at: usize, verb: &str) -> Option<usize> {
    if text.word(at).strip_suffix("-o") == Some(verb) {
        return Some(at + 1);
    }
    (text.word(at) == verb && text.is_any(at + 1, words!["do", "de-o", "de-na", "le-o", "le-na", "de"]))
        .then_some(at + 2)
}

/// Says whether a word is an infinitive: one of a known verb, or one that looks like it.
pub(crate) fn is_infinitive(text: &Text<'_>, at: usize, is_followed: bool) -> bool {
    let word = text.word(at);
    if word.ends_with("-na") {
        return true;
    }
    #[rustfmt::skip]
    const NOUNS: &Words = words![
        "پانی", "کہانی", "پرانی", "پرانا", "پرانے", "جوانی", "نانی", "رانی", "نانا", "انا", "دانا", "خانہ",
        "زمانے", "خزانے", "دیوانے", "پاکستانی", "مہمانی", "نشانی", "پریشانی", "اسانی", "روحانی", "جانی",
        "بریانی", "pani", "paani", "kahani", "purani", "purana", "purane", "nani", "rani", "nana", "dana",
        "biryani", "roohani", "pakistani", "nishani", "pareshani", "asani", "china", "banana", "amina",
        "hina", "sana", "saina", "zaini", "machine", "phone", "online", "medicine", "vaccine", "deadline",
        "magazine", "one", "done", "nine", "line", "sultana", "rehana", "rukhsana", "farzana", "shabana",
        "rizwana", "afsana", "maulana", "khazana", "مولانا", "ریحانہ", "ثنا", "حنا", "امینہ", "چنا", "سونا",
        "sona", "gana", "zone", "scene", "engine", "routine",
    ];
    let arabic = word.ends_with("نا") || (is_followed && (word.ends_with("نی") || word.ends_with("نے")));
    let latin = word.ends_with("na") || (is_followed && (word.ends_with("ni") || word.ends_with("ne")));
    (arabic || latin && word.bytes().all(|b| b.is_ascii_lowercase()))
        && !NOUNS.contains(word)
        && word.chars().count() >= 4
}

/// Reads what is done before `end`: "ہو گیا", "کر لیا ہے", "le aya", "bhej di"; gives where the verb begins.
pub(crate) fn done_before(text: &Text<'_>, end: usize) -> Option<usize> {
    let mut tail = end;
    for _ in 0..2 {
        let Some(last) = tail.checked_sub(1) else { break };
        if text.is_any(last, words!["hai", "hoon", "tha"]) {
            tail = last;
        } else {
            break;
        }
    }
    let last = tail.checked_sub(1)?;
    let word = text.word(last);
    let helper = ["ja-a", "le-a", "de-a", "chuk-a", "aa-a", "ho-a", "la-a", "liye", "rakh-a", "daal-a"]
        .contains(&word);
    if helper {
        // "ho chuka", "kar liya", "khareed li": the stem stands before it.
        let stem = last.checked_sub(1)?;
        let is_stem = is_stem(text.word(stem));
        return Some(if is_stem { stem } else { last });
    }
    (word.ends_with("-a") || word == "kiya" || word == "kya" && tail == end).then_some(last)
}

/// Says whether a word is the stem of a verb; of an unknown one nothing is known, and its object names the task.
fn is_stem(word: &str) -> bool {
    #[rustfmt::skip]
    const STEMS: &Words = words![
        "kar", "kara", "bana", "likh", "daal", "rakh", "laga", "mita", "hata", "nikal", "kharid", "bhej",
        "parh", "dekh", "le", "de", "la", "ho", "ja", "aa", "khol", "badal", "bhool", "suna", "bata",
    ];
    #[rustfmt::skip]
    const OTHERS: &Words = words![
        "بھر", "دھو", "پکا", "کھا", "پی", "مل", "پہنچ", "اٹھا", "بلا", "چکا", "جمع", "چلا", "نمٹا", "سیکھ",
        "منگوا", "منگا", "بدلوا", "کٹوا", "بنوا", "bhar", "dho", "paka", "kha", "pi", "mil", "pohanch",
        "uthaa", "nimta", "seekh", "mangwa", "banwa", "katwa", "badalwa", "bula", "utha", "pakka",
    ];
    STEMS.contains(word) || OTHERS.contains(word)
}
