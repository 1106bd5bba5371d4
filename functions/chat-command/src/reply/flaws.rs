//! What of a task can not be kept: the usual ones in words, the others framed as they are.

use domain::task::{MAX_TAGS, Refusal, TextError};
use events::Issue;
use language::Language::{self, English, LatinUrdu, Urdu};

use super::phrase::{comma, isolated};
use crate::unfit::Flaw;

/// Says what can not be kept, without a full stop.
pub(super) fn why(language: Language, flaw: &Flaw) -> String {
    let words = match (flaw, language) {
        (Flaw::Title(error), _) => {
            let name = match language {
                English => "the title",
                Urdu => "نام",
                LatinUrdu => "naam",
            };
            return of_text(language, name, error);
        }
        (Flaw::Description(error), _) => {
            let name = match language {
                English => "the description",
                Urdu => "تفصیل",
                LatinUrdu => "tafseel",
            };
            return of_text(language, name, error);
        }
        (Flaw::Tag(error), _) => {
            let name = match language {
                English => "a tag",
                Urdu => "ٹیگ",
                LatinUrdu => "tag",
            };
            return of_text(language, name, error);
        }
        (Flaw::Fields(issues), _) => {
            let all: Vec<_> = issues.iter().map(|issue| of_field(language, issue)).collect();
            return all.join(if language == English { "; " } else { comma(language) });
        }
        (Flaw::Other(text), English) => return text.clone(),
        (Flaw::Other(text), Urdu) => return isolated(text),
        (Flaw::Other(text), LatinUrdu) => return text.clone(),
        (Flaw::TooManyTags, English) => return format!("a task has at most {MAX_TAGS} tags"),
        (Flaw::TooManyTags, Urdu) => return format!("ایک کام کے زیادہ سے زیادہ {MAX_TAGS} ٹیگ ہو سکتے ہیں"),
        (Flaw::TooManyTags, LatinUrdu) => {
            return format!("ek task ke zyada se zyada {MAX_TAGS} tag ho sakte hain");
        }
        (Flaw::NoDueTime, English) => "it has no due time that could be moved",
        (Flaw::NoDueTime, Urdu) => "اس کا کوئی وقت مقرر نہیں جسے بدلا جا سکے",
        (Flaw::NoDueTime, LatinUrdu) => "is ka koi waqt muqarrar nahin jise badla ja sake",
        (Flaw::WholeDay, English) => "it is due on a whole day; name the new time instead",
        (Flaw::WholeDay, Urdu) => "یہ پورے دن کا کام ہے؛ نیا وقت بتائیں",
        (Flaw::WholeDay, LatinUrdu) => "yeh poore din ka task hai; naya waqt batayein",
        (Flaw::TooFar, English) => "the due time would be too far away",
        (Flaw::TooFar, Urdu) => "وہ وقت بہت دور ہے",
        (Flaw::TooFar, LatinUrdu) => "woh waqt bohat door hai",
        (Flaw::Status(Refusal::Deleted), English) => "the task is deleted; restore it first",
        (Flaw::Status(Refusal::Deleted), Urdu) => "یہ کام حذف شدہ ہے؛ پہلے اسے بحال کریں",
        (Flaw::Status(Refusal::Deleted), LatinUrdu) => "yeh task delete shuda hai; pehle ise bahal karein",
        (Flaw::Status(Refusal::Completed), English) => "the task is completed; reopen it first",
        (Flaw::Status(Refusal::Completed), Urdu) => "یہ کام مکمل ہے؛ پہلے اسے دوبارہ کھولیں",
        (Flaw::Status(Refusal::Completed), LatinUrdu) => "yeh task mukammal hai; pehle ise dobara kholein",
    };
    words.to_owned()
}

fn of_text(language: Language, name: &str, error: &TextError) -> String {
    match (error, language) {
        (_, English) => format!("{name} {error}"),
        (TextError::Blank, Urdu) => format!("{name} خالی نہ ہو"),
        (TextError::Blank, LatinUrdu) => format!("{name} khali na ho"),
        (TextError::TooLong(most), Urdu) => format!("{name} میں زیادہ سے زیادہ {most} حروف ہوں"),
        (TextError::TooLong(most), LatinUrdu) => format!("{name} mein zyada se zyada {most} huroof hon"),
        (TextError::Nul, Urdu) => format!("{name} میں حرف U+0000 نہ ہو"),
        (TextError::Nul, LatinUrdu) => format!("{name} mein harf U+0000 na ho"),
    }
}

