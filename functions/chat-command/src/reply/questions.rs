//! Questions back: what is unclear, or missing.

use chrono::NaiveDate;
use chrono_tz::Tz;
use domain::due::Due;
use language::Language::{self, English, LatinUrdu, Urdu};

use super::phrase::{quoted, titles};
use super::when;
use crate::state::Act;
use crate::understanding::Wants;

pub(crate) fn negated(language: Language) -> String {
    match language {
        English => {
            "I understood that you do not want something done, so nothing was changed. What would you like me to do?"
        }
        Urdu => "معلوم ہوتا ہے کہ یہ نہیں کرنا، اس لیے کچھ تبدیل نہیں کیا گیا۔ بتائیں، کیا کرنا ہے؟",
        LatinUrdu => {
            "Maloom hota hai ke yeh nahin karna, is liye kuch tabdeel nahin kiya gaya. Batayein, kya karna hai?"
        }
    }
    .to_owned()
}

pub(crate) fn no_such_date(language: Language, text: &str, suggestion: NaiveDate) -> String {
    let (text, suggestion) = (quoted(language, text), when::day(language, suggestion));
    match language {
        English => format!("{text} does not exist. Did you mean {suggestion}? Nothing was changed yet."),
        Urdu => {
            format!("{text} کوئی تاریخ نہیں ہے۔ کیا {suggestion} مراد ہے؟ ابھی کچھ تبدیل نہیں کیا گیا۔")
        }
        LatinUrdu => format!(
            "{text} koi tareekh nahin hai. Kya {suggestion} murad hai? Abhi kuch tabdeel nahin kiya gaya."
        ),
    }
}

pub(crate) fn no_such_time(language: Language, text: &str) -> String {
    let text = quoted(language, text);
    match language {
        English => format!("There is no time {text}. Which time do you mean? Nothing was changed yet."),
        Urdu => format!("{text} کوئی وقت نہیں ہے۔ کون سا وقت مراد ہے؟ ابھی کچھ تبدیل نہیں کیا گیا۔"),
        LatinUrdu => {
            format!("{text} koi waqt nahin hai. Kaun sa waqt murad hai? Abhi kuch tabdeel nahin kiya gaya.")
        }
    }
}

pub(crate) fn unsupported_repetition(language: Language, text: &str, can_create: bool) -> String {
    let text = quoted(language, text);
    let problem = match language {
        English => {
            format!("I can not repeat a task {text}. Say it another way, such as \"every 2 weeks on monday\"")
        }
        Urdu => {
            format!("کام اس طرح نہیں دہرایا جا سکتا: {text}۔ کسی اور طرح کہیں، جیسے “ہر 2 ہفتے بعد پیر کو”")
        }
        LatinUrdu => format!(
            "Task is tarah nahin dohraya ja sakta: {text}. Kisi aur tarah kahein, jaise “har 2 hafte baad peer ko”"
        ),
    };
    let otherwise = match (language, can_create) {
        (English, true) => ", or say yes to create the task without a repetition.",
        (Urdu, true) => "، یا دہرائی کے بغیر کام بنانے کے لیے “ہاں” کہیں۔",
        (LatinUrdu, true) => ", ya dohrai ke baghair task banane ke liye “haan” kahein.",
        (English | LatinUrdu, false) => ".",
        (Urdu, false) => "۔",
    };
    problem + otherwise
}

pub(crate) fn missing_title(language: Language) -> String {
    match language {
        English => "What should the task be called?",
        Urdu => "کام کا نام کیا رکھا جائے؟",
        LatinUrdu => "Task ka naam kya rakha jaye?",
    }
    .to_owned()
}

pub(crate) fn missing_target(language: Language) -> String {
    match language {
        English => "Which task do you mean?",
        Urdu => "کون سا کام مراد ہے؟",
        LatinUrdu => "Kaun sa task murad hai?",
    }
    .to_owned()
}

pub(crate) fn missing_change(language: Language) -> String {
    match language {
        English => "What should change? For example \"to friday at 5pm\" or \"high priority\".",
        Urdu => "کیا تبدیل کرنا ہے؟ مثلاً “جمعہ کو شام 5 بجے” یا “زیادہ ترجیح”۔",
        LatinUrdu => "Kya tabdeel karna hai? Maslan “jumma ko shaam 5 baje” ya “zyada tarjeeh”.",
    }
    .to_owned()
}

