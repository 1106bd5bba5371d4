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
        English => "There is nothing to undo.",
        Urdu => "واپس لینے کے لیے کچھ نہیں ہے۔",
        LatinUrdu => "Wapas lene ke liye kuch nahin hai.",
    }
    .to_owned()
}

/// When nobody knows what was done last.
pub(crate) fn forgotten(language: Language) -> String {
    match language {
        English => {
            "I no longer know what was done last in this conversation, so nothing was changed. Please say what to do, such as \
             \"reopen the milk task\"."
        }
        Urdu => {
            "یہ اب معلوم نہیں کہ اس گفتگو میں آخری کام کیا ہوا تھا، اس لیے کچھ تبدیل نہیں کیا گیا۔ براہ کرم بتائیں کہ کیا کرنا ہے، جیسے \
             “دودھ والا کام دوبارہ کھولیں”۔"
        }
        LatinUrdu => {
            "Yeh ab maloom nahin ke is guftagu mein aakhri kaam kya hua tha, is liye kuch tabdeel nahin kiya gaya. Barah-e-karam \
             batayein ke kya karna hai, jaise “doodh wala kaam dobara kholein”."
        }
    }
    .to_owned()
}

/// When tasks were changed after what would be reverted.
pub(crate) fn changed_since(language: Language, changed: &[String]) -> String {
    let (count, names) = (changed.len(), titles(language, changed));
    match (language, count) {
        (English, 1) => {
            format!("I can not undo that: {names} was changed since then. It was left as it is.")
        }
        (English, _) => {
            format!("I can not undo that: {names} were changed since then. They were left as they are.")
        }
        (Urdu, 1) => {
            format!(
                "یہ واپس نہیں لیا جا سکتا: کام {names} میں اس کے بعد تبدیلی ہوئی ہے۔ اسے جوں کا توں رہنے دیا گیا۔"
            )
        }
        (Urdu, _) => format!(
            "یہ واپس نہیں لیا جا سکتا: ان کاموں میں اس کے بعد تبدیلی ہوئی ہے: {names}۔ انہیں جوں کا توں رہنے دیا گیا۔"
        ),
        (LatinUrdu, 1) => format!(
            "Yeh wapas nahin liya ja sakta: task {names} mein is ke baad tabdeeli hui hai. Ise joon ka toon rehne diya gaya."
        ),
        (LatinUrdu, _) => format!(
            "Yeh wapas nahin liya ja sakta: in task mein is ke baad tabdeeli hui hai: {names}. Inhein joon ka toon rehne diya gaya."
        ),
    }
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
        (Act::Update | Act::Snooze, English) => "as before",
        (Act::Update | Act::Snooze, Urdu) => "پہلے کی طرح",
        (Act::Update | Act::Snooze, LatinUrdu) => "pehle ki tarah",
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
