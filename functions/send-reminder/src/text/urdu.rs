//! Urdu, in Arabic script.

use chrono::{Datelike, NaiveDate};

use super::Wording;

/// From Monday.
const WEEKDAYS: [&str; 7] = ["پیر", "منگل", "بدھ", "جمعرات", "جمعہ", "ہفتہ", "اتوار"];
const MONTHS: [&str; 12] =
    ["جنوری", "فروری", "مارچ", "اپریل", "مئی", "جون", "جولائی", "اگست", "ستمبر", "اکتوبر", "نومبر", "دسمبر"];

pub(super) const WORDING: Wording = Wording {
    lang: "ur",
    dir: "rtl",
    reminder: |title| format!("یاد دہانی: {title}"),
    missed: |count| match count {
        1 => "1 یاد دہانی جو رہ گئی".to_owned(),
        _ => format!("{count} یاد دہانیاں جو رہ گئیں"),
    },
    date,
    // The zone's name is Latin: isolated, its slash and the brackets stay where they are.
    moment: |date, time, zone| format!("{date}، {time} بجے (\u{2066}{zone}\u{2069})"),
    due: |when| format!("مقررہ وقت: {when}"),
    was_due: |when| format!("مقررہ وقت گزر چکا ہے: {when}"),
    high_priority: "ترجیح: زیادہ",
    low_priority: "ترجیح: کم",
    done: "ہو گیا",
    snooze: "10 منٹ بعد",
};

fn date(date: NaiveDate) -> String {
    let weekday = WEEKDAYS[date.weekday().num_days_from_monday() as usize];
    let month = MONTHS[date.month0() as usize];
    format!("{weekday}، {} {month} {}", date.day(), date.year())
}
