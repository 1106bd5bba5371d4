//! Times of day: "پانچ بجے", "saarhe paanch baje", "5 بج کر 20 منٹ", "17:30".

use crate::english;
use crate::meaning::clock::{Clock, Part};
use crate::token::Text;
use crate::urdu::{boundary, number};
use crate::words::words;

/// What a time phrase says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    /// A time.
    Clock(Clock),
    /// A time that does not exist: "25 بجے".
    Impossible,
}

/// Reads the name of a part of the day.
///
/// Dawn (تڑکے, سویرے) is the morning. The hours of prayer move with the sun and name no time.
pub(crate) fn part(text: &Text<'_>, at: usize) -> Option<(Part, usize)> {
    let part = match text.word(at) {
        "subah" => {
            let again = text.after_any(at + 1, words!["subah", "savere", "tarke"]).unwrap_or(at + 1);
            return Some((Part::Morning, again));
        }
        "savere" | "tarke" => Part::Morning,
        "dopahar" => {
            return match text.after_any(at + 1, words!["ke baad", "baad"]) {
                Some(end) => Some((Part::Afternoon, end)),
                None => Some((Part::Noon, at + 1)),
            };
        }
        "sehpahar" => Part::Afternoon,
        "seh" if text.word(at + 1) == "pahar" => return Some((Part::Afternoon, at + 2)),
        "علی" if text.word(at + 1) == "الصبح" => return Some((Part::Morning, at + 2)),
        "shaam" => Part::Evening,
        "raat" | "shab" => Part::Night,
        _ => return None,
    };
    Some((part, at + 1))
}

/// What stands right before a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Nothing that is about time.
    Free,
    /// A day, or another word about time.
    BesideDate,
    /// A part of the day, so that a number alone is an hour: "شام 5".
    BehindPart,
}

/// Reads a time.
pub(crate) fn read(text: &Text<'_>, at: usize, place: Place) -> Option<(Reading, usize)> {
    if let Some(end) =
        text.after_any(at, words!["aadhi raat", "aadhiraat", "nisf shab", "nisf raat", "aadhi shab"])
    {
        return Some((Reading::Clock(Clock::exact(0, 0)), end));
    }
    // "din ke 11 baje": by day.
    if let Some(start) = text.after_any(at, words!["din ke", "din mein", "din ko", "din"]) {
        let (reading, end) = spoken(text, start)?;
        return Some((by_day(reading), end));
    }
    let (reading, end) = spoken(text, at)
        .or_else(|| written(text, at, place != Place::Free))
        .or_else(|| bare(text, at).filter(|_| place == Place::BehindPart))?;
    let prayer = (at.saturating_sub(3)..at).rev().find_map(|at| half_of_prayer(text.word(at)));
    Some(match (reading, prayer) {
        (Reading::Clock(clock), Some(part)) if clock.is_open => {
            let time = clock.in_part(part);
            let hour = chrono::Timelike::hour(&time);
            (Reading::Clock(Clock::exact(hour, clock.minute)), end)
        }
        _ => (reading, end),
    })
}

fn by_day(reading: Reading) -> Reading {
    match reading {
        Reading::Clock(clock) if clock.is_open => {
            let hour = chrono::Timelike::hour(&clock.plain());
            Reading::Clock(Clock::exact(hour, clock.minute))
        }
        reading => reading,
    }
}

/// The half of the day of a prayer, whose name stays in the title: "فجر 5 بجے".
fn half_of_prayer(word: &str) -> Option<Part> {
    match word {
        "fajr" => Some(Part::Morning),
        "zuhr" => Some(Part::Noon),
        "asr" => Some(Part::Afternoon),
        "maghrib" | "isha" => Some(Part::Evening),
        _ => None,
    }
}

