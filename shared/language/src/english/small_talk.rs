//! Short answers and courtesies: "yes", "undo", "thanks".

use crate::Action;
use crate::TaskFields;
use crate::token::{Kind, Text};
use crate::words::{self, Words, words};

#[rustfmt::skip]
const YES: &Words = words![
    "yes", "y", "yes please", "yep", "yeah", "yup", "sure", "ok", "okay", "k", "confirm", "confirmed",
    "do it", "go ahead", "yes do it", "correct", "right", "that's right", "of course", "absolutely",
    "yes delete it", "yes delete them", "please do", "sounds good", "yes i am sure", "yes i'm sure",
    "i'm sure", "sure thing", "fine", "yes go ahead", "agreed", "yes delete", "ok do it", "affirmative",
    "yes of course", "definitely", "yes sure", "exactly", "yea", "ya", "yess", "yesss", "yep yep", "yes yes", "okey",
    "okie", "oki", "okay do it", "ok go ahead", "ok sure", "okay sure", "alright", "all right", "for sure", "why not",
    "go for it", "do that", "please go ahead", "yes i do", "yes that's right", "that's correct", "that is correct",
    "that is right", "yes correct", "yup do it", "yeah sure", "yeah do it", "yes go for it", "proceed", "i confirm",
    "make it so", "certainly", "by all means", "yes thanks", "yes thank you", "yeah please", "sure do it", "sure go ahead",
    "yes delete all", "yes delete all of them", "yes all of them", "uh huh", "yes i want to", "ofc",
];
#[rustfmt::skip]
const NO: &Words = words![
    "no", "n", "nope", "nah", "no thanks", "no thank you", "cancel", "stop", "never mind", "nevermind",
    "forget it", "don't", "do not", "no don't", "no do not", "cancel that", "cancel it", "abort", "not now",
    "no way", "no cancel", "leave it", "don't do it", "do not do it", "no stop", "keep it", "no keep it",
    "wait", "negative", "not really", "scratch that", "forget that", "that's wrong", "that's not right", "that is wrong", "wrong", "not that one",
    "that's not what i meant", "no that's not what i meant", "that's not what i said", "no that's wrong", "wrong one", "drop it", "no way jose", "hell no",
    "please don't", "please do not", "no please", "nope nope", "nevermind that", "never mind that", "nvm", "noo", "nooo",
    "no no", "stop it", "hold on", "hang on", "i changed my mind", "changed my mind", "not yet", "no cancel that",
    "absolutely not", "of course not", "certainly not", "leave them", "leave that", "keep them", "no leave it",
];
#[rustfmt::skip]
const UNDO: &Words = words![
    "undo", "undo that", "undo it", "undo this", "undo the last action", "undo last action",
    "undo the last one", "undo the last change", "undo last", "revert", "revert that", "take that back",
    "take it back", "undo please", "roll back", "undo my last action", "undo last change", "reverse that",
    "undo what you did", "oops undo", "undo that please", "please undo", "please undo that", "undo the last task",
    "undo delete", "undo the delete", "undo the deletion", "undo last delete", "undelete", "undelete it", "restore it",
    "bring it back", "put it back", "reverse it", "undo everything", "oops undo that", "revert it",
    "revert last action", "take it all back", "can you undo that", "undo my last change", "undo the completion",
    "that was a mistake", "that was wrong", "i didn't mean that", "i did not mean that", "i didn't mean to do that",
];
#[rustfmt::skip]
const HELP: &Words = words![
    "help", "help me", "help please", "what can you do", "what can i say", "what can i ask",
    "how does this work", "what can you do for me", "how do i use this", "what do you do", "who are you",
    "commands", "usage", "instructions", "i need help", "can you help me", "can you help", "show help",
    "how can you help me", "how can you help", "what are you", "what else can you do",
    "what can you do for us", "help pls", "show commands", "show me the commands", "what are the commands",
    "list commands", "examples", "show me examples", "give me an example", "how do you work", "how does it work",
];
#[rustfmt::skip]
const GREETINGS: &Words = words![
    "hi", "hello", "hey", "hi there", "hello there", "hey there", "good morning", "good afternoon",
    "good evening", "good day", "good night", "greetings", "salam", "salaam", "assalam o alaikum",
    "assalamualaikum", "howdy", "yo", "how are you", "hi how are you", "hello how are you", "what's up",
    "sup", "hi kaam", "hello kaam", "hey kaam", "good night kaam", "good morning kaam", "bye", "goodbye",
    "see you", "nice day", "hiya", "heya", "hallo", "good afternoon kaam", "hi again", "hello again",
    "hey how are you", "how is it going", "how's it going", "how are you doing", "how do you do", "see you later",
    "bye bye", "good bye", "nice to meet you", "hola", "aoa", "g'day",
];
#[rustfmt::skip]
const THANKS: &Words = words![
    "thanks", "thank you", "thank you very much", "thanks a lot", "thx", "ty", "many thanks",
    "thank you so much", "great", "great thanks", "ok thanks", "okay thanks", "ok thank you", "cool",
    "cool thanks", "perfect", "perfect thanks", "nice", "awesome", "good job", "well done",
    "thanks so much", "much appreciated", "cheers", "wonderful", "thank u", "thnx", "tysm", "thanks a bunch", "thanks a million",
    "thanks again", "thanks for your help", "thank you for your help", "thanks for the help", "thanks for that", "thanks mate", "ta", "lovely", "brilliant", "excellent", "fantastic", "amazing", "good", "very good",
    "great job", "nice one", "nice work", "that's great", "that's all", "that's all thanks", "no that's all",
    "appreciate it", "i appreciate it", "great thank you", "perfect thank you", "awesome thanks", "thanks kaam",
    "thank you kaam",
];

