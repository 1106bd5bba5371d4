//! Why something is not done.

use language::Language::{self, English, LatinUrdu, Urdu};

use super::flaws::why;
use super::listed::none;
use super::phrase::quoted;
use crate::unfit::Flaw;

pub(crate) fn one_at_a_time(language: Language) -> String {
    match language {
        English => {
            "That is more than I can safely do at once, so nothing was changed. Please say one thing at a time."
        }
        Urdu => {
            "ایک ساتھ اتنا کچھ محفوظ طریقے سے نہیں ہو سکتا، اس لیے کچھ تبدیل نہیں کیا گیا۔ براہ کرم ایک وقت میں ایک بات کہیں۔"
        }
        LatinUrdu => {
            "Ek saath itna kuch mehfooz tareeqe se nahin ho sakta, is liye kuch tabdeel nahin kiya gaya. Barah-e-karam ek waqt \
             mein ek baat kahein."
        }
    }
    .to_owned()
}

pub(crate) fn expired(language: Language) -> String {
    match language {
        English => {
            "That was a while ago, so nothing was changed. Please say again what you would like me to do."
        }
        Urdu => {
            "اس بات کو کافی دیر ہو گئی، اس لیے کچھ تبدیل نہیں کیا گیا۔ براہ کرم دوبارہ بتائیں کہ کیا کرنا ہے۔"
        }
        LatinUrdu => {
            "Is baat ko kaafi der ho gayi, is liye kuch tabdeel nahin kiya gaya. Barah-e-karam dobara batayein ke kya karna hai."
        }
    }
    .to_owned()
}

pub(crate) fn impossible(language: Language, flaw: &Flaw) -> String {
    let why = why(language, flaw);
    match language {
        English => format!("I can not do that: {why}. Nothing was changed."),
        Urdu => format!("یہ نہیں ہو سکتا: {why}۔ کچھ تبدیل نہیں کیا گیا۔"),
        LatinUrdu => format!("Yeh nahin ho sakta: {why}. Kuch tabdeel nahin kiya gaya."),
    }
}

pub(crate) fn impossible_for(language: Language, title: &str, flaw: &Flaw) -> String {
    let (title, why) = (quoted(language, title), why(language, flaw));
    match language {
        English => format!("I can not do that to {title}: {why}. Nothing was changed."),
        Urdu => format!("کام {title} کے ساتھ یہ نہیں ہو سکتا: {why}۔ کچھ تبدیل نہیں کیا گیا۔"),
        LatinUrdu => {
            format!("Task {title} ke saath yeh nahin ho sakta: {why}. Kuch tabdeel nahin kiya gaya.")
        }
    }
}

pub(crate) fn gone(language: Language) -> String {
    match language {
        English => "That task is not there any more. Which task do you mean?",
        Urdu => "وہ کام اب موجود نہیں ہے۔ کون سا کام مراد ہے؟",
        LatinUrdu => "Woh task ab maujood nahin hai. Kaun sa task murad hai?",
    }
    .to_owned()
}

pub(crate) fn unknown_it(language: Language) -> String {
    match language {
        English => "I do not know which task you mean. Please name it.",
        Urdu => "یہ معلوم نہیں کہ کون سا کام مراد ہے۔ براہ کرم اس کا نام لیں۔",
        LatinUrdu => "Yeh maloom nahin ke kaun sa task murad hai. Barah-e-karam us ka naam lein.",
    }
    .to_owned()
}

pub(crate) fn unknown_number(language: Language, number: u32, shown: usize) -> String {
    match (language, shown) {
        (English, 0) => format!(
            "I have shown you no list lately, so I do not know which task number {number} is. Please name it."
        ),
        (Urdu, 0) => format!(
            "حال ہی میں کوئی فہرست نہیں دکھائی گئی، اس لیے یہ معلوم نہیں کہ کام نمبر {number} کون سا ہے۔ براہ کرم اس کا نام لیں۔"
        ),
        (LatinUrdu, 0) => format!(
            "Haal hi mein koi fehrist nahin dikhayi gayi, is liye yeh maloom nahin ke task number {number} kaun sa hai. \
             Barah-e-karam us ka naam lein."
        ),
        (English, 1) => {
            format!("There is no number {number}: I have shown you one task only. Which one do you mean?")
        }
        (Urdu, 1) => {
            format!("نمبر {number} کوئی نہیں ہے: صرف ایک کام دکھایا گیا تھا۔ کون سا کام مراد ہے؟")
        }
        (LatinUrdu, 1) => {
            format!("Number {number} koi nahin hai: sirf ek task dikhaya gaya tha. Kaun sa task murad hai?")
        }
        (English, _) => {
            format!("There is no number {number} in the list of {shown} tasks. Which one do you mean?")
        }
        (Urdu, _) => {
            format!("{shown} کاموں کی فہرست میں نمبر {number} نہیں ہے۔ کون سا کام مراد ہے؟")
        }
        (LatinUrdu, _) => {
            format!("{shown} task ki fehrist mein number {number} nahin hai. Kaun sa task murad hai?")
        }
    }
}