pub(crate) fn missing_time(language: Language) -> String {
    match language {
        English => "When? Please name a day or a time.",
        Urdu => "کب؟ براہ کرم کوئی دن یا وقت بتائیں۔",
        LatinUrdu => "Kab? Barah-e-karam koi din ya waqt batayein.",
    }
    .to_owned()
}

pub(crate) fn shall_i_create(language: Language, title: &str) -> String {
    let title = quoted(language, title);
    match language {
        English => {
            format!("I am not sure what you mean. Shall I create a task {title}? Nothing was changed yet.")
        }
        Urdu => {
            format!("بات پوری طرح واضح نہیں ہوئی۔ کیا کام {title} بنا دیا جائے؟ ابھی کچھ تبدیل نہیں کیا گیا۔")
        }
        LatinUrdu => format!(
            "Baat poori tarah wazeh nahin hui. Kya task {title} bana diya jaye? Abhi kuch tabdeel nahin kiya gaya."
        ),
    }
}

pub(crate) fn unclear_act(language: Language, said: &str) -> String {
    let said = quoted(language, said);
    match language {
        English => format!(
            "I am not sure whether {said} is something that you have still to do. Say \"create a task to …\" for a new task, or \
             name the task that you mean, such as \"mark the milk task as done\". Nothing was changed."
        ),
        Urdu => format!(
            "یہ واضح نہیں ہوا کہ {said} ابھی کرنا ہے یا ہو چکا ہے۔ نئے کام کے لیے “… کا کام بنائیں” کہیں، یا کام کا نام لیں، جیسے \
             “دودھ والا کام مکمل کریں”۔ کچھ تبدیل نہیں کیا گیا۔"
        ),
        LatinUrdu => format!(
            "Yeh wazeh nahin hua ke {said} abhi karna hai ya ho chuka hai. Naye task ke liye “… ka task banayein” kahein, ya task \
             ka naam lein, jaise “doodh wala task mukammal karein”. Kuch tabdeel nahin kiya gaya."
        ),
    }
}

pub(crate) fn unclear(language: Language) -> String {
    match language {
        English => {
            "I am not sure what you would like me to do, so nothing was changed. Say \"help\" for examples."
        }
        Urdu => {
            "یہ واضح نہیں ہوا کہ کیا کرنا ہے، اس لیے کچھ تبدیل نہیں کیا گیا۔ مثالوں کے لیے “مدد” لکھیں۔"
        }
        LatinUrdu => {
            "Yeh wazeh nahin hua ke kya karna hai, is liye kuch tabdeel nahin kiya gaya. Misalon ke liye “madad” likhein."
        }
    }
    .to_owned()
}

pub(crate) fn yes_or_no(language: Language) -> String {
    match language {
        English => "Please answer yes or no first. Nothing was changed yet.",
        Urdu => "براہ کرم پہلے ہاں یا نہیں میں جواب دیں۔ ابھی کچھ تبدیل نہیں کیا گیا۔",
        LatinUrdu => "Barah-e-karam pehle haan ya nahin mein jawab dein. Abhi kuch tabdeel nahin kiya gaya.",
    }
    .to_owned()
}

pub(crate) fn nothing_to_confirm(language: Language) -> String {
    match language {
        English => "There is nothing that waits for a yes. What would you like me to do?",
        Urdu => "ہاں یا نہیں کا کوئی سوال باقی نہیں۔ بتائیں، کیا کرنا ہے؟",
        LatinUrdu => "Haan ya nahin ka koi sawal baqi nahin. Batayein, kya karna hai?",
    }
    .to_owned()
}

pub(crate) fn not_a_yes_or_no(language: Language, wants: &Wants) -> String {
    match wants {
        Wants::Title => missing_title(language),
        Wants::When => missing_time(language),
        Wants::Target => missing_target(language),
        Wants::Change => missing_change(language),
        Wants::Words { instead_of, .. } => {
            let words = quoted(language, instead_of);
            match language {
                English => format!("What do you mean instead of {words}?"),
                Urdu => format!("{words} کی جگہ کیا ہونا چاہیے؟"),
                LatinUrdu => format!("{words} ki jagah kya hona chahiye?"),
            }
        }
    }
}

