//! Times of day, as they are said.

use chrono::Timelike;

use crate::english::names;
use crate::english::number;
use crate::english::vocabulary;
use crate::meaning::clock::Clock;
use crate::meaning::clock::Part;
use crate::meaning::lead::Lead;
use crate::token::Text;
use crate::words::{Words, words};

/// What a time phrase says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    /// A time.
    Clock(Clock),
    /// A time that does not exist: "25:00".
    Impossible,
}

/// Parses the name of a part of the day.
pub(crate) fn part(word: &str) -> Option<Part> {
    match word {
        "morning" => Some(Part::Morning),
        "afternoon" => Some(Part::Afternoon),
        "evening" | "eve" => Some(Part::Evening),
        "night" | "nite" => Some(Part::Night),
        _ => None,
    }
}

/// Says whether a word can be nothing but a time: "5pm", "17:30".
pub(crate) fn is_clock(word: &str) -> bool {
    let is_short = word.ends_with(['a', 'p', 'h']);
    let is_timed = word.contains(':') && matches!(compact(word), Some((Reading::Clock(_), _)));
    is_timed || !is_short && matches!(compact(word), Some((_, true)))
}

/// Reads a time. A bare hour needs a word before it ("at 5") and nothing after it that it could count ("at 5 shops").
pub(crate) fn read(text: &Text<'_>, at: usize, lead: Lead, beside_date: bool) -> Option<(Reading, usize)> {
    if is_measured(text, at, lead) {
        return None;
    }
    let found = spoken(text, at, lead)
        .or_else(|| four_digits(text, at, lead, beside_date))
        .or_else(|| written(text, at, lead, beside_date));
    found.map(|(reading, end)| {
        let end = text.after_any(end, words!["o'clock", "oclock", "hrs", "hours", "h"]).unwrap_or(end);
        (
            reading,
            text.after_any(end, words!["sharp", "exactly", "on the dot", "ish", "or so"]).unwrap_or(end),
        )
    })
}

/// "bake at 350", "one by one": a number that is no time.
fn is_measured(text: &Text<'_>, at: usize, lead: Lead) -> bool {
    const MEASURED: &Words = words![
        "bake",
        "roast",
        "heat",
        "preheat",
        "broil",
        "grill",
        "sell",
        "drive",
        "freeze",
        "trade",
        "sous-vide",
    ];
    let measures = lead == Lead::At && (0..at.min(6)).any(|at| text.is_any(at, MEASURED));
    let counts =
        lead == Lead::By && at.checked_sub(2).is_some_and(|before| number::at(text, before).is_some());
    (measures || counts)
        && number::at(text, at).is_some()
        && !part_after(text, at + 1)
        && half(text, at + 1).is_none()
}

/// Gives where a time zone ends, in which the user's clock need not be: "CET", "New York time".
pub(crate) fn zone_end(text: &Text<'_>, at: usize) -> Option<usize> {
    #[rustfmt::skip]
    const PLACES: &Words = words![
        "eastern", "pacific", "central", "mountain", "pakistan", "london", "karachi", "new york", "uk", "us", "indian", "india",
        "paris", "berlin", "tokyo", "dubai", "greenwich", "server", "european", "eastern standard", "eastern daylight",
        "pacific standard", "pacific daylight", "central european", "their", "his", "her",
    ];
    if is_zone(text, at) {
        return Some(at + 1);
    }
    let word = text.word(at);
    if word.starts_with("utc") || word.starts_with("gmt") {
        return Some(at + 1);
    }
    if let Some(end) = text.after_any(at, PLACES).and_then(|end| text.after(end, "time")) {
        return Some(end);
    }
    // "5pm *Hong Kong time*", but not "at 5 Lunch time".
    let named = (at + 1..at + 3).find(|end| text.word(*end) == "time")?;
    let is_meal = text
        .is_any(named - 1, words!["lunch", "dinner", "tea", "bed", "play", "story", "prayer", "nap", "bath"]);
    ((at..named).all(|at| text.is_capital(at)) && !is_meal && !text.is_capital(named)).then_some(named + 1)
}

