//! What is said, in the language of what was said to it: the three wordings of a message stand side by side, so that they are
//! proofread together.
//!
//! The user is addressed as آپ, and no wording depends on anybody's gender. Titles are quoted, and never anything but text.

mod acted;
mod created;
mod described;
mod flaws;
mod listed;
mod phrase;
mod proposed;
mod questions;
mod refusals;
mod repetition;
mod rrule;
mod snoozed;
mod spoken;
mod undone;
mod unit;
mod when;

use language::Language::{self, English, LatinUrdu, Urdu};

pub(crate) use acted::{
    acted, already, done_already_so_not_changed, left_out, nothing_to_do, successor_kept,
};
pub(crate) use created::{created, propose_creation};
pub(crate) use described::described;
pub(crate) use listed::{count, free, list, which};
pub(crate) use proposed::{changes, propose};
pub(crate) use questions::{
    deleted_series, doubtful_time, missing_change, missing_target, missing_time, missing_title, negated,
    no_such_date, no_such_time, not_a_yes_or_no, not_created, not_deleted, nothing_changed,
    nothing_to_confirm, propose_series, propose_undo, shall_i_create, skipped, snooze_until_when,
    too_far_away, unclear, unclear_act, unsupported_repetition, what_to_do, yes_alone, yes_or_no,
};
pub(crate) use refusals::{
    expired, gone, impossible, impossible_for, no_such_tasks, no_such_title, one_at_a_time, too_many,
    unknown_it, unknown_number,
};
pub(crate) use snoozed::snoozed;
pub(crate) use spoken::spoken;
pub(crate) use undone::{changed_since, forgotten, nothing_to_undo, undone};
pub(crate) use when::instant;

/// The greeting.
pub(crate) fn greeting(language: Language) -> String {
    match language {
        English => "Hello! Tell me what you have to do, or ask what is due. Say \"help\" for examples.",
        Urdu => {
            "السلام علیکم! بتائیں کہ کیا کام کرنا ہے، یا پوچھیں کہ آج کیا کیا کرنا ہے۔ مثالوں کے لیے “مدد” لکھیں۔"
        }
        LatinUrdu => {
            "Assalam-o-alaikum! Batayein ke kya kaam karna hai, ya poochein ke aaj kya kya karna hai. Misalon ke \
             liye “madad” likhein."
        }
    }
    .to_owned()
}

/// After thanks.
pub(crate) fn welcome(language: Language) -> String {
    match language {
        English => "You are welcome.",
        Urdu => "کوئی بات نہیں۔",
        LatinUrdu => "Koi baat nahin.",
    }
    .to_owned()
}

/// What can be said.
pub(crate) fn help(language: Language) -> String {
    match language {
        English => {
            "You can say:\n\
             - Create a task to buy milk tomorrow at 5pm\n\
             - Remind me to call mom on friday at 18:00\n\
             - What is due today?\n\
             - Move the milk task to monday\n\
             - Complete 2, delete the last one, undo"
        }
        Urdu => {
            "یوں کہیں:\n\
             - کل شام 5 بجے دودھ لانا ہے\n\
             - جمعہ کو شام 6 بجے امی کو فون کرنا یاد دلائیں\n\
             - آج کیا کیا کرنا ہے؟\n\
             - دودھ والا کام پیر پر کر دیں\n\
             - 2 مکمل کریں، آخری والا حذف کریں، واپس لیں"
        }
        LatinUrdu => {
            "Yun kahein:\n\
             - kal shaam 5 baje doodh lana hai\n\
             - jumma ko shaam 6 baje ammi ko phone karna yaad dilana\n\
             - aaj kya kya karna hai?\n\
             - doodh wala kaam peer par kar dein\n\
             - 2 mukammal karein, aakhri wala delete karein, wapas karein"
        }
    }
    .to_owned()
}

/// After a no.
pub(crate) fn dropped(language: Language, was_open: bool) -> String {
    match (language, was_open) {
        (English, true) => "All right, nothing was changed.",
        (Urdu, true) => "ٹھیک ہے، کچھ تبدیل نہیں کیا گیا۔",
        (LatinUrdu, true) => "Theek hai, kuch tabdeel nahin kiya gaya.",
        (English, false) => "All right. There was nothing to decide.",
        (Urdu, false) => "ٹھیک ہے۔ ہاں یا نہیں کا کوئی سوال باقی نہیں تھا۔",
        (LatinUrdu, false) => "Theek hai. Haan ya nahin ka koi sawal baqi nahin tha.",
    }
    .to_owned()
}

#[cfg(test)]
mod tests;
