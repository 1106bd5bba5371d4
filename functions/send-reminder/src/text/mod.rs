//! What a reminder says, in the user's language: the parts of a mail, and a notification.

mod english;
mod html;
mod urdu;

use application::reminders::Content;
use chrono::{DateTime, FixedOffset, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use domain::settings::Locale;
use domain::zone::local;
use events::TaskBody;
use serde_json::json;
use uuid::Uuid;

/// The most bytes of a notification; push services take 4,096 of the encrypted one.
const NOTIFICATION_BYTES: usize = 3_000;
/// How long after its due time a task is overdue: times are told to the minute, and a mail in the due minute is on time.
const GRACE: TimeDelta = TimeDelta::minutes(1);

/// A reminder to be put into words.
pub(crate) struct Message<'a> {
    pub(crate) content: &'a Content,
    pub(crate) locale: Locale,
    pub(crate) now: DateTime<Utc>,
    pub(crate) links: Option<&'a Links>,
}

/// URLs by which a reminder is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Links {
    /// Completes the task.
    pub done: String,
    /// Reminds again in ten minutes.
    pub snooze: String,
}

/// A mail without its addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mail {
    pub(crate) subject: String,
    pub(crate) plain: String,
    pub(crate) html: String,
}

/// A language's words. What is put between them is in one line already.
struct Wording {
    /// BCP 47.
    lang: &'static str,
    /// `ltr` or `rtl`.
    dir: &'static str,
    /// The subject, of a title.
    reminder: fn(&str) -> String,
    /// The subject of so many missed ones.
    missed: fn(usize) -> String,
    /// A day, with weekday and year.
    date: fn(NaiveDate) -> String,
    /// A day, a time such as `17:00`, and the name of a zone.
    moment: fn(&str, &str, &str) -> String,
    due: fn(&str) -> String,
    was_due: fn(&str) -> String,
    high_priority: &'static str,
    low_priority: &'static str,
    done: &'static str,
    snooze: &'static str,
}

/// A due time as a task tells it.
enum Due {
    Day(NaiveDate),
    Moment(DateTime<FixedOffset>),
}