/// Says whether the word is a time zone, in which the user's clock need not be.
fn is_zone(text: &Text<'_>, at: usize) -> bool {
    #[rustfmt::skip]
    const ZONES: &Words = words![
        "utc", "gmt", "bst", "cet", "cest", "eet", "eest", "est", "edt", "cst", "cdt", "mst", "mdt", "pst", "pdt",
        "pkt", "ist", "jst", "aest", "aedt", "akst", "hst", "msk", "zulu",
    ];
    text.is_any(at, ZONES)
        || text.tokens.get(at).is_some_and(|token| matches!(token.text, "ET" | "PT" | "CT" | "MT" | "Z"))
}

/// Reads two times, "3-4pm", "from 3 to 4:30", "between 5 and 6pm", and gives the first.
pub(crate) fn read_range(
    text: &Text<'_>,
    at: usize,
    lead: Lead,
    beside_date: bool,
) -> Option<(Clock, usize)> {
    let is_between = text.word(at) == "between";
    let start = if is_between { at + 1 } else { at };
    let is_led = lead == Lead::From;
    let joined = if text.is_plain(start) { None } else { text.word(start).split_once(['-', '\u{2013}']) };
    let (first, end) = match joined {
        Some((first, last)) => {
            let first = clock_alone(first)?;
            let (last, end) = finish_half(text, clock_alone(last)?, start + 1);
            (ordered(first, last), end)
        }
        None => {
            let with_minutes =
                |at: usize| {
                    let (clock, end) = hour(text, at)?;
                    let minutes = spoken_minutes(text, end, clock).filter(|_| clock.is_open);
                    Some(minutes.map_or((clock, end), |(minute, end)| {
                        finish_half(text, Clock { minute, ..clock }, end)
                    }))
                };
            let first = with_minutes(start)?;
            let end = first.1;
            let dash =
                text.is_mark(end, '-') || text.is_mark(end, '\u{2013}') || text.is_mark(end, '\u{2014}');
            let link = text
                .after_any(end, words!["to", "until", "till", "til"])
                .or_else(|| dash.then_some(end + 1))
                .or_else(|| text.after(end, "and").filter(|_| is_between))?;
            // "at ten to six" is before six.
            let minutes = number::at(text, start).is_some_and(|minutes| matches!(minutes, 5 | 10 | 20 | 25));
            if lead == Lead::At && minutes && first.0.is_open && text.word(end) == "to" {
                return None;
            }
            let (last, end) = with_minutes(link)?;
            (ordered(first.0, last), end)
        }
    };
    // "read pages 3-4", "score 3 to 4": without am, pm or a colon only where a time is led to.
    let said = text.slice(start, end).to_ascii_lowercase();
    let has_minutes = said.contains([':', 'h']) || said.contains("am") || said.contains("pm");
    let is_time = is_led || lead == Lead::At || beside_date || has_minutes;
    // "at 5pm until 20 june"
    let is_date = names::month_at(text, end).is_some();
    (is_time && !is_date && vocabulary::is_boundary(text, end)).then_some((first, end))
}

/// Parses one half of "3-4pm".
fn clock_alone(word: &str) -> Option<Clock> {
    if let Some((Reading::Clock(clock), _)) = compact(word) {
        return Some(clock);
    }
    let hour = number::digits(word).filter(|hour| *hour < 24)?;
    Some(Clock { hour, minute: 0, is_open: (1..=12).contains(&hour) })
}

/// The first of two times has the half of the day that the second says, unless it would be after it: "11 to 1pm".
fn ordered(first: Clock, last: Clock) -> Clock {
    // "9 to 5" begins in the morning.
    if first.is_open && last.is_open && first.hour > last.hour && first.hour < 12 {
        return Clock::exact(first.hour, first.minute);
    }
    if !first.is_open || last.is_open {
        return first;
    }
    let [early, late] = first.readings();
    let end = last.plain();
    let is_late = late < end || early >= end && late.hour() == 12;
    let hour = if is_late { late.hour() } else { early.hour() };
    Clock::exact(hour, first.minute)
}

