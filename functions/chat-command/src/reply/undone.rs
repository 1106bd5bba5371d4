//! What was taken back.

use application::change::PlannedWrite;
use domain::settings::Settings;
use language::Language::{self, English, LatinUrdu, Urdu};

use super::acted::due;
use super::phrase::titles;
use crate::state::Act;

/// When there is nothing to revert.
pub(crate) fn nothing_to_undo(language: Language) -> String {
    match language {
        English => "There is nothing to undo in this conversation.",
        Urdu => "اس گفتگو میں واپس لینے کے لیے کچھ نہیں ہے۔",
        LatinUrdu => "Is guftagu mein wapas lene ke liye kuch nahin hai.",
    }
    .to_owned()
}

/// What was reverted.
pub(crate) fn undone(language: Language, act: Act, reverted: &[PlannedWrite], settings: &Settings) -> String {
    let names: Vec<_> = reverted.iter().map(|one| one.write.task.title.as_str().to_owned()).collect();
    let (count, names) = (names.len(), titles(language, &names));
    let due = match reverted {
        [one] if act != Act::Create => due(language, &one.write.task, settings),
        _ => String::new(),
    };
    let state = match (act, language) {
        (Act::Create, English) => "deleted again",
        (Act::Create, Urdu) => "حذف شدہ",
        (Act::Create, LatinUrdu) => "delete shuda",
        (Act::Complete, English) => "open again",
        (Act::Complete, Urdu) => "دوبارہ باقی",
        (Act::Complete, LatinUrdu) => "dobara baqi",
        (Act::Reopen, English) => "done again",
        (Act::Reopen, Urdu) => "دوبارہ مکمل",
        (Act::Reopen, LatinUrdu) => "dobara mukammal",
        (Act::Delete, English) => "back",
        (Act::Delete, Urdu) => "دوبارہ موجود",
        (Act::Delete, LatinUrdu) => "dobara maujood",
        (Act::Update, English) => "as before",
        (Act::Update, Urdu) => "پہلے کی طرح",
        (Act::Update, LatinUrdu) => "pehle ki tarah",
    };
    match (language, count) {
        (English, 1) => format!("Undone: {names} is {state}{due}."),
        (English, _) => format!("Undone: {count} tasks are {state}: {names}."),
        (Urdu, 1) => format!("پچھلا عمل واپس لے لیا گیا: کام {names} اب {state} ہے{due}۔"),
        (Urdu, _) => format!("پچھلا عمل واپس لے لیا گیا: یہ {count} کام اب {state} ہیں: {names}۔"),
        (LatinUrdu, 1) => format!("Pichla amal wapas le liya gaya: task {names} ab {state} hai{due}."),
        (LatinUrdu, _) => {
            format!("Pichla amal wapas le liya gaya: yeh {count} task ab {state} hain: {names}.")
        }
    }
}