/// When a day and a time were understood that can not both be so.
pub(crate) fn doubtful_time(language: Language) -> String {
    match language {
        English => {
            "I am not sure which day and time you mean, so nothing was changed. Please name them, such as \"friday at 5pm\"."
        }
        Urdu => {
            "دن اور وقت واضح نہیں، اس لیے کچھ تبدیل نہیں کیا گیا۔ براہ کرم دن اور وقت بتائیں، جیسے “جمعہ کو شام 5 بجے”۔"
        }
        LatinUrdu => {
            "Din aur waqt wazeh nahin, is liye kuch tabdeel nahin kiya gaya. Barah-e-karam din aur waqt batayein, \
             jaise “jumma ko shaam 5 baje”."
        }
    }
    .to_owned()
}

/// When a task that a time was asked for is left for something else.
pub(crate) fn not_created(language: Language, title: &str) -> String {
    let title = quoted(language, title);
    match language {
        English => format!("The task {title} was not created."),
        Urdu => format!("کام {title} نہیں بنایا گیا۔"),
        LatinUrdu => format!("Task {title} nahin banaya gaya."),
    }
}

/// When a deletion that waited is dropped.
pub(crate) fn not_deleted(language: Language) -> String {
    match language {
        English => "I did not delete anything.",
        Urdu => "کچھ حذف نہیں کیا گیا۔",
        LatinUrdu => "Kuch delete nahin kiya gaya.",
    }
    .to_owned()
}

/// When another proposal that waited is dropped.
pub(crate) fn nothing_changed(language: Language) -> String {
    match language {
        English => "Nothing was changed.",
        Urdu => "کچھ تبدیل نہیں کیا گیا۔",
        LatinUrdu => "Kuch tabdeel nahin kiya gaya.",
    }
    .to_owned()
}

/// When a yes comes with something else.
pub(crate) fn yes_alone(language: Language) -> String {
    match language {
        English => {
            "Please say only yes or no first, and the rest in a message of its own. Nothing was changed yet."
        }
        Urdu => {
            "براہ کرم پہلے صرف ہاں یا نہیں کہیں، اور باقی بات الگ پیغام میں لکھیں۔ ابھی کچھ تبدیل نہیں کیا گیا۔"
        }
        LatinUrdu => {
            "Barah-e-karam pehle sirf haan ya nahin kahein, aur baqi baat alag paigham mein likhein. Abhi kuch tabdeel nahin \
             kiya gaya."
        }
    }
    .to_owned()
}

/// When a day is so far away that it can not be meant.
pub(crate) fn too_far_away(language: Language, text: &str) -> String {
    let text = quoted(language, text);
    match language {
        English => format!("{text} is too far away. Nothing was changed yet. Please name a nearer day."),
        Urdu => format!("{text} بہت دور ہے۔ ابھی کچھ تبدیل نہیں کیا گیا۔ براہ کرم کوئی قریب کا دن بتائیں۔"),
        LatinUrdu => format!(
            "{text} bahut door hai. Abhi kuch tabdeel nahin kiya gaya. Barah-e-karam koi qareeb ka din batayein."
        ),
    }
}

/// When a number of the list was said, and nothing else.
pub(crate) fn what_to_do(language: Language, title: &str) -> String {
    let title = quoted(language, title);
    match language {
        English => {
            format!("What shall I do with {title}? For example \"complete it\" or \"move it to friday\".")
        }
        Urdu => format!("کام {title} کا کیا کرنا ہے؟ مثلاً “اسے مکمل کریں” یا “اسے جمعہ پر کر دیں”۔"),
        LatinUrdu => {
            format!(
                "Task {title} ka kya karna hai? Maslan “ise mukammal karein” ya “ise jumma par kar dein”."
            )
        }
    }
}

/// When a task is to be snoozed for no time at all.
pub(crate) fn snooze_until_when(language: Language) -> String {
    match language {
        English => "For how long? For example \"snooze it for 10 minutes\". Nothing was changed yet.",
        Urdu => "کتنی دیر کے لیے؟ مثلاً “10 منٹ بعد یاد دلائیں”۔ ابھی کچھ تبدیل نہیں کیا گیا۔",
        LatinUrdu => {
            "Kitni der ke liye? Maslan “10 minute baad yaad dilayein”. Abhi kuch tabdeel nahin kiya gaya."
        }
    }
    .to_owned()
}

