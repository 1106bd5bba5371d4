//! Short answers and courtesies: "yes", "undo", "thanks".

use crate::Action;
use crate::TaskFields;
use crate::token::{Kind, Text};

#[rustfmt::skip]
const YES: &[&str] = &[
    "yes", "y", "yes please", "yep", "yeah", "yup", "sure", "ok", "okay", "k", "confirm", "confirmed",
    "do it", "go ahead", "yes do it", "correct", "right", "that's right", "of course", "absolutely",
    "yes delete it", "yes delete them", "please do", "sounds good", "yes i am sure", "yes i'm sure",
    "i'm sure", "sure thing", "fine", "yes go ahead", "agreed", "yes delete", "ok do it", "affirmative",
    "yes of course", "definitely", "yes sure", "exactly",
];
#[rustfmt::skip]
const NO: &[&str] = &[
    "no", "n", "nope", "nah", "no thanks", "no thank you", "cancel", "stop", "never mind", "nevermind",
    "forget it", "don't", "do not", "no don't", "no do not", "cancel that", "cancel it", "abort", "not now",
    "no way", "no cancel", "leave it", "don't do it", "do not do it", "no stop", "keep it", "no keep it",
    "wait", "negative", "not really",
];
#[rustfmt::skip]
const UNDO: &[&str] = &[
    "undo", "undo that", "undo it", "undo this", "undo the last action", "undo last action",
    "undo the last one", "undo the last change", "undo last", "revert", "revert that", "take that back",
    "take it back", "undo please", "roll back", "undo my last action", "undo last change", "reverse that",
    "undo what you did", "oops undo",
];
#[rustfmt::skip]
const HELP: &[&str] = &[
    "help", "help me", "help please", "what can you do", "what can i say", "what can i ask",
    "how does this work", "what can you do for me", "how do i use this", "what do you do", "who are you",
    "commands", "usage", "instructions", "i need help", "can you help me", "can you help", "show help",
    "how can you help me", "how can you help",
];
#[rustfmt::skip]
const GREETINGS: &[&str] = &[
    "hi", "hello", "hey", "hi there", "hello there", "hey there", "good morning", "good afternoon",
    "good evening", "good day", "good night", "greetings", "salam", "salaam", "assalam o alaikum",
    "assalamualaikum", "howdy", "yo", "how are you", "hi how are you", "hello how are you", "what's up",
    "sup", "hi kaam", "hello kaam", "hey kaam", "good night kaam", "good morning kaam", "bye", "goodbye",
    "see you", "nice day",
];
#[rustfmt::skip]
const THANKS: &[&str] = &[
    "thanks", "thank you", "thank you very much", "thanks a lot", "thx", "ty", "many thanks",
    "thank you so much", "great", "great thanks", "ok thanks", "okay thanks", "ok thank you", "cool",
    "cool thanks", "perfect", "perfect thanks", "nice", "awesome", "good job", "well done",
    "thanks so much", "much appreciated", "cheers", "wonderful",
];

/// Understands a text that is nothing but a short answer or a courtesy.
pub(crate) fn read(text: &Text<'_>) -> Option<Action> {
    if text.len() > 8 || text.tokens.iter().any(|token| !matches!(token.kind, Kind::Word | Kind::Mark)) {
        return None;
    }
    let words: Vec<&str> = (0..text.len()).map(|at| text.word(at)).filter(|word| !word.is_empty()).collect();
    let said = words.join(" ");
    let is_in = |list: &[&str]| list.contains(&said.as_str());
    [(YES, Action::Yes), (NO, Action::No), (UNDO, Action::Undo), (HELP, Action::Help)]
        .into_iter()
        .chain([(GREETINGS, Action::Greeting), (THANKS, Action::Thanks)])
        .find(|(list, _)| is_in(list))
        .map(|(_, action)| action)
        .or_else(|| {
            (words.is_empty() && said.is_empty() && text.len() == 0)
                .then(|| Action::Unknown(TaskFields::default()))
        })
}
