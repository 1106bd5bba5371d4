//! Days, as they are said: "کل", "اگلے جمعے", "5 دسمبر", "مہینے کی 5 تاریخ".

use chrono::{Datelike, Days, Months, NaiveDate, Weekday};

use crate::english::fixed_date;
use crate::meaning::calendar;
use crate::meaning::day::Day;
use crate::meaning::lead::Lead;
use crate::token::Text;
use crate::urdu::{boundary, clock, names, number, verb};
use crate::words::{Table, Words, words};
use crate::{Context, Problem};

/// What a date phrase says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reading {
    /// A day.
    Day(Day, Lead),
    /// A day that does not exist.
    Bad(Problem),
}

/// Where a phrase stands, which decides whether it is a date, and which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// Whether a date or a time ends right before it.
    pub(crate) beside_date: bool,
    /// Whether tasks are asked for: then "کل کے کام" are those of a day.
    pub(crate) in_query: bool,
    /// Whether what was done is spoken of: then کل is yesterday.
    pub(crate) is_past: bool,
    /// Whether it is the new value of a date.
    pub(crate) is_value: bool,
}

/// Reads a day, with the words that say what it is to the task: "کو", "تک", "سے پہلے".
pub(crate) fn read(text: &Text<'_>, at: usize, place: Place, context: &Context) -> Option<(Reading, usize)> {
    let today = context.now.date();
    if let Some((found, end)) = fixed(text, at, today) {
        return Some(match found {
            Ok(day) => {
                let (lead, end) = lead(text, end);
                (Reading::Day(day, lead), end)
            }
            Err(problem) => (Reading::Bad(problem), lead(text, end).1),
        });
    }
    let (day, end, needs_place) = relative(text, at, place, today)
        .map(|(day, end)| (day, end, false))
        .or_else(|| weekday(text, at, today))
        .or_else(|| period(text, at, place, today).map(|(day, end)| (day, end, false)))
        .or_else(|| month_alone(text, at, today).map(|(day, end)| (day, end, true)))
        .or_else(|| holiday(text, at, today).map(|(day, end)| (day, end, true)))?;
    let (lead, after) = lead(text, end);
    if is_attribute(text, after) && lead != Lead::For && !place.in_query && !place.is_value {
        return None;
    }
    // "پیر میں درد": the foot, not the day.
    if needs_place && lead == Lead::In && !day.is_month {
        return None;
    }
    let is_led = lead != Lead::Bare || place.in_query || place.is_value;
    let is_free = is_led || boundary::is_free(text, after) || place.beside_date;
    (!needs_place || is_free).then_some((Reading::Day(day, lead), after))
}

/// Reads what follows a day: "کو", "تک", "سے پہلے", "کے دن", and "ہی" around it.
pub(crate) fn lead(text: &Text<'_>, at: usize) -> (Lead, usize) {
    let hi = |at: usize| text.after_any(at, words!["hi", "bhi"]).unwrap_or(at);
    let at = hi(at);
    let found = [
        (words!["ke din ko", "ke roz ko", "ke din", "ke roz", "wala din", "ko", "par"], Lead::On),
        (words!["se pehle pehle", "se pehle", "ke andar"], Lead::By),
        (words!["tak ke liye", "tak"], Lead::Until),
        (words!["ke liye"], Lead::For),
        (words!["mein"], Lead::In),
        (words!["se"], Lead::From),
    ];
    let found = found.into_iter().find_map(|(words, lead)| Some((lead, text.after_any(at, words)?)));
    match found {
        Some((lead, end)) => {
            let end = hi(end);
            // "کل کے لیے", "پیر کے دن تک"
            match text.after_any(end, words!["tak", "se pehle"]).filter(|_| lead == Lead::On) {
                Some(end) => (Lead::Until, end),
                None => (lead, end),
            }
        }
        // "کل کی صبح", "ہفتے کی شام": the part of the day is read next.
        None => match text.after_any(at, words!["ki", "ke", "ka"]) {
            Some(end) if clock::part(text, end).is_some_and(|(_, end)| !is_attribute(text, end)) => {
                (Lead::On, end)
            }
            _ => (Lead::Bare, at),
        },
    }
}