/// "at 1730", "0900 hours", "at 530".
fn four_digits(text: &Text<'_>, at: usize, lead: Lead, beside_date: bool) -> Option<(Reading, usize)> {
    let word = if text.is_plain(at) { return None } else { text.word(at) };
    let letters = word.find(|c: char| !c.is_ascii_digit()).unwrap_or(word.len());
    let (digits, suffix) = word.split_at(letters);
    if !(3..=4).contains(&digits.len()) {
        return None;
    }
    let number = number::digits(digits)?;
    let (hour, minute) = (number / 100, number % 100);
    if hour > 23 || minute > 59 {
        return None;
    }
    let end = at + 1;
    let is_military = digits.len() == 4 && (hour > 12 || digits.starts_with('0'));
    let clock = Clock { hour, minute, is_open: (1..=12).contains(&hour) && !is_military };
    let half = parse_half(suffix)
        .map(|half| (half, end))
        .or_else(|| self::half(text, end).filter(|_| suffix.is_empty()));
    if let Some((half, end)) = half {
        return with_half(clock, half).map(|clock| (Reading::Clock(clock), end));
    }
    if matches!(suffix, "h" | "hrs" | "hours") || text.is_any(end, words!["hrs", "hours"]) && lead == Lead::At
    {
        return Some((Reading::Clock(Clock { is_open: false, ..clock }), end));
    }
    let is_free = vocabulary::is_boundary(text, end) && !text.is_any(end, words!["of", "and", "or", "in"]);
    let is_led = lead == Lead::At || beside_date && is_military;
    let is_round = is_military || minute % 5 == 0;
    (suffix.is_empty() && is_led && is_free && is_round).then_some((Reading::Clock(clock), end))
}

/// "noon", "half past five", "20 minutes to 6pm".
fn spoken(text: &Text<'_>, at: usize, lead: Lead) -> Option<(Reading, usize)> {
    let skip = if text.word(at) == "the" { at + 1 } else { at };
    let after_twelve = text.after(skip, "12").unwrap_or(skip);
    let named = match text.word(after_twelve) {
        "noon" | "midday" | "noontime" | "lunchtime" => Some(Clock::exact(12, 0)),
        "midnight" => Some(Clock::exact(0, 0)),
        _ => None,
    };
    if let Some(clock) = named {
        let end = after_twelve + 1;
        let free = lead.is_any() || vocabulary::is_boundary(text, end);
        return free.then_some((Reading::Clock(clock), end));
    }
    let (minutes, by_name, end) = match text.after_any(at, words!["a quarter", "quarter"]) {
        Some(end) => (15, true, end),
        None if text.word(at) == "half" => (30, true, at + 1),
        None => {
            let (minutes, end) = number::read(text, at)?;
            (minutes, false, end)
        }
    };
    let (said_minutes, end) = match text.after_any(end, words!["minutes", "minute", "mins", "min"]) {
        Some(end) => (true, end),
        None => (by_name, end),
    };
    let past = match text.word(end) {
        "past" => true,
        "to" | "till" if said_minutes || lead == Lead::At => false,
        // "half seven" is half past seven, as the British say.
        _ if text.word(at) == "half" && matches!(lead, Lead::At | Lead::By | Lead::For | Lead::Around) => {
            let (hour, end) = hour(text, end).filter(|(hour, _)| hour.minute == 0)?;
            let is_free = vocabulary::is_boundary(text, end);
            return is_free.then_some((Reading::Clock(Clock { minute: 30, ..hour }), end));
        }
        _ => return None,
    };
    let named = match text.word(end + 1) {
        "noon" | "midday" => Some((Clock::exact(12, 0), end + 2)),
        "midnight" => Some((Clock::exact(0, 0), end + 2)),
        _ => None,
    };
    let (hour, end) = named.or_else(|| hour(text, end + 1))?;
    let sure = said_minutes || vocabulary::is_boundary(text, end);
    if !sure || !(1..60).contains(&minutes) {
        return None;
    }
    let (hour, minute) = if past { (hour, minutes) } else { (before(hour), 60 - minutes) };
    Some((Reading::Clock(Clock { minute, ..hour }), end))
}

