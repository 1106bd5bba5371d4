//! Lengths of time: "3 دن", "ڈیڑھ گھنٹے", "do hafte baad".

use domain::reminder::Lead;

use crate::meaning::length::{Length, Unit};
use crate::token::Text;
use crate::urdu::number;
use crate::words::words;

/// Parses a unit.
pub(crate) fn unit(word: &str) -> Option<Unit> {
    match word {
        "minute" => Some(Unit::Minute),
        "ghanta" => Some(Unit::Hour),
        "din" | "roz" => Some(Unit::Day),
        "hafta" | "hafte" => Some(Unit::Week),
        "mahina" => Some(Unit::Month),
        "saal" => Some(Unit::Year),
        _ => None,
    }
}

/// Reads a length: "3 دن", "ڈیڑھ گھنٹے", "1 گھنٹہ 20 منٹ", "آدھے گھنٹے".
pub(crate) fn read(text: &Text<'_>, at: usize) -> Option<(Length, usize)> {
    let mut length = Length::default();
    let mut end = part(text, at, &mut length)?;
    // At most four parts: "1 سال 2 مہینے 3 دن …"
    for _ in 0..3 {
        let start = text.after(end, "aur").unwrap_or(end);
        let Some(next) = part(text, start, &mut length) else { break };
        end = next;
    }
    Some((length, end))
}

fn part(text: &Text<'_>, at: usize, length: &mut Length) -> Option<usize> {
    let (quarters, end) = number::quarters(text, at)?;
    let unit = unit(text.word(end))?;
    match (unit, quarters % 4) {
        (_, 0) => length.add(quarters / 4, unit)?,
        (Unit::Hour, _) => length.add(quarters * 15, Unit::Minute)?,
        (Unit::Week, 2) => length.add((quarters * 7).div_ceil(4), Unit::Day)?,
        (Unit::Month, 2) => {
            length.add(quarters / 4, Unit::Month)?;
            length.add(15, Unit::Day)?;
        }
        (Unit::Year, _) => length.add(quarters * 3, Unit::Month)?,
        _ => return None,
    }
    Some(end + 1)
}

/// Reads a length counted from now: "3 دن بعد", "آدھے گھنٹے میں", "تین دن کے اندر", "ہفتے بعد".
pub(crate) fn read_from_now(text: &Text<'_>, at: usize) -> Option<(Length, usize)> {
    let start = text.after_any(at, words!["aaj se", "abhi se", "abhi", "ab se"]).unwrap_or(at);
    let start = if text.word(start) == "qareeb" { start + 1 } else { start };
    let (length, end) = read(text, start).or_else(|| {
        // "گھنٹے بعد": one is understood.
        let mut length = Length::default();
        let unit = unit(text.word(start)).filter(|_| text.word(start) != "roz")?;
        let is_after = text.after_any(start + 1, words!["baad", "ke baad"]).is_some();
        let is_named = at > 0 && text.is_any(at - 1, words!["ke", "ka", "ki", "is", "agla", "isi"]);
        (is_after && !is_named).then_some(())?;
        length.add(1, unit)?;
        Some((length, start + 1))
    })?;
    let end =
        text.after_any(end, words!["ke baad", "baad", "ke andar andar", "ke andar", "andar", "mein"])?;
    Some((length, end))
}

/// Reads the time ahead that is asked about: "اگلے 3 دن".
pub(crate) fn read_ahead(text: &Text<'_>, at: usize) -> Option<(Length, usize)> {
    let (length, end) = read(text, text.after_any(at, words!["agla", "aa-na wala"])?)?;
    Some((length, text.after_any(end, words!["mein", "ke"]).unwrap_or(end)))
}

/// Reads how long before: "15 منٹ پہلے", "us se ek din pehle".
pub(crate) fn read_lead(text: &Text<'_>, at: usize) -> Option<(Lead, usize)> {
    let start = text.after_any(at, words!["is se", "un se", "waqt se", "deadline se", "se"]).unwrap_or(at);
    let (length, end) = read(text, start)?;
    let end = text.after_any(end, words!["pehle hi", "pehle se", "pehle"])?;
    Some((lead(length)?, end))
}

fn lead(length: Length) -> Option<Lead> {
    let (count, unit) = match length {
        Length { months: 0, days: 0, minutes: Some(minutes) } if minutes > 0 && minutes % 60 == 0 => {
            (minutes / 60, 'h')
        }
        Length { months: 0, days: 0, minutes: Some(minutes) } => (minutes, 'm'),
        Length { months: 0, days, minutes: None } if days > 0 && days % 7 == 0 => (days / 7, 'w'),
        Length { months: 0, days, minutes: None } if days > 0 => (days, 'd'),
        _ => return None,
    };
    Lead::parse(&format!("{count}{unit}")).ok()
}
