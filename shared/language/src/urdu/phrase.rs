//! Finds the phrases of a text, from left to right, each at most once; what Urdu does not read, English may.

use domain::reminder::Method;

use crate::english;
use crate::meaning::lead::Lead;
use crate::meaning::phrase::{Mode, Phrase, Value, Wish};
use crate::token::Kind;
use crate::urdu::date::Place;
use crate::urdu::lexicon::Said;
use crate::urdu::{clock, date, duration, label, recurrence, verb, wish};
use crate::words::words;
use crate::{Context, Problem};

/// How to look for phrases.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Look {
    /// As for every language.
    pub(crate) mode: Mode,
    /// What was done is spoken of, so that کل is yesterday.
    pub(crate) is_past: bool,
    /// What is said ends in a verb, so that a part of the day in front is when.
    pub(crate) has_verb: bool,
}

/// Finds all phrases.
pub(crate) fn scan(said: &Said<'_>, context: &Context, look: Look) -> Vec<Phrase> {
    let mut found: Vec<Phrase> = Vec::new();
    // "7 دن تک روزانہ": how long may stand before how often.
    let (mut at, mut has_rule) = (0, said.text.has_any(words!["rozana", "har"]));
    while at < said.text.len() {
        let scanner = Scanner { said, context, look, found: &found, has_rule };
        match scanner.read(at) {
            Some((value, to)) if to > at => {
                has_rule |= matches!(value, Value::Rule(_));
                found.push(Phrase { from: at, to, value });
                at = to;
            }
            _ => at += 1,
        }
    }
    found
}

/// Says whether a text begins with a phrase.
pub(crate) fn begins(said: &Said<'_>, context: &Context, look: Look) -> bool {
    let scanner = Scanner { said, context, look, found: &[], has_rule: false };
    said.text.len() > 0 && scanner.read(0).is_some_and(|(_, to)| to > 0)
}

struct Scanner<'a> {
    said: &'a Said<'a>,
    context: &'a Context,
    look: Look,
    found: &'a [Phrase],
    /// Whether a repetition was found already, which may now be ended.
    has_rule: bool,
}