/// Field, a part of what is said of it there, and that in words for people; the others are framed as they are.
pub(super) const ISSUES: [(&str, &str, [&str; 3]); 11] = [
    (
        "until",
        "must not lie in the past",
        ["that time has already passed", "وہ وقت گزر چکا ہے", "woh waqt guzar chuka hai"],
    ),
    (
        "until",
        "must lie within 366 days",
        ["that is more than a year ahead", "وہ ایک سال سے زیادہ آگے ہے", "woh ek saal se zyada aage hai"],
    ),
    (
        "reminder_config",
        "must not lie in the past",
        [
            "the time of the reminder has already passed",
            "یاد دہانی کا وقت گزر چکا ہے",
            "yaad-dehani ka waqt guzar chuka hai",
        ],
    ),
    (
        "reminder_config",
        "must not lie after the due time",
        [
            "the reminder would come after the due time",
            "یاد دہانی مقررہ وقت کے بعد ہو گی",
            "yaad-dehani muqarrara waqt ke baad hogi",
        ],
    ),
    (
        "reminder_config",
        "needs a due_date",
        [
            "the reminder needs a due time",
            "یاد دہانی کے لیے مقررہ وقت ضروری ہے",
            "yaad-dehani ke liye muqarrara waqt zaroori hai",
        ],
    ),
    (
        "recurrence_rule",
        "needs a due_date",
        [
            "the repetition needs a due date, from which it counts",
            "دہرائی کے لیے پہلی تاریخ ضروری ہے",
            "dohrai ke liye pehli tareekh zaroori hai",
        ],
    ),
    (
        "recurrence_rule",
        "lie before the due_date",
        [
            "the repetition would end before the due date",
            "دہرائی پہلی تاریخ سے پہلے ختم ہو جائے گی",
            "dohrai pehli tareekh se pehle khatam ho jayegi",
        ],
    ),
    (
        "recurrence_rule",
        "gives no date after the due_date",
        [
            "the repetition gives no date after the first one",
            "اس دہرائی سے پہلی تاریخ کے بعد کوئی تاریخ نہیں بنتی",
            "is dohrai se pehli tareekh ke baad koi tareekh nahin banti",
        ],
    ),
    (
        "recurrence_rule",
        "chooses times of day",
        [
            "the repetition chooses times of day, so the due date needs one",
            "اس دہرائی کے لیے دن کے ساتھ وقت بھی ضروری ہے",
            "is dohrai ke liye din ke saath waqt bhi zaroori hai",
        ],
    ),
    // Every other date that is made here can be read.
    (
        "due_date",
        "is not a date",
        [
            "the year must be between 1 and 9999",
            "سال 1 سے 9999 تک ہونا چاہیے",
            "saal 1 se 9999 tak hona chahiye",
        ],
    ),
    (
        "due_date",
        "the year must be between",
        [
            "the year must be between 1 and 9999",
            "سال 1 سے 9999 تک ہونا چاہیے",
            "saal 1 se 9999 tak hona chahiye",
        ],
    ),
];

/// Gives the place among [`ISSUES`].
pub(super) fn known(issue: &Issue) -> Option<usize> {
    let field = field_of(issue);
    ISSUES.iter().position(|(of, part, _)| *of == field && issue.message.contains(part))
}

fn field_of(issue: &Issue) -> &str {
    issue.path.split(['.', '[']).next().unwrap_or_default()
}

fn of_field(language: Language, issue: &Issue) -> String {
    if let Some(place) = known(issue) {
        let (_, _, [english, urdu, latin_urdu]) = &ISSUES[place];
        return match language {
            English => *english,
            Urdu => *urdu,
            LatinUrdu => *latin_urdu,
        }
        .to_owned();
    }
    let message = &issue.message;
    match (field_of(issue), language) {
        ("due_date", English) => format!("the due time {message}"),
        ("due_date", Urdu) => format!("مقررہ وقت قبول نہیں ہوا ({})", isolated(message)),
        ("due_date", LatinUrdu) => format!("muqarrara waqt qabool nahin hua ({message})"),
        ("reminder_config", English) => format!("the reminder {message}"),
        ("reminder_config", Urdu) => format!("یاد دہانی قبول نہیں ہوئی ({})", isolated(message)),
        ("reminder_config", LatinUrdu) => format!("yaad-dehani qabool nahin hui ({message})"),
        ("recurrence_rule", English) => format!("the repetition {message}"),
        ("recurrence_rule", Urdu) => format!("دہرائی قبول نہیں ہوئی ({})", isolated(message)),
        ("recurrence_rule", LatinUrdu) => format!("dohrai qabool nahin hui ({message})"),
        (_, English) => format!("the task {message}"),
        (_, Urdu) => format!("کام قبول نہیں ہوا ({})", isolated(message)),
        (_, LatinUrdu) => format!("task qabool nahin hua ({message})"),
    }
}