fn before(clock: Clock) -> Clock {
    let hour = match (clock.is_open, clock.hour) {
        (true, 1) => 12,
        (false, 0) => 23,
        (_, hour) => hour - 1,
    };
    Clock { hour, ..clock }
}

/// "5pm", "5:30 pm", "17:00", "five thirty".
fn written(text: &Text<'_>, at: usize, lead: Lead, beside_date: bool) -> Option<(Reading, usize)> {
    let word = text.word(at);
    let sure_place = lead.names_time() || beside_date;
    if !text.is_plain(at)
        && let Some((reading, has_half)) = compact(word)
    {
        // "5p", "15h" may be sizes, rooms and lengths as well.
        let is_short = word.ends_with(['a', 'p', 'h']) && !word.contains(':');
        if has_half && is_short {
            let is_late = matches!(reading, Reading::Clock(clock) if clock.hour > 12) && word.ends_with('h');
            let free = vocabulary::is_boundary(text, at + 1);
            let is_time = free && (lead == Lead::At || beside_date || is_late && lead == Lead::Bare);
            return is_time.then_some((reading, at + 1));
        }
        if has_half {
            return Some((reading, at + 1));
        }
        if let (Reading::Clock(clock), Some((half, end))) = (reading, half(text, at + 1)) {
            return with_half(clock, half).map(|clock| (Reading::Clock(clock), end));
        }
        let free = at == 0 || vocabulary::is_boundary(text, at + 1) || text.word(at + 1) == "o'clock";
        return match reading {
            Reading::Impossible => sure_place.then_some((reading, at + 1)),
            // "8.30" is more often a number than a time.
            Reading::Clock(_) if word.contains('.') => {
                (lead == Lead::At && free).then_some((reading, at + 1))
            }
            Reading::Clock(_) => {
                let is_verse = VERSES.contains(text.word_before(at));
                ((sure_place || free) && !is_verse).then_some((reading, at + 1))
            }
        };
    }
    let (clock, end) = hour(text, at)?;
    let said_half = end > at + 1 && !clock.is_open;
    let said_clock = text.word(end) == "o'clock" || text.is_any(end - 1, words!["o'clock", "oclock"]);
    if let Some((minute, end)) = spoken_minutes(text, end, clock) {
        let (clock, end) = finish_half(text, Clock { minute, ..clock }, end);
        let free = lead.names_time()
            || !clock.is_open
            || part_after(text, end)
            || beside_date && vocabulary::is_boundary(text, end);
        return free.then_some((Reading::Clock(clock), end));
    }
    if said_half || said_clock {
        return Some((Reading::Clock(clock), end));
    }
    if let Some(found) = spaced(text, at, lead) {
        return Some(found);
    }
    let counted = text.word(at).len() > 2 && number::digits(text.word(at)).is_some();
    let free = vocabulary::is_boundary(text, end) || vocabulary::is_verb(text.word(end));
    let changes = words![
        "multiply", "divide", "increase", "reduce", "raise", "cut", "lower", "decrease", "grow", "shrink",
        "split", "count", "beat", "win", "lose",
    ];
    let is_amount = lead == Lead::By && (0..at.min(6)).any(|word| text.is_any(word, changes));
    // "tonight at 8 dinner with sam"
    let led = (lead.names_bare_hour() && free || lead == Lead::At && beside_date) && !is_amount;
    let before_part = part_after(text, end) && !is_counted(text, at);
    ((led || before_part) && !counted).then_some((Reading::Clock(clock), end))
}