/// Before something is taken back that was done elsewhere.
pub(crate) fn propose_undo(language: Language, was: Act, changed: &[String]) -> String {
    let names = titles(language, changed);
    match language {
        English => {
            let done = match was {
                Act::Create => "created",
                Act::Complete => "marked as done",
                Act::Reopen => "opened again",
                Act::Delete => "deleted",
                Act::Update | Act::Snooze => "changed",
            };
            format!(
                "There is nothing to undo in this conversation. What you did last elsewhere: {names} {done}. Shall I undo that? \
                 Please answer yes or no."
            )
        }
        Urdu => {
            let done = match was {
                Act::Create => "نیا کام",
                Act::Complete => "مکمل",
                Act::Reopen => "دوبارہ کھلا",
                Act::Delete => "حذف",
                Act::Update | Act::Snooze => "تبدیلی",
            };
            format!(
                "اس گفتگو میں واپس لینے کے لیے کچھ نہیں ہے۔ کہیں اور آخری عمل یہ تھا: {names} ({done})۔ کیا اسے واپس لیا جائے؟ براہ کرم \
                 ہاں یا نہیں میں جواب دیں۔"
            )
        }
        LatinUrdu => {
            let done = match was {
                Act::Create => "naya task",
                Act::Complete => "mukammal",
                Act::Reopen => "dobara khula",
                Act::Delete => "delete",
                Act::Update | Act::Snooze => "tabdeeli",
            };
            format!(
                "Is guftagu mein wapas lene ke liye kuch nahin hai. Kahin aur aakhri amal yeh tha: {names} ({done}). Kya ise wapas \
                 liya jaye? Barah-e-karam haan ya nahin mein jawab dein."
            )
        }
    }
}

/// When one of a series was deleted, and the next takes its place.
pub(crate) fn skipped(language: Language, title: &str, next: Due, zone: Tz) -> String {
    let (title, next) = (quoted(language, title), when::due(language, next, zone));
    match language {
        English => format!(
            "Skipped {title} this time; it is due again {next}. Say \"undo\" to bring this one back, or \"delete the series\" to \
             delete all of them."
        ),
        Urdu => format!(
            "کام {title} اس بار چھوڑ دیا گیا؛ اگلی بار {next}۔ اسے بحال کرنے کے لیے “واپس لیں” لکھیں، یا سب حذف کرنے کے لیے “پورا سلسلہ \
             حذف کریں”۔"
        ),
        LatinUrdu => format!(
            "Task {title} is baar chhor diya gaya; agli baar {next}. Ise bahal karne ke liye “wapas karein” likhein, ya sab delete \
             karne ke liye “poora silsila delete karein”."
        ),
    }
}

/// Before a series is deleted.
pub(crate) fn propose_series(language: Language, title: &str) -> String {
    let title = quoted(language, title);
    match language {
        English => format!(
            "Shall I delete {title} with all its repetitions, past and to come? Please answer yes or no."
        ),
        Urdu => format!(
            "کیا کام {title} اپنی تمام گزشتہ اور آئندہ باریوں سمیت حذف کر دیا جائے؟ براہ کرم ہاں یا نہیں میں جواب دیں۔"
        ),
        LatinUrdu => format!(
            "Kya task {title} apni tamam guzishta aur aainda baariyon samet delete kar diya jaye? Barah-e-karam haan ya nahin mein \
             jawab dein."
        ),
    }
}

/// When a series was deleted.
pub(crate) fn deleted_series(language: Language, title: &str) -> String {
    let title = quoted(language, title);
    match language {
        English => format!("Deleted {title} with all its repetitions. Say \"undo\" to bring them back."),
        Urdu => {
            format!("کام {title} تمام باریوں سمیت حذف کر دیا گیا۔ بحال کرنے کے لیے “واپس لیں” لکھیں۔")
        }
        LatinUrdu => format!(
            "Task {title} tamam baariyon samet delete kar diya gaya. Bahal karne ke liye “wapas karein” likhein."
        ),
    }
}