/// Says whether what stands before only describes what follows: "کل کی میٹنگ".
pub(crate) fn is_attribute(text: &Text<'_>, at: usize) -> bool {
    let names = text.is_any(at, words!["ka", "ki", "ke", "wala"]) && text.after(at, "ke liye").is_none();
    // "کل کا ریمائنڈر" is when to remind.
    names && !text.is_any(at + 1, words!["reminder", "alarm", "yaad"])
}

/// "آج", "کل", "پرسوں", "ترسوں".
fn relative(text: &Text<'_>, at: usize, place: Place, today: NaiveDate) -> Option<(Day, usize)> {
    let at_word =
        text.after_any(at, words!["agla kal", "aa-na wala kal", "pichla kal"]).map_or(at, |end| end - 1);
    let is_past = place.is_past || text.word(at) == "pichla";
    let days = match text.word(at_word) {
        "aaj" | "abhi" if text.is_any(at_word + 1, words!["kal"]) => return None,
        "kal" if at > 0 && text.word(at - 1) == "aaj" => return None,
        "aaj" => 0,
        "kal" if is_sum(text, at + 1) || is_name(text, at) => return None,
        "kal" => 1,
        "parson" => 2,
        "tarson" => 3,
        _ => return None,
    };
    let date = if is_past {
        today.checked_sub_days(Days::new(days))?
    } else {
        calendar::days_after(today, u32::try_from(days).ok()?)?
    };
    Some((Day::single(date), at_word + 1))
}

/// "کل رقم": the whole sum.
fn is_sum(text: &Text<'_>, at: usize) -> bool {
    #[rustfmt::skip]
    const SUMS: &Words = words![
        "رقم", "تعداد", "خرچ", "خرچہ", "اخراجات", "بجٹ", "امدنی", "قیمت", "ملا", "مارکس", "number", "حاصل", "وقتی",
        "raqam", "tadaad", "tadad", "kharcha", "kharch", "amdani", "qeemat", "budget", "total", "mila",
    ];
    text.is_any(at, SUMS)
}

/// "Kal Penn".
fn is_name(text: &Text<'_>, at: usize) -> bool {
    text.is_capital(at)
        && text.is_capital(at + 1)
        && text.word(at + 1) == text.tokens[at + 1].lower()
        && crate::urdu::lexicon::lexeme(&crate::fold::fold(text.tokens[at + 1].text)).is_none()
}

/// "جمعے کو", "اگلے جمعے", "اگلے ہفتے پیر کو", "ہفتے کو"; also whether it needs words around it to be a day.
fn weekday(text: &Text<'_>, at: usize, today: NaiveDate) -> Option<(Day, usize, bool)> {
    let next_week = || calendar::days_after(calendar::monday(today), 7);
    // "اگلے ہفتے [کے] پیر [کو]"
    if let Some(end) = text.after_any(at, words!["agla hafte", "agla hafta", "agla week"]) {
        let name_at = text.after_any(end, words!["ke", "ki", "mein", "ko"]).unwrap_or(end);
        if let Some(weekday) = names::weekday(text.word(name_at)) {
            return Some((Day::single(calendar::on_or_after(next_week()?, weekday)?), name_at + 1, false));
        }
    }
    if let Some(name_at) =
        text.after_any(at, words!["is hafte ke", "isi hafte ke", "is hafte", "isi hafte", "is week"])
        && let Some(weekday) = names::weekday(text.word(name_at))
    {
        let date = calendar::on_or_after(calendar::monday(today), weekday)?;
        let date = if date < today { calendar::next(today, weekday)? } else { date };
        return Some((Day::single(date), name_at + 1, false));
    }
    let (is_next, name_at) =
        if let Some(end) = text.after_any(at, words!["is aa-na wala", "aa-na wala", "is", "isi"]) {
            (Some(false), end)
        } else if let Some(end) = text.after_any(at, words!["broz", "ba roz"]) {
            (Some(false), end)
        } else if let Some(end) = text.after_any(at, words!["agla"]) {
            (Some(true), end)
        } else {
            (None, at)
        };
    let end = text.after(name_at + 1, "waar").unwrap_or(name_at + 1);
    let weekday =
        names::weekday(text.word(name_at)).or_else(|| saturday(text, name_at, is_next.is_some()))?;
    if is_named(text, name_at) {
        return None;
    }
    let date = if is_next == Some(true) {
        calendar::on_or_after(next_week()?, weekday)?
    } else {
        calendar::next(today, weekday)?
    };
    let day = Day { weekday: Some(weekday), ..Day::single(date) };
    Some((day, end, is_next.is_none()))
}