impl Message<'_> {
    /// Gives the reminder as a mail, in plain text and in HTML.
    pub(crate) fn mail(&self) -> Mail {
        Mail { subject: self.subject(), plain: self.plain(), html: html::page(self) }
    }

    /// Gives the reminder as JSON for the page's service worker: `title`, `body`, `lang`, `dir`, `tag` (the same for every attempt),
    /// `task_id` (null for several tasks), `url` (what to open), and `links` if there are any. At most 3,000 bytes: a long text is cut.
    pub(crate) fn notification(&self, tag: Uuid) -> String {
        let wording = self.wording();
        let (title, body, task_id) = match self.content {
            Content::Task(task) => {
                let description = task.description.as_deref().map(several_lines);
                let lines: Vec<_> = self.due(task).into_iter().chain(description).collect();
                (one_line(&task.title), lines.join("\n"), Some(task.id))
            }
            Content::Missed(missed) => {
                let titles: Vec<_> = missed.iter().map(|(_, task)| self.isolated(&task.title)).collect();
                (self.subject(), titles.join("\n"), None)
            }
        };
        let url = task_id.map_or_else(|| "/".to_owned(), |id| format!("/?task={id}"));
        let render = |body: &str| {
            let mut payload = json!({
                "title": title, "body": body, "lang": wording.lang, "dir": wording.dir, "tag": tag, "task_id": task_id, "url": url,
            });
            if let Some(Links { done, snooze }) = self.links {
                payload["links"] = json!({"done": done, "snooze": snooze});
            }
            payload.to_string()
        };
        let whole = render(&body);
        if whole.len() <= NOTIFICATION_BYTES {
            return whole;
        }
        let room = NOTIFICATION_BYTES.saturating_sub(render("…").len());
        render(&format!("{}…", cut(&body, room)))
    }

    fn wording(&self) -> &'static Wording {
        match self.locale {
            Locale::UrPk => &urdu::WORDING,
            Locale::EnGb | Locale::EnUs => &english::WORDING,
        }
    }

    fn subject(&self) -> String {
        match self.content {
            Content::Task(task) => (self.wording().reminder)(&self.isolated(&task.title)),
            Content::Missed(missed) => (self.wording().missed)(missed.len()),
        }
    }

    fn plain(&self) -> String {
        let mut paragraphs = Vec::new();
        match self.content {
            Content::Task(task) => {
                let facts = [Some(one_line(&task.title)), self.due(task), self.priority(task)];
                paragraphs.push(facts.into_iter().flatten().collect::<Vec<_>>().join("\n"));
                paragraphs.extend(task.description.as_deref().map(several_lines));
            }
            Content::Missed(missed) => {
                paragraphs.push(self.subject());
                paragraphs.extend(missed.iter().map(|(_, task)| {
                    let facts = [Some(one_line(&task.title)), self.due(task)];
                    facts.into_iter().flatten().collect::<Vec<_>>().join("\n")
                }));
            }
        }
        if let Some(Links { done, snooze }) = self.links {
            let Wording { done: to_be_done, snooze: to_snooze, .. } = self.wording();
            paragraphs.push(format!("{to_be_done}: {done}\n{to_snooze}: {snooze}"));
        }
        paragraphs.push("-- \nKaam\n".to_owned());
        paragraphs.join("\n\n").replace('\n', "\r\n")
    }

    /// Says when a task is due, or was.
    fn due(&self, task: &TaskBody) -> Option<String> {
        let wording = self.wording();
        let due = parse_due(task.due_date.as_deref()?)?;
        let is_over = match due {
            Due::Moment(at) => self.now.signed_duration_since(at) >= GRACE,
            Due::Day(date) => {
                let zone: Tz = task.time_zone.parse().unwrap_or(Tz::UTC);
                local(self.now, zone).date() > date
            }
        };
        let spelled = match due {
            Due::Day(date) => (wording.date)(date),
            Due::Moment(at) => {
                let (date, time) = ((wording.date)(at.date_naive()), at.format("%H:%M").to_string());
                (wording.moment)(&date, &time, &task.time_zone)
            }
        };
        Some(if is_over { (wording.was_due)(&spelled) } else { (wording.due)(&spelled) })
    }

    fn priority(&self, task: &TaskBody) -> Option<String> {
        match task.priority.as_str() {
            "high" => Some(self.wording().high_priority.to_owned()),
            "low" => Some(self.wording().low_priority.to_owned()),
            _ => None,
        }
    }

    /// Gives a title as it can stand within a line of other words: it neither changes their direction nor takes on theirs
    /// (Unicode UAX #9 §2.4). Left to right needs this only for titles that bring controls of their own.
    fn isolated(&self, title: &str) -> String {
        let line = one_line(title);
        let plain: String = line.chars().filter(|c| !is_direction(*c)).collect();
        if self.wording().dir == "rtl" || plain != line { format!("\u{2068}{plain}\u{2069}") } else { plain }
    }
}

fn parse_due(text: &str) -> Option<Due> {
    let moment = || DateTime::parse_from_rfc3339(text).ok().map(Due::Moment);
    NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().map(Due::Day).or_else(moment)
}

/// Gives as many characters from the start of a text without controls but line feeds as take up to `room` bytes in JSON.
fn cut(text: &str, room: usize) -> &str {
    let mut used = 0;
    let end = text.char_indices().find(|(_, c)| {
        used += if matches!(c, '"' | '\\' | '\n') { 2 } else { c.len_utf8() };
        used > room
    });
    end.map_or(text, |(at, _)| &text[..at])
}

/// Line breaks and other controls become spaces.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || is_line_break(c) { ' ' } else { c }).collect()
}

/// Lines are kept; other controls become spaces.
fn several_lines(text: &str) -> String {
    let lines: Vec<_> = text.lines().map(one_line).collect();
    lines.join("\n")
}

const fn is_line_break(c: char) -> bool {
    matches!(c, '\u{2028}' | '\u{2029}')
}

/// Embeddings, overrides, isolates and what ends them.
const fn is_direction(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests;