impl Scanner<'_> {
    fn read(&self, at: usize) -> Option<(Value, usize)> {
        let text = &self.said.text;
        if matches!(text.tokens[at].kind, Kind::Quoted | Kind::Opaque) {
            return None;
        }
        // "آج کل", "کل ملا کر": these days, all in all.
        if text.after(at, "aaj kal").is_some() || text.word(at) == "ajkal" {
            return None;
        }
        self.label(at)
            .or_else(|| self.reminder(at))
            .or_else(|| self.repetition(at))
            .or_else(|| self.temporal(at))
            .or_else(|| self.english(at))
    }

    fn label(&self, at: usize) -> Option<(Value, usize)> {
        let text = &self.said.text;
        let tags = label::read_tags(text, at).map(|(tags, end)| (Value::Tags(tags), end));
        let priority = || label::read_priority(text, at, self.look.mode.is_value);
        tags.or_else(|| priority().map(|(level, end)| (Value::Priority(level), end)))
    }

    fn reminder(&self, at: usize) -> Option<(Value, usize)> {
        let text = &self.said.text;
        if let Some(end) = wish::read(text, at) {
            return Some((Value::Reminder(Wish { lead: None, method: None }), end));
        }
        if let Some(end) = wish::by_email(text, at).filter(|_| self.look.mode.wants_reminder) {
            return Some((Value::Reminder(Wish { lead: None, method: Some(Method::Email) }), end));
        }
        let start = text.after(at, "aur").unwrap_or(at);
        let (lead, end) = duration::read_lead(text, start)?;
        let asks = text.is_any(end, words!["yaad", "remind", "reminder"]);
        if !self.look.mode.wants_reminder && !asks {
            return None;
        }
        Some((Value::Reminder(Wish { lead: Some(lead), method: None }), end))
    }

    fn repetition(&self, at: usize) -> Option<(Value, usize)> {
        let text = &self.said.text;
        if let Some((reading, end)) = recurrence::read(text, at, at == 0, self.context.now.date()) {
            let value = match reading {
                recurrence::Reading::Rule(rule) => Value::Rule(rule),
                recurrence::Reading::Unsupported => Value::Unsupported,
            };
            return Some((value, end));
        }
        if !self.has_rule {
            return None;
        }
        if let Some(end) = recurrence::read_after_done(text, at) {
            return Some((Value::AfterDone, end));
        }
        if let Some(end) = recurrence::read_endless_times(text, at) {
            return Some((Value::Unsupported, end));
        }
        if let Some((count, end)) = recurrence::read_times(text, at) {
            return Some((Value::Times(count), end));
        }
        recurrence::read_goes_on(text, at).map(|(length, end)| (Value::GoesOn(length), end))
    }

    fn temporal(&self, at: usize) -> Option<(Value, usize)> {
        let text = &self.said.text;
        let ahead = duration::read_ahead(text, at).filter(|_| self.look.mode.in_query);
        if let Some((length, end)) = ahead.or_else(|| duration::read_from_now(text, at)) {
            return Some((Value::FromNow(length), end));
        }
        self.day(at).or_else(|| self.clock(at)).or_else(|| self.part(at))
    }

    fn day(&self, at: usize) -> Option<(Value, usize)> {
        let place = Place {
            beside_date: self.is_beside_date(at),
            in_query: self.look.mode.in_query,
            is_past: self.look.is_past,
            is_value: self.look.mode.is_value && at == 0,
        };
        let text = &self.said.text;
        // "آخری تاریخ: جمعہ"
        let named = text.after_any(at, words!["akhri tarikh", "ded lain", "deadline", "due date"]);
        let start = named.map_or(at, |end| if text.is_mark(end, ':') { end + 1 } else { end });
        let place = Place { beside_date: place.beside_date || named.is_some(), ..place };
        let (reading, end) = date::read(text, start, place, self.context)?;
        // "کل رات کی بات لکھنا": what the words are about.
        let part = text.after_any(end, words!["subah", "dopahar", "shaam", "raat"]).unwrap_or(end);
        let told = words![
            "baat",
            "baatein",
            "batein",
            "بات",
            "باتیں",
            "khabar",
            "خبر",
            "خبریں",
            "waqia",
            "واقعہ",
            "qissa",
            "قصہ",
        ];
        if text.is_any(part, words!["ki", "ka", "ke"]) && text.is_any(part + 1, told) {
            return None;
        }
        Some(match reading {
            date::Reading::Day(day, lead) => (Value::Day(day, lead), end),
            date::Reading::Bad(problem) => (Value::Bad(problem), end),
        })
    }

    fn clock(&self, at: usize) -> Option<(Value, usize)> {
        let text = &self.said.text;
        let (reading, end) = clock::read(text, at, self.place(at))?;
        let (lead, after) = time_lead(self.said, end);
        Some(match reading {
            clock::Reading::Clock(clock) => (Value::Clock(clock, lead), after),
            clock::Reading::Impossible => {
                let text = text.slice(at, end).to_owned();
                (Value::Bad(Problem::NoSuchTime { text }), after)
            }
        })
    }

    /// "شام کو", "کل صبح", "رات 9 بجے", "رات کے وقت"; "رات کا کھانا" and "شام کی چائے" are none.
    fn part(&self, at: usize) -> Option<(Value, usize)> {
        let text = &self.said.text;
        let (part, end) = clock::part(text, at)?;
        let value = |end| Some((Value::Part(part), end));
        if text.word(at) == "علی" {
            return value(end);
        }
        let hi = text.after_any(end, words!["hi"]).unwrap_or(end);
        let led = text.after_any(hi, words!["ke waqt", "ko hi", "ko", "mein", "tak", "se pehle", "par"]);
        let before_clock = |at: usize| {
            clock::read(text, at, clock::Place::BehindPart).is_some() || self.is_english_clock(at)
        };
        // "رات کے 9 بجے"
        if let Some(start) =
            text.after_any(hi, words!["ke qareeb", "ke", "mein", "ko"]).filter(|at| before_clock(*at))
        {
            return value(start);
        }
        if before_clock(hi) {
            return value(hi);
        }
        let is_of = date::is_attribute(text, hi) && text.after(hi, "ke waqt").is_none();
        if self.is_beside_date(at) && !is_of {
            return value(led.unwrap_or(hi));
        }
        // "شام میں" is as likely the country.
        let is_place = text.word(at) == "shaam" && text.word(hi) == "mein";
        if let Some(end) = led.filter(|_| !is_place) {
            return value(end);
        }
        if self.look.mode.in_query || self.look.mode.is_value {
            return value(hi);
        }
        // "فون کرنا صبح"
        let is_last = at > 0 && hi >= text.end_of_words() && verb::is_infinitive(text, at - 1, false);
        if is_last {
            return value(hi);
        }
        let goes = text.is_any(
            hi,
            words!["ja-na", "aa-na", "se", "jane", "nau", "naya", "ji", "e", "صادق", "sadiq", "bakhair"],
        );
        // "شام" is a country and "شب" a poem as well.
        let is_plain = text.is_any(at, words!["subah", "raat", "dopahar"]) && !text.is_break(hi);
        let is_front = is_plain && at == 0 && self.look.has_verb && !is_of && !goes && text.len() > hi + 1;
        is_front.then(|| value(hi))?
    }

    fn place(&self, at: usize) -> clock::Place {
        let behind = |phrase: &&Phrase| matches!(phrase.value, Value::Part(_)) && phrase.to == at;
        if self.found.last().filter(behind).is_some() {
            clock::Place::BehindPart
        } else if self.is_beside_date(at) || self.look.mode.is_value {
            clock::Place::BesideDate
        } else {
            clock::Place::Free
        }
    }

    fn is_english_clock(&self, at: usize) -> bool {
        english::clock::is_clock(self.said.english.word(at))
    }

    /// "at 5pm", "by friday", "every monday", "05/12/2026", with the word that Urdu puts behind.
    fn english(&self, at: usize) -> Option<(Value, usize)> {
        let english = &self.said.english;
        if english.word(at).is_empty() {
            return None;
        }
        // "2 کو فوری کر دو": a number alone is no hour.
        let is_number = english.word(at).bytes().all(|b| b.is_ascii_digit());
        let mode = Mode { is_value: self.look.mode.is_value && at == 0 && !is_number, ..self.look.mode };
        let (value, end) = english::phrase::read_at(english, self.context, mode, self.found, at)
            .or_else(|| self.numeric(at))?;
        let text = &self.said.text;
        Some(match value {
            Value::Day(day, lead) => {
                let (after, end) = date::lead(text, end);
                if date::is_attribute(text, end) && !self.look.mode.in_query {
                    return None;
                }
                (Value::Day(day, if after == Lead::Bare { lead } else { after }), end)
            }
            Value::Clock(clock, lead) => {
                let (after, end) = time_lead(self.said, end);
                (Value::Clock(clock, if after == Lead::Bare { lead } else { after }), end)
            }
            value => (value, end),
        })
    }

    /// "5/12 ko": a day in digits, which the word behind makes sure of.
    fn numeric(&self, at: usize) -> Option<(Value, usize)> {
        let english = &self.said.english;
        let is_led = date::lead(&self.said.text, at + 1).0 != Lead::Bare || self.is_beside_date(at);
        let word = english.word(at);
        if !is_led || !word.contains('/') {
            return None;
        }
        let place =
            english::date::Place { lead: Lead::On, is_start: true, beside_date: false, in_query: false };
        let day_first = self.context.locale.day_before_month();
        let (reading, end) =
            english::fixed_date::read(english, at, place, self.context.now.date(), day_first)?;
        Some(match reading {
            english::date::Reading::Day(day) => (Value::Day(day, Lead::On), end),
            english::date::Reading::Bad(problem) => (Value::Bad(problem), end),
        })
    }

    /// Says whether a date or a time ends right before `at`, or before the comma there.
    fn is_beside_date(&self, at: usize) -> bool {
        let Some(last) = self.found.last().filter(|last| last.is_temporal()) else { return false };
        let gap = at.saturating_sub(last.to);
        gap == 0 || (gap == 1 && self.said.text.is_mark(last.to, ','))
    }
}

/// Reads what follows a time: "تک", "سے پہلے", "پر", "کے قریب", "کی".
fn time_lead(said: &Said<'_>, at: usize) -> (Lead, usize) {
    let text = &said.text;
    let at = text.after_any(at, words!["hi", "sharp", "ke qareeb", "ke baad"]).unwrap_or(at);
    // "9 بجے صبح کو": the part is read next.
    if let Some(end) = text.after_any(at, words!["ke", "ki"])
        && clock::part(text, end).is_some()
    {
        return (Lead::At, end);
    }
    let found = [
        (words!["se pehle pehle", "se pehle"], Lead::By),
        (words!["tak"], Lead::Until),
        (words!["ko", "par", "ka", "ki", "ke liye", "wala"], Lead::At),
        (words!["se"], Lead::From),
    ];
    let found = found.into_iter().find_map(|(words, lead)| Some((lead, text.after_any(at, words)?)));
    match found {
        Some((lead, end)) => (lead, end),
        None => (Lead::Bare, at),
    }
}
