//! Times of day, as they are said.

use crate::english::number;
use crate::english::vocabulary;
use crate::meaning::clock::Clock;
use crate::meaning::clock::Part;
use crate::meaning::lead::Lead;
use crate::token::Text;

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
    matches!(compact(word), Some((_, true)))
}

/// Reads a time. A bare hour needs a word before it ("at 5") and nothing after it that it could count ("at 5 shops").
pub(crate) fn read(text: &Text<'_>, at: usize, lead: Lead, beside_date: bool) -> Option<(Reading, usize)> {
    spoken(text, at, lead).or_else(|| written(text, at, lead, beside_date)).map(|(reading, end)| {
        let end = if text.is_any(end, &["sharp", "exactly"]) { end + 1 } else { end };
        (reading, text.after(end, "o'clock").unwrap_or(end))
    })
}

/// "noon", "half past five", "20 minutes to 6pm".
fn spoken(text: &Text<'_>, at: usize, lead: Lead) -> Option<(Reading, usize)> {
    let skip = if text.word(at) == "the" { at + 1 } else { at };
    let after_twelve = text.after(skip, "12").unwrap_or(skip);
    let named = match text.word(after_twelve) {
        "noon" | "midday" | "noontime" => Some(Clock::exact(12, 0)),
        "midnight" => Some(Clock::exact(0, 0)),
        _ => None,
    };
    if let Some(clock) = named {
        let end = after_twelve + 1;
        let free = lead.is_any() || vocabulary::is_boundary(text, end);
        return free.then_some((Reading::Clock(clock), end));
    }
    let (minutes, by_name, end) = match text.after_any(at, &["a quarter", "quarter"]) {
        Some(end) => (15, true, end),
        None if text.word(at) == "half" => (30, true, at + 1),
        None => {
            let (minutes, end) = number::read(text, at)?;
            (minutes, false, end)
        }
    };
    let (said_minutes, end) = match text.after_any(end, &["minutes", "minute", "mins", "min"]) {
        Some(end) => (true, end),
        None => (by_name, end),
    };
    let past = match text.word(end) {
        "past" => true,
        "to" | "till" if said_minutes || lead == Lead::At => false,
        _ => return None,
    };
    let (hour, end) = hour(text, end + 1)?;
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
    if let Some((reading, has_half)) = compact(word) {
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
                let is_verse = VERSES.contains(&text.word_before(at));
                ((sure_place || free) && !is_verse).then_some((reading, at + 1))
            }
        };
    }
    let (clock, end) = hour(text, at)?;
    let said_half = end > at + 1 && !clock.is_open;
    let said_clock = text.word(end) == "o'clock" || text.word(end - 1) == "o'clock";
    if let Some((minute, end)) = spoken_minutes(text, end, clock) {
        let (clock, end) = finish_half(text, Clock { minute, ..clock }, end);
        let free = lead.names_time() || !clock.is_open || part_after(text, end);
        return free.then_some((Reading::Clock(clock), end));
    }
    if said_half || said_clock {
        return Some((Reading::Clock(clock), end));
    }
    let counted = text.word(at).len() > 2 && number::digits(text.word(at)).is_some();
    let free = vocabulary::is_boundary(text, end) || vocabulary::is_verb(text.word(end));
    let changes =
        ["multiply", "divide", "increase", "reduce", "raise", "cut", "lower", "decrease", "grow", "shrink"];
    let is_amount = lead == Lead::By && (0..at.min(6)).any(|word| text.is_any(word, &changes));
    let led = lead.names_bare_hour() && free && !is_amount;
    let before_part = part_after(text, end) && !is_counted(text, at);
    ((led || before_part) && !counted).then_some((Reading::Clock(clock), end))
}

/// Books whose verses look like times: "John 3:16".
const VERSES: &[&str] = &[
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
    text.is_any(at, &["tonight", "tonite"])
        || text.after(at, "at night").is_some()
        || text.after_any(at, &["in the", "this", "tomorrow", "in"]).is_some_and(is_part)
}

/// Reads an hour with or without its half: "5", "five", "5pm", "5 pm", "5 o'clock".
fn hour(text: &Text<'_>, at: usize) -> Option<(Clock, usize)> {
    if let Some((Reading::Clock(clock), _)) = compact(text.word(at)) {
        return Some(finish_half(text, clock, at + 1));
    }
    let word = text.word(at);
    let hour = number::word(word).filter(|hour| *hour < 24)?;
    let padded = word.len() == 2 && word.starts_with('0');
    let clock = Clock { hour, minute: 0, is_open: (1..=12).contains(&hour) && !padded };
    let end = text.after(at + 1, "o'clock").unwrap_or(at + 1);
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

const MINUTE_WORDS: &[&str] =
    &["ten", "fifteen", "twenty", "thirty", "forty", "forty-five", "fifty", "twenty-five"];

/// Reads "am" or "pm" as a word of its own.
fn half(text: &Text<'_>, at: usize) -> Option<(bool, usize)> {
    let is_pm = parse_half(text.word(at))?;
    // The dot of "p.m." is a mark of its own, unless it ends the sentence.
    let dotted = text.word(at).contains('.') && text.tokens.get(at + 1).is_some_and(|mark| mark.text == ".");
    Some((is_pm, if dotted { at + 2 } else { at + 1 }))
}

fn parse_half(word: &str) -> Option<bool> {
    match word {
        "am" | "a.m" => Some(false),
        "pm" | "p.m" => Some(true),
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
    let letters = word.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(word.len());
    let (digits, suffix) = word.split_at(letters);
    if !digits.starts_with(|c: char| c.is_ascii_digit()) {
        return spelled_pair(word);
    }
    let half = if suffix.is_empty() { None } else { Some(parse_half(suffix)?) };
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
    if minute > 59 || hour > 23 || second > 59 {
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

/// "five-thirty".
fn spelled_pair(word: &str) -> Option<(Reading, bool)> {
    let (hour, minute) = word.split_once('-')?;
    let hour = number::word(hour).filter(|hour| (1..=12).contains(hour))?;
    let minute = number::word(minute).filter(|_| MINUTE_WORDS.contains(&minute))?;
    Some((Reading::Clock(Clock { hour, minute, is_open: true }), false))
}