/// "پانچ بجے", "سوا تین بجے", "5:30 بجے", "5 بج کر 20 منٹ", "پانچ بجنے میں دس منٹ", "5 سے 7 بجے".
fn spoken(text: &Text<'_>, at: usize) -> Option<(Reading, usize)> {
    // "9-11 بجے" begins at 9.
    if !text.is_plain(at)
        && let Some((first, last)) = text.word(at).split_once(['-', '\u{2013}'])
        && english::number::digits(last).is_some_and(|last| last <= 24)
    {
        let hour = english::number::digits(first)?;
        return Some((clock(hour, 0), text.after(at + 1, "baje")?));
    }
    if let Some(reading) = compact(text.word(at)) {
        return Some((reading, text.after(at + 1, "baje")?));
    }
    let (quarters, end) = number::quarters(text, at).filter(|_| text.word(at) != "aadha")?;
    // "پونے ایک": a quarter to one.
    let hour = if quarters == 3 && text.word(at) == "paune" { 12 } else { quarters / 4 };
    let minute = quarters % 4 * 15;
    if let Some(end) = text.after(end, "baje") {
        // "5 بجے سے 6 بجے تک" begins at 5.
        let until = text.after_any(end, words!["se", "ta"]).and_then(|last| {
            let (_, last) = number::quarters(text, last)?;
            text.after_any(last, words!["baje tak", "baje"])
        });
        return Some((clock(hour, minute), until.unwrap_or(end)));
    }
    if let Some(start) = text.after_any(end, words!["bajkar", "baj kar", "baj ke"]) {
        let (past, end) = minutes(text, start)?;
        return Some((clock(hour, past), end));
    }
    if let Some(start) = text.after_any(end, words!["bajne mein", "bajne se"]) {
        let (missing, end) = minutes(text, start)?;
        let end = text.after(end, "pehle").unwrap_or(end);
        let reading = match clock(hour, 0) {
            Reading::Clock(clock) if (1..60).contains(&missing) => {
                let hour = match (clock.is_open, clock.hour) {
                    (true, 1) => 12,
                    (_, 0) => 23,
                    (_, hour) => hour - 1,
                };
                Reading::Clock(Clock { hour, minute: 60 - missing, ..clock })
            }
            _ => Reading::Impossible,
        };
        return Some((reading, end));
    }
    // "5 سے 7 بجے" begins at 5.
    let last = text.after_any(end, words!["se", "ta"])?;
    let (_, end) = number::quarters(text, last)?;
    let end = text.after_any(end, words!["baje tak", "baje"])?;
    Some((clock(hour, minute), end))
}

/// "شام *5*", "صبح *9 سے 11*".
fn bare(text: &Text<'_>, at: usize) -> Option<(Reading, usize)> {
    let (quarters, end) = number::quarters(text, at).filter(|(quarters, _)| (4..52).contains(quarters))?;
    let range = text.after_any(end, words!["se", "ta"]).and_then(|last| number::quarters(text, last));
    let end = range.map_or(end, |(_, end)| end);
    let is_free = boundary::is_free(text, end) && !text.is_any(end, words!["aur", "ko"]);
    is_free.then(|| (clock(quarters / 4, quarters % 4 * 15), end))
}

fn minutes(text: &Text<'_>, at: usize) -> Option<(u32, usize)> {
    let (minutes, end) = number::whole(text, at)?;
    Some((minutes, text.after(end, "minute").unwrap_or(end)))
}

/// "17:30", "شام 5:30": a time without its word, where nothing else can be meant.
fn written(text: &Text<'_>, at: usize, is_placed: bool) -> Option<(Reading, usize)> {
    let word = text.word(at);
    let (reading, end) = (compact(word)?, at + 1);
    // Verses and ratios have small numbers: "2:1".
    let is_sure = is_placed || (word.len() == 5 && reading != Reading::Impossible);
    let is_free = is_sure || boundary::is_free(text, end);
    (word.contains(':') && is_free && !text.is_any(end, words!["am", "pm"])).then_some((reading, end))
}

/// Parses "5:30" and "17:30".
fn compact(word: &str) -> Option<Reading> {
    let has_digit = word.starts_with(|c: char| c.is_ascii_digit());
    let (hour, minute) = if has_digit { word.split_once([':', '.'])? } else { return None };
    if minute.len() != 2 || hour.len() > 2 {
        return None;
    }
    let is_padded = hour.len() == 2 && hour.starts_with('0');
    Some(match clock(english::number::digits(hour)?, english::number::digits(minute)?) {
        Reading::Clock(clock) if is_padded => Reading::Clock(Clock { is_open: false, ..clock }),
        reading => reading,
    })
}

fn clock(hour: u32, minute: u32) -> Reading {
    if hour > 23 || minute > 59 {
        return Reading::Impossible;
    }
    Reading::Clock(Clock { hour, minute, is_open: (1..=12).contains(&hour) })
}
