//! Wishes to be reminded: "یاد دلانا", "yaad dila do", "reminder laga do", "بھولنا مت".

use crate::token::Text;
use crate::urdu::verb;
use crate::words::{Words, words};

/// Reads a wish, with the words that tie it to what is to be done: "کا یاد دلانا", "ke liye reminder laga do".
pub(crate) fn read(text: &Text<'_>, at: usize) -> Option<usize> {
    let ties = words!["ke bare mein", "ke liye", "ka", "ki", "keh", "aur", "to"];
    let start = text.after_any(at, ties).unwrap_or(at);
    let start = if text.is_mark(start, ',') { start + 1 } else { start };
    let start = text
        .after_any(start, words!["mujhe", "zara mujhe", "zara", "please mujhe", "please", "1 bar"])
        .unwrap_or(start);
    let start = text.after_any(start, words!["zaroor", "lazmi"]).unwrap_or(start);
    let end = core(text, start)?;
    let end = text.after_any(end, words!["keh", "ke liye", "ke", "please"]).unwrap_or(end);
    Some(if text.is_mark(end, ':') { end + 1 } else { end })
}

fn core(text: &Text<'_>, at: usize) -> Option<usize> {
    if let Some(end) = text.after_any(at, NOT_TO_FORGET) {
        return Some(text.after_any(end, words!["hai"]).unwrap_or(end));
    }
    if !text.is_any(at, words!["yaad", "remind", "reminder", "alarm"]) {
        return None;
    }
    match text.word(at) {
        "yaad" => {
            let start = text.after_any(at + 1, words!["zaroor", "bhi", "se"]).unwrap_or(at + 1);
            // "yaad dilaya karo": again and again.
            if text.is_any(start, words!["dila-a", "kara-a"])
                && let Some(end) = verb::command(text, start + 1, "kar")
            {
                return Some(end);
            }
            for verb in ["dila", "kara", "kar", "rakh"] {
                if let Some(end) = asked(text, start, verb) {
                    return Some(end);
                }
            }
            let start = text.after(start, "dehani")?;
            asked(text, start, "kara").or_else(|| asked(text, start, "kar")).or(Some(start))
        }
        "remind" => {
            Some(asked(text, at + 1, "kara").or_else(|| asked(text, at + 1, "kar")).unwrap_or(at + 1))
        }
        "reminder" if at == 0 && text.is_mark(1, ':') => Some(1),
        "reminder" | "alarm" => {
            let start = text.after_any(at + 1, words!["set", "create", "add", "bhi"]).unwrap_or(at + 1);
            let verbs = ["laga", "kar", "kara", "bana", "de", "bhej", "rakh", "daal"];
            if let Some(end) = verbs.into_iter().find_map(|verb| asked(text, start, verb)) {
                return Some(end);
            }
            text.after_any(start, words!["do", "de-o", "bhej do"])
        }
        _ => None,
    }
}

/// "دلانا", "دلا دو", "دلا دینا", "dila-o", "dila de".
fn asked(text: &Text<'_>, at: usize, verb: &str) -> Option<usize> {
    let end = verb::command(text, at, verb).or_else(|| {
        let is_infinitive = text.word(at).strip_suffix("-na") == Some(verb);
        is_infinitive.then_some(at + 1)
    })?;
    Some(text.after_any(end, words!["ga", "hai", "na", "ji"]).unwrap_or(end))
}

const NOT_TO_FORGET: &Words = words![
    "kahin na bhool ja-un",
    "na bhool ja-un",
    "bhool-na mat de-na",
    "bhool-na na de-na",
    "mat bhool-na de-na",
    "bhool-na mat",
    "mat bhool-na",
    "bhool-na nahi",
    "nahi bhool-na",
    "na bhool-na",
    "bhool mat ja-na",
    "bhool na ja-na",
    "mat bhool-o",
    "kahin bhool na ja-un",
    "kahin bhool na ja-un",
    "bhool na ja-un",
    "bhool na ja-un",
    "bhool na jae",
    "mat bhool ja-na",
    "na bhool-o",
];

/// Says whether a text asks to be reminded.
pub(crate) fn is_in(text: &Text<'_>) -> bool {
    (0..text.len()).any(|at| core(text, at).is_some())
}

/// Reads how to remind: "ای میل سے".
pub(crate) fn by_email(text: &Text<'_>, at: usize) -> Option<usize> {
    text.after_any(at, words!["ای میل se", "ای میل par", "email se", "email par", "email ke zariye"])
}
