//! Pieces of sentences: quoted titles, tags, priorities, enumerations.

use domain::task::{Priority, Status};
use language::Language::{self, English, LatinUrdu, Urdu};

/// The most tasks that are named in one sentence or one proposal.
pub(super) const NAMED: usize = 10;

/// Quotes a title or something that was said, kept apart from words of another direction. It stays in its line, and between its
/// quotation marks: line breaks are spaces, and marks of direction, which could end the isolation, are left out.
pub(super) fn quoted(language: Language, text: &str) -> String {
    let is_direction = |c: &char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let is_break = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    let line = text.chars().filter(|c| !is_direction(c)).map(|c| if is_break(c) { ' ' } else { c });
    let text: String = line.collect();
    let quoted = match language {
        English => format!("\"{text}\""),
        Urdu | LatinUrdu => format!("“{text}”"),
    };
    if language == Urdu || text.chars().any(is_right_to_left) { isolated(&quoted) } else { quoted }
}

/// Keeps a text apart from the direction of the words around it (UAX #9, FSI … PDI).
pub(super) fn isolated(text: &str) -> String {
    format!("\u{2068}{text}\u{2069}")
}

/// Hebrew, Arabic and their kin, with presentation forms.
fn is_right_to_left(c: char) -> bool {
    matches!(u32::from(c), 0x590..=0x8ff | 0xfb1d..=0xfdff | 0xfe70..=0xfefc | 0x1_0800..=0x1_0fff | 0x1_e800..=0x1_efff)
}

/// "a, b and c".
pub(super) fn and(language: Language, parts: &[String]) -> String {
    let and = match language {
        English => "and",
        Urdu => "اور",
        LatinUrdu => "aur",
    };
    match parts {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} {and} {last}", first.join(comma(language))),
    }
}

/// What stands between the parts of an enumeration.
pub(super) fn comma(language: Language) -> &'static str {
    match language {
        Urdu => "، ",
        English | LatinUrdu => ", ",
    }
}

/// What ends a proposal.
pub(super) fn answer_yes_or_no(language: Language) -> &'static str {
    match language {
        English => "Please answer yes or no.",
        Urdu => "براہ کرم ہاں یا نہیں میں جواب دیں۔",
        LatinUrdu => "Barah-e-karam haan ya nahin mein jawab dein.",
    }
}

/// What ends a sentence.
pub(super) fn stop(language: Language) -> char {
    match language {
        Urdu => '۔',
        English | LatinUrdu => '.',
    }
}

/// Titles in a row: all up to [`NAMED`], else those and how many more.
pub(super) fn titles(language: Language, titles: &[String]) -> String {
    let more = titles.len().saturating_sub(NAMED);
    let mut names: Vec<_> = titles.iter().take(NAMED).map(|title| quoted(language, title)).collect();
    if more > 0 {
        names.push(more_of(language, more));
    }
    and(language, &names)
}

/// "5 more".
pub(super) fn more_of(language: Language, more: usize) -> String {
    match language {
        English => format!("{more} more"),
        Urdu => format!("مزید {more}"),
        LatinUrdu => format!("mazeed {more}"),
    }
}

/// "high priority".
pub(super) fn priority(language: Language, priority: Priority) -> String {
    match language {
        English => format!("{} priority", priority.as_str()),
        Urdu => match priority {
            Priority::Low => "کم ترجیح",
            Priority::Medium => "درمیانی ترجیح",
            Priority::High => "زیادہ ترجیح",
        }
        .to_owned(),
        LatinUrdu => match priority {
            Priority::Low => "kam tarjeeh",
            Priority::Medium => "darmiyani tarjeeh",
            Priority::High => "zyada tarjeeh",
        }
        .to_owned(),
    }
}

/// "open".
pub(super) fn of_status(language: Language, status: Status) -> &'static str {
    match (language, status) {
        (English, Status::Active) => "open",
        (Urdu, Status::Active) => "باقی",
        (LatinUrdu, Status::Active) => "baqi",
        (English, Status::Completed) => "completed",
        (Urdu, Status::Completed) => "مکمل",
        (LatinUrdu, Status::Completed) => "mukammal",
        (English, Status::Deleted) => "deleted",
        (Urdu, Status::Deleted) => "حذف شدہ",
        (LatinUrdu, Status::Deleted) => "delete shuda",
    }
}

/// "tagged #home and #garden"; empty without tags.
pub(super) fn tagged(language: Language, tags: &[String]) -> String {
    if tags.is_empty() {
        return String::new();
    }
    let each = tags.iter().map(|tag| match language {
        Urdu => isolated(&format!("#{tag}")),
        English | LatinUrdu => format!("#{tag}"),
    });
    let tags = and(language, &each.collect::<Vec<_>>());
    match language {
        English => format!("tagged {tags}"),
        Urdu => format!("ٹیگ {tags}"),
        LatinUrdu => format!("tag {tags}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_kept_apart_from_words_of_another_direction() {
        assert_eq!(quoted(English, "buy milk"), "\"buy milk\"");
        assert_eq!(quoted(English, "دودھ"), "\u{2068}\"دودھ\"\u{2069}");
        assert_eq!(quoted(Urdu, "buy milk"), "\u{2068}“buy milk”\u{2069}");
        assert_eq!(quoted(LatinUrdu, "doodh lana"), "“doodh lana”");
    }

    #[test]
    fn a_title_stays_in_its_line_and_between_its_quotation_marks() {
        assert_eq!(quoted(English, "milk\n2. \u{202e}bread\u{2069}"), "\"milk 2. bread\"");
        assert_eq!(quoted(Urdu, "a\u{2069}b"), "\u{2068}“ab”\u{2069}");
    }

    #[test]
    fn more_than_ten_titles_are_counted() {
        let many: Vec<_> = (1..=12).map(|number| number.to_string()).collect();
        let named = titles(English, &many);
        assert!(named.starts_with("\"1\", \"2\", ") && named.ends_with("\"10\" and 2 more"), "{named}");
        assert!(titles(Urdu, &many).ends_with("“10”\u{2069} اور مزید 2"));
        assert_eq!(titles(LatinUrdu, &many[..2]), "“1” aur “2”");
    }
}