/// "ہفتے کو", "ہفتے کے دن", "ہفتے کی شام": the day, where only a day can be meant.
fn saturday(text: &Text<'_>, at: usize, is_modified: bool) -> Option<Weekday> {
    if !text.is_any(at, words!["hafta", "hafte"]) || number::whole(text, at.wrapping_sub(1)).is_some() {
        return None;
    }
    let end = text.after_any(at + 1, words!["hi", "bhi"]).unwrap_or(at + 1);
    let led = text.after_any(end, words!["ko", "ke din", "ke roz", "wala din"]).is_some();
    // "فون کرنا ہفتہ"
    let is_last = at > 0 && end >= text.end_of_words() && verb::is_infinitive(text, at - 1, false);
    let part = text.after_any(end, words!["ki", "ko"]).unwrap_or(end);
    let has_part = clock::part(text, part).is_some();
    let deadline = !is_modified && text.after_any(end, words!["tak", "se pehle"]).is_some();
    (led || has_part || deadline || is_last).then_some(Weekday::Sat)
}

/// "Dr Juma", "جمعہ خان", "پیر صاحب": a title or a second name says who it is.
fn is_named(text: &Text<'_>, at: usize) -> bool {
    #[rustfmt::skip]
    const BEFORE: &Words = words![
        "mr", "mrs", "ms", "dr", "miss", "جناب", "مسٹر", "ڈاکٹر", "حاجی", "janab", "haji", "گڈ", "بلیک", "black", "good",
    ];
    at > 0 && text.is_any(at - 1, BEFORE)
}