/// "10 30 am", "at 3 15": the minutes are a word of their own.
fn spaced(text: &Text<'_>, at: usize, lead: Lead) -> Option<(Reading, usize)> {
    let hour = number::digits(text.word(at)).filter(|hour| (1..24).contains(hour))?;
    let minute =
        number::digits(text.word(at + 1)).filter(|minute| text.word(at + 1).len() == 2 && *minute < 60)?;
    let clock = Clock { hour, minute, is_open: hour <= 12 };
    if let Some((half, end)) = half(text, at + 2) {
        return with_half(clock, half).map(|clock| (Reading::Clock(clock), end));
    }
    let is_time = lead == Lead::At && minute % 5 == 0 && vocabulary::is_boundary(text, at + 2);
    is_time.then_some((Reading::Clock(clock), at + 2))
}

/// Books whose verses look like times: "John 3:16".
const VERSES: &Words = words![
    "genesis", "exodus", "psalm", "psalms", "proverbs", "isaiah", "matthew", "mark", "luke", "john", "acts",
    "romans", "surah", "quran", "ayah", "verse", "chapter", "ratio", "scale", "score",
];

/// Whether the number before a part of the day counts something: "pick up 2 tonight".
fn is_counted(text: &Text<'_>, at: usize) -> bool {
    let before = text.word_before(at);
    before.is_empty() && at > 0
        || vocabulary::is_verb(before)
        || ["up", "for", "the", "of", "about", "these", "those", "my", "all", "off", "out"].contains(&before)
}

/// "5 *in the evening*", "8 *tonight*", "9 *tomorrow morning*".
fn part_after(text: &Text<'_>, at: usize) -> bool {
    let is_part = |at: usize| part(text.word(at)).is_some();
    text.is_any(at, words!["tonight", "tonite"])
        || text.after(at, "at night").is_some()
        || text.after_any(at, words!["in the", "this", "tomorrow", "in"]).is_some_and(is_part)
}

/// Reads an hour with or without its half: "5", "five", "5pm", "5 pm", "5 o'clock".
fn hour(text: &Text<'_>, at: usize) -> Option<(Clock, usize)> {
    let word = text.word(at);
    if !text.is_plain(at)
        && let Some((Reading::Clock(clock), _)) = compact(word)
    {
        return Some(finish_half(text, clock, at + 1));
    }
    let hour = number::at(text, at).filter(|hour| *hour < 24)?;
    let padded = word.len() == 2 && word.starts_with('0');
    let clock = Clock { hour, minute: 0, is_open: (1..=12).contains(&hour) && !padded };
    let end = text.after_any(at + 1, words!["o'clock", "oclock"]).unwrap_or(at + 1);
    Some(finish_half(text, clock, end))
}

fn finish_half(text: &Text<'_>, clock: Clock, at: usize) -> (Clock, usize) {
    let found = half(text, at).and_then(|(half, end)| Some((with_half(clock, half)?, end)));
    found.unwrap_or((clock, at))
}

/// "five *thirty*": a multiple of five in words.
fn spoken_minutes(text: &Text<'_>, at: usize, hour: Clock) -> Option<(u32, usize)> {
    let spelled = hour.minute == 0 && number::digits(text.word(at)).is_none();
    let (minute, end) = number::read(text, at).filter(|_| spelled && text.is_any(at, MINUTE_WORDS))?;
    (10..60).contains(&minute).then_some((minute, end))
}

const MINUTE_WORDS: &Words =
    words!["ten", "fifteen", "twenty", "thirty", "forty", "forty-five", "fifty", "twenty-five"];

/// Reads "am" or "pm" as a word of its own.
fn half(text: &Text<'_>, at: usize) -> Option<(bool, usize)> {
    let is_pm = parse_half(text.word(at)).filter(|_| text.word(at).len() > 1)?;
    // The dot of "p.m." is a mark of its own, unless it ends the sentence.
    let dotted = text.word(at).contains('.') && text.tokens.get(at + 1).is_some_and(|mark| mark.text == ".");
    Some((is_pm, if dotted { at + 2 } else { at + 1 }))
}