/// Understands a text that is nothing but a short answer or a courtesy.
pub(crate) fn read(text: &Text<'_>) -> Option<Action> {
    if text.len() > 8 || text.tokens.iter().any(|token| !matches!(token.kind, Kind::Word | Kind::Mark)) {
        return None;
    }
    if text.len() == 0 {
        return Some(Action::Unknown(TaskFields::default()));
    }
    let words = (0..text.len()).map(|at| text.word(at)).filter(|word| !word.is_empty());
    let mut words: Vec<&str> = words.collect();
    let is_slang = words.first()?.starts_with(['n', 'y']);
    let last = words.last_mut()?;
    *last = not_drawn_out(last, is_slang);
    let mut rows = words::rows_from(&LISTS, words[0]);
    let (_, action) = rows.find(|(row, _)| row.split(' ').eq(words.iter().copied()))?;
    Some(action.clone())
}

static LISTS: [(&Words, Action); 6] = [
    (YES, Action::Yes),
    (NO, Action::No),
    (UNDO, Action::Undo),
    (HELP, Action::Help),
    (GREETINGS, Action::Greeting),
    (THANKS, Action::Thanks),
];

/// Understands a thumb up or down, a tick or a cross, alone.
pub(crate) fn emoji(text: &Text<'_>) -> Option<Action> {
    let mut marks = text.source.chars().filter(|c| !c.is_whitespace() && !is_modifier(*c));
    let first = marks.next()?;
    let is_alone =
        text.tokens.iter().all(|token| token.kind == Kind::Mark) && marks.all(|mark| mark == first);
    match first {
        _ if !is_alone => None,
        '\u{1f44d}' | '\u{1f44c}' | '\u{2705}' | '\u{2714}' | '\u{1f197}' => Some(Action::Yes),
        '\u{1f44e}' | '\u{274c}' | '\u{1f6ab}' | '\u{2716}' | '\u{1f645}' => Some(Action::No),
        '\u{1f64f}' => Some(Action::Thanks),
        '\u{1f44b}' => Some(Action::Greeting),
        _ => None,
    }
}

/// Skin tones and the selector of the coloured form.
fn is_modifier(c: char) -> bool {
    matches!(c, '\u{1f3fb}'..='\u{1f3ff}' | '\u{fe0f}')
}

/// "yesss", "nooo", "okkk": a letter is drawn out at the end.
fn not_drawn_out(mut word: &str, is_slang: bool) -> &str {
    loop {
        let mut letters = word.chars().rev();
        let (Some(last), Some(second), Some(third)) = (letters.next(), letters.next(), letters.next()) else {
            return word;
        };
        if second != last || third != last && !(is_slang && matches!(last, 'o' | 's' | 'p')) {
            return word;
        }
        word = &word[..word.len() - last.len_utf8()];
    }
}