/// "اگلے ہفتے", "اس مہینے", "مہینے کے آخر میں", "ویک اینڈ پر".
fn period(text: &Text<'_>, at: usize, place: Place, today: NaiveDate) -> Option<(Day, usize)> {
    let (which, unit_at): (i32, usize) = match text.word(at) {
        "is" | "isi" => (0, text.after(at + 1, "aa-na wala").unwrap_or(at + 1)),
        "agla" => (1, at + 1),
        "aa-na" if text.word(at + 1) == "wala" => (1, at + 2),
        "pichla" if place.in_query => (-1, at + 1),
        _ => (0, at),
    };
    let units = words!["week", "weekend", "hafta", "hafte", "mahina", "saal", "din", "roz"];
    if !text.is_any(unit_at, units) && names::month(text.word(unit_at)).is_none() {
        return None;
    }
    // "ہفتے کے کام" are those of this week.
    let is_said = unit_at > at || place.in_query && text.is_any(unit_at + 1, words!["ka", "ki", "ke"]);
    let monday = calendar::monday(today);
    let week = if which < 0 {
        monday.checked_sub_days(Days::new(7))?
    } else {
        calendar::days_after(monday, 7 * which.unsigned_abs())?
    };
    let weekend = |end: usize| -> Option<(Day, usize)> {
        let saturday = calendar::days_after(week, 5)?;
        Some((Day::stretch(saturday.max(today), saturday, calendar::days_after(week, 7)?), end))
    };
    if let Some(end) = text.after_any(unit_at, words!["weekend", "week end"]) {
        let is_led = is_said || place.in_query || place.is_value || lead(text, end).0 != Lead::Bare;
        return if is_led || boundary::is_free(text, end) { weekend(end) } else { None };
    }
    let end = unit_at + 1;
    let edge = text
        .after_any(end, words!["ke akhir", "ke akhri din", "ke end"])
        .map(|end| (true, end))
        .or_else(|| {
            text.after_any(end, words!["ke shuru", "ke 1-wan din", "ke pehle din"]).map(|end| (false, end))
        });
    if let (Some((is_end, end)), Some((first, next))) = (edge, month(text, unit_at, which, today)) {
        let date = if is_end { next.pred_opt()? } else { first };
        let date = if date < today { calendar::months_after(date, 1)? } else { date };
        return Some((Day::single(date), end));
    }
    match (text.word(unit_at), edge) {
        ("hafta" | "hafte" | "week", Some((true, end))) => weekend(end),
        ("hafta" | "hafte" | "week", Some((false, end))) => Some((Day::single(week), end)),
        ("hafta" | "hafte" | "week", None) if is_said => {
            let last = calendar::days_after(week, 6)?;
            let date = if which == 0 { last } else { week };
            Some((Day::stretch(date, week, calendar::days_after(week, 7)?), end))
        }
        ("mahina", None) if is_said => {
            let (first, next) = month(text, unit_at, which, today)?;
            Some((Day::stretch(if which == 0 { next.pred_opt()? } else { first }, first, next), end))
        }
        ("saal", edge) if is_said || edge.is_some() => {
            let first = NaiveDate::from_ymd_opt(today.year().checked_add(which)?, 1, 1)?;
            let last = NaiveDate::from_ymd_opt(first.year(), 12, 31)?;
            let is_last = edge.map_or(which == 0, |(is_end, _)| is_end);
            let end = edge.map_or(end, |(_, end)| end);
            let to = calendar::months_after(first, 12)?;
            Some((Day::stretch(if is_last { last } else { first }, first, to), end))
        }
        ("din" | "roz", None) if which == 1 && text.word(at) == "agla" => {
            Some((Day::single(calendar::days_after(today, 1)?), end))
        }
        _ => None,
    }
}

/// Gives the first day of a month, and of the next one: "مہینے", "دسمبر".
fn month(text: &Text<'_>, at: usize, which: i32, today: NaiveDate) -> Option<(NaiveDate, NaiveDate)> {
    let first = calendar::first_of_month(today);
    let first = match names::month(text.word(at)) {
        Some(month) => calendar::next_day_and_month(first, 1, month)?,
        None if text.word(at) != "mahina" => return None,
        None if which < 0 => first.checked_sub_months(Months::new(1))?,
        None => calendar::months_after(first, which.unsigned_abs())?,
    };
    Some((first, calendar::months_after(first, 1)?))
}

/// "دسمبر میں", "دسمبر تک", "december 2027 mein": the first day stands for the month.
fn month_alone(text: &Text<'_>, at: usize, today: NaiveDate) -> Option<(Day, usize)> {
    let start = text.after_any(at, words!["agla", "is"]).unwrap_or(at);
    let month = names::month(text.word(start))?;
    let (year, end) =
        fixed_date::year(text, start + 1).map_or((None, start + 1), |(year, end)| (Some(year), end));
    let end = text.after_any(end, words!["ke mahina"]).unwrap_or(end);
    if !matches!(lead(text, end).0, Lead::In | Lead::Until | Lead::By | Lead::From) {
        return None;
    }
    let this_month = calendar::first_of_month(today);
    let first = match year {
        Some(year) => NaiveDate::from_ymd_opt(year, month, 1)?,
        None => calendar::next_day_and_month(this_month, 1, month)?,
    };
    let date = if first == this_month { today } else { first };
    Some((Day { is_month: true, ..Day::stretch(date, first, calendar::months_after(first, 1)?) }, end))
}