fn parse_half(word: &str) -> Option<bool> {
    match word {
        "am" | "a.m" | "a" => Some(false),
        "pm" | "p.m" | "p" => Some(true),
        _ => None,
    }
}

/// 12am is 00:00, 12pm is noon; "17:00 pm" is 17:00.
fn with_half(clock: Clock, is_pm: bool) -> Option<Clock> {
    match (clock.hour, is_pm) {
        (0, _) => None,
        (13..=23, true) => Some(Clock { is_open: false, ..clock }),
        (13..=23, false) => None,
        (hour, _) => Some(Clock::exact(hour % 12 + if is_pm { 12 } else { 0 }, clock.minute)),
    }
}

/// Parses a time in one word, and says whether it carries its half of the day: "5pm", "5:30pm", "8.30", "17:00", "08:00:20".
fn compact(word: &str) -> Option<(Reading, bool)> {
    if !word.starts_with(|c: char| c.is_ascii_digit()) {
        return spelled_pair(word);
    }
    let letters = word.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(word.len());
    let (digits, suffix) = word.split_at(letters);
    let suffix = suffix.strip_suffix("ish").unwrap_or(suffix);
    let half = if suffix.is_empty() { None } else { parse_half(suffix) };
    if half.is_none() && !suffix.is_empty() {
        return with_h(digits, suffix);
    }
    let mut parts = digits.split([':', '.']);
    let two = |part: &str| number::digits(part).filter(|_| part.len() <= 2);
    let hour_text = parts.next()?;
    let hour = two(hour_text)?;
    let minute = parts.next();
    if minute.is_none() && half.is_none() {
        return None;
    }
    if minute.is_some_and(|minute| minute.len() != 2) {
        return None;
    }
    let second = parts.next().map_or(Some(0), two)?;
    if parts.next().is_some() {
        return None;
    }
    let minute = minute.map_or(Some(0), two)?;
    // "5.30.20" is no time that anybody writes.
    let is_dotted = digits.matches('.').count() > 1;
    if minute > 59 || hour > 23 || second > 59 || is_dotted {
        return Some((Reading::Impossible, false));
    }
    let padded = hour_text.len() == 2 && hour < 10;
    let open = Clock { hour, minute, is_open: (1..=12).contains(&hour) && !padded };
    match half {
        None => Some((Reading::Clock(open), false)),
        Some(half) => {
            let exact = with_half(open, half).map_or(Reading::Impossible, Reading::Clock);
            Some((exact, exact != Reading::Impossible))
        }
    }
}

/// "19h30", "15h", "17:00h".
fn with_h(digits: &str, suffix: &str) -> Option<(Reading, bool)> {
    let (hour, minute) = match (digits.split_once(':'), suffix.strip_prefix('h')?) {
        (Some((hour, minute)), "" | "rs") if minute.len() == 2 => (hour, minute),
        (None, "") => (digits, "0"),
        (None, minute) if minute.len() == 2 => (digits, minute),
        _ => return None,
    };
    let two = |part: &str| number::digits(part).filter(|_| part.len() <= 2);
    let (hour, minute) = (two(hour).filter(|hour| *hour < 24)?, two(minute).filter(|minute| *minute < 60)?);
    // "1h" is more often a length.
    (digits.len() > 1 || suffix.len() > 1).then_some((Reading::Clock(Clock::exact(hour, minute)), true))
}

/// "five-thirty".
fn spelled_pair(word: &str) -> Option<(Reading, bool)> {
    // The shortest are "one-ten" and its like.
    let (hour, minute) = if word.len() > 6 { word.split_once('-')? } else { return None };
    let hour = number::word(hour).filter(|hour| (1..=12).contains(hour))?;
    let minute = number::word(minute).filter(|_| MINUTE_WORDS.contains(minute))?;
    Some((Reading::Clock(Clock { hour, minute, is_open: true }), false))
}
