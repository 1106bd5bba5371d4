//! Which language a reply is in: that of what was said, and where that has none ("2", "ok", "👍"), that of the conversation.

use domain::settings::Locale;
use language::Language::{self, English, Urdu};
use language::Parse;

use crate::understanding::SURE;

/// Words in Latin letters that people of every language write.
const EVERYWHERE: &[&str] = &[
    "ok",
    "okay",
    "k",
    "am",
    "pm",
    "a",
    "p",
    "m",
    "st",
    "nd",
    "rd",
    "th",
    "monday",
    "mon",
    "tuesday",
    "tue",
    "wednesday",
    "wed",
    "thursday",
    "thu",
    "friday",
    "fri",
    "saturday",
    "sat",
    "sunday",
    "sun",
    "january",
    "jan",
    "february",
    "feb",
    "march",
    "mar",
    "april",
    "apr",
    "may",
    "june",
    "jun",
    "july",
    "jul",
    "august",
    "aug",
    "september",
    "sep",
    "sept",
    "october",
    "oct",
    "november",
    "nov",
    "december",
    "dec",
];

/// English words that are said in Urdu too: alone they leave the language of a conversation as it is.
const LOANS: &[&str] = &[
    "undo", "delete", "snooze", "done", "yes", "no", "yeah", "help", "urgent", "high", "medium", "low",
    "priority", "task", "tasks", "cancel", "stop", "email",
];

/// Small words that make a sentence English even where it is not understood.
const ENGLISH: &[&str] = &[
    "the",
    "an",
    "to",
    "my",
    "me",
    "i",
    "it",
    "its",
    "is",
    "are",
    "was",
    "be",
    "what",
    "when",
    "where",
    "who",
    "why",
    "how",
    "which",
    "that",
    "this",
    "these",
    "those",
    "and",
    "or",
    "of",
    "in",
    "on",
    "at",
    "for",
    "from",
    "with",
    "not",
    "don't",
    "all",
    "please",
    "hello",
    "hi",
    "thanks",
    "thank",
    "you",
    "do",
    "does",
    "have",
    "has",
    "can",
    "tomorrow",
    "today",
    "yesterday",
    "every",
    "week",
    "month",
];

/// Gives the language of the reply to a text, given how it was parsed and the language of the conversation so far.
pub(crate) fn spoken(text: &str, parsed: &Parse, before: Option<Language>, locale: Locale) -> Language {
    if parsed.language != English {
        return parsed.language;
    }
    let lower = text.to_lowercase().replace('’', "'");
    let words = lower.split(|c: char| !c.is_alphabetic() && c != '\'').filter(|word| !word.is_empty());
    if words.clone().all(|word| EVERYWHERE.contains(&word)) {
        let of_locale = if locale == Locale::UrPk { Urdu } else { English };
        return before.unwrap_or(of_locale);
    }
    // A bare name, such as the title that was asked for, does not change the language of the conversation either.
    let is_loan = words.clone().all(|word| EVERYWHERE.contains(&word) || LOANS.contains(&word));
    let is_english =
        !is_loan && (parsed.confidence >= SURE || words.clone().any(|word| ENGLISH.contains(&word)));
    before.filter(|_| !is_english).unwrap_or(English)
}

#[cfg(test)]
mod tests {
    use language::Language::LatinUrdu;

    use super::*;

    fn parsed(language: Language, confidence: f64) -> Parse {
        Parse { language, commands: Vec::new(), confidence, problem: None }
    }

    #[test]
    fn what_has_no_language_of_its_own_is_answered_in_that_of_the_conversation() {
        for text in ["2", "ok", "👍", "5pm", "friday 17:30", "22/11/2026", "30 Nov"] {
            let parsed = parsed(English, 0.9);
            for before in [English, Urdu, LatinUrdu] {
                assert_eq!(spoken(text, &parsed, Some(before), Locale::EnUs), before, "{text}");
            }
            assert_eq!(spoken(text, &parsed, None, Locale::UrPk), Urdu, "{text}");
            assert_eq!(spoken(text, &parsed, None, Locale::EnGb), English, "{text}");
        }
    }

    #[test]
    fn what_was_said_decides_before_the_conversation_and_the_locale() {
        for (text, language) in
            [("kal doodh lana hai", LatinUrdu), ("کل دودھ لانا ہے", Urdu), ("show my tasks", English)]
        {
            let parsed = parsed(language, 0.9);
            assert_eq!(spoken(text, &parsed, Some(Urdu), Locale::UrPk), language, "{text}");
        }
        assert_eq!(spoken("what's the weather", &parsed(English, 0.3), Some(Urdu), Locale::UrPk), English);
    }

    #[test]
    fn a_bare_name_or_a_loan_leaves_the_language_as_it_is() {
        for text in ["undo", "yes", "delete 2"] {
            assert_eq!(spoken(text, &parsed(English, 0.9), Some(Urdu), Locale::EnUs), Urdu, "{text}");
            assert_eq!(spoken(text, &parsed(English, 0.9), None, Locale::UrPk), English, "{text}");
        }
        let parsed = parsed(English, 0.5);
        assert_eq!(spoken("dentist", &parsed, Some(LatinUrdu), Locale::EnUs), LatinUrdu);
        assert_eq!(spoken("dentist", &parsed, None, Locale::UrPk), English);
    }
}