/// Days of every year that have a name, where "پر", "کو", "تک" says that they are days. Those of the moon stay in the title.
fn holiday(text: &Text<'_>, at: usize, today: NaiveDate) -> Option<(Day, usize)> {
    #[rustfmt::skip]
    static DAYS: Table<(u32, u32)> = Table::new(&[
        ("یوم ازادی", (14, 8)), ("یوم پاکستان", (23, 3)), ("کرسمس", (25, 12)), ("یوم مزدور", (1, 5)),
        ("yaum azadi", (14, 8)), ("yaum e azadi", (14, 8)), ("youm e azadi", (14, 8)), ("yom e azadi", (14, 8)),
        ("youm-e-azadi", (14, 8)), ("yaum-e-azadi", (14, 8)), ("yom-e-azadi", (14, 8)), ("youm azadi", (14, 8)),
        ("yom azadi", (14, 8)), ("yaum e pakistan", (23, 3)), ("youm e pakistan", (23, 3)), ("yom e pakistan", (23, 3)),
        ("yaum-e-pakistan", (23, 3)), ("youm-e-pakistan", (23, 3)), ("yom-e-pakistan", (23, 3)), ("youm pakistan", (23, 3)),
        ("yom pakistan", (23, 3)), ("christmas", (25, 12)), ("krismas", (25, 12)),
    ]);
    let (&(day, month), end) = text.look_up(at, &DAYS)?;
    let is_led = matches!(lead(text, end).0, Lead::On | Lead::Until | Lead::By);
    let date = calendar::next_day_and_month(today, day, month)?;
    is_led.then_some((Day::single(date), end))
}

type Fixed = (Result<Day, Problem>, usize);

/// "5 دسمبر 2026", "دسمبر کی پانچ تاریخ", "اگلے مہینے کی 5 تاریخ", "5 تاریخ", "یکم دسمبر".
fn fixed(text: &Text<'_>, at: usize, today: NaiveDate) -> Option<Fixed> {
    range(text, at, today)
        .or_else(|| day_and_month(text, at, today))
        .or_else(|| day_of_said_month(text, at, today))
        .or_else(|| day_of_month(text, at, today))
}

/// Reads a day of the month: "5", "پانچ", "پانچویں", "یکم"; `is_sure` when it can be nothing else.
fn day_number(text: &Text<'_>, at: usize) -> Option<(u32, usize)> {
    if !number::begins(text, at) {
        return None;
    }
    if text.word(at) == "yakum" {
        return Some((1, at + 1));
    }
    let (day, end) =
        number::whole(text, at).or_else(|| number::ordinal(text, at).filter(|_| text.word(at) != "pehle"))?;
    let end = text.after(end, "wan").unwrap_or(end);
    (1..=99).contains(&day).then_some((day, end))
}

/// "3 سے 5 مارچ", "3-5 مارچ", "3 مارچ تا 5 مارچ": the first day of several is when it is due.
fn range(text: &Text<'_>, at: usize, today: NaiveDate) -> Option<Fixed> {
    let word = text.word(at);
    let has_digit = word.starts_with(|c: char| c.is_ascii_digit());
    let joined = if has_digit { word.split_once(['-', '\u{2013}']) } else { None };
    let (first, last_at, month) = match joined {
        Some((first, last)) => {
            let [first, _] = [first, last].map(crate::english::number::digits);
            (first?, None, names::month(text.word(at + 1))?)
        }
        None => {
            let (first, end) = day_number(text, at)?;
            let named = names::month(text.word(end));
            let end = if named.is_some() { end + 1 } else { end };
            let (_, last) = day_number(text, text.after_any(end, words!["se", "ta"])?)?;
            (first, Some(last), named.or_else(|| names::month(text.word(last)))?)
        }
    };
    let end = match last_at {
        None => at + 2,
        Some(last) => last + usize::from(names::month(text.word(last)).is_some()),
    };
    let end = text.after(end, "tak").unwrap_or(end);
    let date = calendar::next_day_and_month(today, first, month)?;
    Some((Ok(Day::single(date)), end))
}