pub(crate) fn no_such_title(language: Language, title: &str) -> String {
    let title = quoted(language, title);
    match language {
        English => format!("I found no task {title}. Which task do you mean?"),
        Urdu => format!("کام {title} نہیں ملا۔ کون سا کام مراد ہے؟"),
        LatinUrdu => format!("Task {title} nahin mila. Kaun sa task murad hai?"),
    }
}

pub(crate) fn no_such_tasks(language: Language, of_kind: &str) -> String {
    let unchanged = match language {
        English => "Nothing was changed.",
        Urdu => "کچھ تبدیل نہیں کیا گیا۔",
        LatinUrdu => "Kuch tabdeel nahin kiya gaya.",
    };
    format!("{} {unchanged}", none(language, of_kind))
}

pub(crate) fn too_many(language: Language, most: usize) -> String {
    match language {
        English => format!(
            "That would be more than {most} tasks, which is more than I do at once. Nothing was changed. Please narrow it down, \
             for example by a day, a tag or a priority."
        ),
        Urdu => format!(
            "یہ {most} سے زیادہ کام ہوں گے، جو ایک ساتھ نہیں ہو سکتے۔ کچھ تبدیل نہیں کیا گیا۔ براہ کرم انتخاب محدود کریں، مثلاً \
             دن، ٹیگ یا ترجیح سے۔"
        ),
        LatinUrdu => format!(
            "Yeh {most} se zyada task honge, jo ek saath nahin ho sakte. Kuch tabdeel nahin kiya gaya. Barah-e-karam intikhab \
             mehdood karein, maslan din, tag ya tarjeeh se."
        ),
    }
}

#[cfg(test)]
mod tests {
    use domain::task::TextError;
    use events::Issue;

    use super::*;

    #[test]
    fn what_is_wrong_is_said_in_the_language_of_the_reply() {
        let fields = |path: &str, message: &str| {
            Flaw::Fields(vec![Issue { path: path.to_owned(), message: message.to_owned() }])
        };
        for (flaw, english, urdu, latin_urdu) in [
            (
                Flaw::Title(TextError::TooLong(500)),
                "I can not do that: the title must have at most 500 characters. Nothing was changed.",
                "یہ نہیں ہو سکتا: نام میں زیادہ سے زیادہ 500 حروف ہوں۔ کچھ تبدیل نہیں کیا گیا۔",
                "Yeh nahin ho sakta: naam mein zyada se zyada 500 huroof hon. Kuch tabdeel nahin kiya gaya.",
            ),
            (
                fields("reminder_config[0].at", "must not lie in the past"),
                "I can not do that: the time of the reminder has already passed. Nothing was changed.",
                "یہ نہیں ہو سکتا: یاد دہانی کا وقت گزر چکا ہے۔ کچھ تبدیل نہیں کیا گیا۔",
                "Yeh nahin ho sakta: yaad-dehani ka waqt guzar chuka hai. Kuch tabdeel nahin kiya gaya.",
            ),
            (
                fields("recurrence_rule.rrule", "is odd"),
                "I can not do that: the repetition is odd. Nothing was changed.",
                "یہ نہیں ہو سکتا: دہرائی قبول نہیں ہوئی (\u{2068}is odd\u{2069})۔ کچھ تبدیل نہیں کیا گیا۔",
                "Yeh nahin ho sakta: dohrai qabool nahin hui (is odd). Kuch tabdeel nahin kiya gaya.",
            ),
        ] {
            assert_eq!(impossible(English, &flaw), english);
            assert_eq!(impossible(Urdu, &flaw), urdu);
            assert_eq!(impossible(LatinUrdu, &flaw), latin_urdu);
        }
    }
}