fn day_and_month(text: &Text<'_>, at: usize, today: NaiveDate) -> Option<Fixed> {
    let day_first = || {
        let (day, end) = day_number(text, at)?;
        let month_at = text.after(end, "tarikh").unwrap_or(end);
        let month = names::month(text.word(month_at))?;
        Some((day, month, month_at + 1))
    };
    let month_first = || {
        let month = names::month(text.word(at))?;
        let of = text.after_any(at + 1, words!["ki", "ke"]).unwrap_or(at + 1);
        let (day, end) = day_number(text, of)?;
        let named = text.after(end, "tarikh");
        // "دسمبر کی 5 میٹنگز" counts meetings.
        let is_free = of == at + 1 && boundary::is_free(text, end) || text.is_any(end, words!["ko", "tak"]);
        (named.is_some() || is_free).then(|| (day, month, named.unwrap_or(end)))
    };
    let (day, month, mut end) = day_first().or_else(month_first)?;
    let comma = if text.is_mark(end, ',') { end + 1 } else { end };
    let year = fixed_date::year(text, comma);
    if let Some((_, year_end)) = year {
        end = year_end;
    }
    let said = text.slice(at, end);
    let end = text.after_any(end, words!["ki tarikh", "tarikh"]).unwrap_or(end);
    let found = match year {
        Some((year, _)) => checked(year, month, day, said),
        None => match calendar::next_day_and_month(today, day, month) {
            Some(date) => Ok(Day::single(date)),
            None => {
                let first = calendar::next_day_and_month(calendar::first_of_month(today), 1, month)?;
                checked(first.year(), month, day, said)
            }
        },
    };
    Some((found, end))
}

/// "اگلے مہینے کی 5 تاریخ", "اس مہینے کی یکم".
fn day_of_said_month(text: &Text<'_>, at: usize, today: NaiveDate) -> Option<Fixed> {
    let (which, unit_at) = match text.word(at) {
        "is" | "isi" => (0, at + 1),
        "agla" => (1, at + 1),
        "mahina" if at == 0 || text.word(at - 1) != "har" => return day_of_any_month(text, at, today),
        _ => return None,
    };
    let of = text.after_any(unit_at, words!["mahina ki", "mahina ke", "mahina mein", "mahina"])?;
    let (day, end) = day_number(text, of)?;
    let named = text.after(end, "tarikh");
    if named.is_none() && !text.is_any(end, words!["ko", "tak"]) && text.word(of) != "yakum" {
        return None;
    }
    let (first, _) = month(text, unit_at, which, today)?;
    let end = named.unwrap_or(end);
    Some((checked(first.year(), first.month(), day, text.slice(at, end)), end))
}

fn day_of_any_month(text: &Text<'_>, at: usize, today: NaiveDate) -> Option<Fixed> {
    day_of_month(text, text.after_any(at, words!["mahina ki", "mahina ke"])?, today)
}

/// "5 تاریخ کو", "یکم کو".
fn day_of_month(text: &Text<'_>, at: usize, today: NaiveDate) -> Option<Fixed> {
    let (day, end) = day_number(text, at)?;
    let is_first = text.word(at) == "yakum" && text.is_any(end, words!["ko", "tak"]);
    let end = if is_first { end } else { text.after(end, "tarikh")? };
    if day > 31 {
        let suggestion = calendar::last_of_month(today);
        return Some((Err(Problem::NoSuchDate { text: text.slice(at, end).to_owned(), suggestion }), end));
    }
    Some((Ok(Day::single(calendar::next_day_of_month(today, day)?)), end))
}

fn checked(year: i32, month: u32, day: u32, said: &str) -> Result<Day, Problem> {
    if let Some(date) = NaiveDate::from_ymd_opt(year, month, day) {
        return Ok(Day::single(date));
    }
    let first = NaiveDate::from_ymd_opt(year, month, 1).unwrap_or(NaiveDate::MIN);
    Err(Problem::NoSuchDate { text: said.to_owned(), suggestion: calendar::last_of_month(first) })
}

/// Reads a day of the year, for one that comes every year: "25 دسمبر".
pub(crate) fn day_of_year(text: &Text<'_>, at: usize, today: NaiveDate) -> Option<(NaiveDate, usize)> {
    let (found, end) = day_and_month(text, at, today)?;
    Some((found.ok()?.date, end))
}
