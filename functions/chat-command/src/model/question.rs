//! What goes in: the prompts, and one JSON object of 2 kB at most with what was said, whole, and the titles that the user was shown,
//! without addresses and ids. No id of a task, nothing of the settings but zone and locale, and nothing of anybody else.

use application::chat::Loaded;
use chrono::NaiveDateTime;
use domain::task::Status;
use language::Language;
use serde::Serialize;
use uuid::Uuid;

use super::answer::Shown;

const GENERAL: &str = include_str!("prompts/general.md");
const CLARIFICATION: &str = include_str!("prompts/clarification.md");
const ERROR_HANDLING: &str = include_str!("prompts/error_handling.md");
const TASK_AGENT: &str = include_str!("prompts/task_agent.md");
const REMINDER_AGENT: &str = include_str!("prompts/reminder_agent.md");

/// The most that is said of a sentence and the tasks around it, in bytes of JSON.
const MAX_BYTES: usize = 2_048;
/// The most tasks that are told of.
pub(crate) const MAX_TASKS: usize = 10;
/// The most of a title that is told, in characters.
const MAX_TITLE: usize = 60;
/// What stands for the rest of a title, and for what is nobody's business in it.
const LEFT_OUT: &str = "…";

/// What the model is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Question {
    /// The prompts.
    pub(crate) system: String,
    /// What was said, as JSON.
    pub(crate) data: String,
    /// The tasks that it tells of.
    pub(crate) shown: Vec<Shown>,
}

/// What a sentence is read against.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setting<'a> {
    /// The words.
    pub(crate) said: &'a str,
    /// Their language.
    pub(crate) language: Language,
    /// The user's wall clock.
    pub(crate) now: NaiveDateTime,
    /// The IANA name of its zone.
    pub(crate) zone: &'a str,
    /// The user's locale.
    pub(crate) locale: &'a str,
    /// Whether it asks to be reminded.
    pub(crate) wants_reminder: bool,
}

#[derive(Serialize)]
struct Data<'a> {
    said: &'a str,
    language: &'static str,
    now: String,
    weekday: String,
    time_zone: &'a str,
    locale: &'a str,
    tasks: Vec<Line<'a>>,
}

#[derive(Serialize)]
struct Line<'a> {
    number: u32,
    title: &'a str,
}

/// Puts a question; `None` when the sentence is too long to be told whole, since a part of it may mean the opposite.
pub(crate) fn put(setting: &Setting<'_>, mut shown: Vec<Shown>) -> Option<Question> {
    loop {
        let data = render(setting, &shown);
        if data.len() <= MAX_BYTES {
            return Some(Question { system: system(setting.wants_reminder), data, shown });
        }
        shown.pop()?;
    }
}

/// Gives the tasks to tell of, by their places in what was last shown.
pub(crate) fn tasks(shown: &[Uuid], tasks: &[Loaded]) -> Vec<Shown> {
    let known = |id: &Uuid| tasks.iter().find(|loaded| loaded.task.id == *id);
    let told = (1..).zip(shown).filter_map(|(number, id)| {
        let task = &known(id)?.task;
        (task.status != Status::Deleted).then(|| Shown { id: *id, number, title: cut(task.title.as_str()) })
    });
    told.take(MAX_TASKS).collect()
}

fn render(setting: &Setting<'_>, shown: &[Shown]) -> String {
    let data = Data {
        said: setting.said,
        language: match setting.language {
            Language::English => "English",
            Language::Urdu => "Urdu",
            Language::LatinUrdu => "Urdu in Latin letters",
        },
        now: setting.now.format("%Y-%m-%dT%H:%M").to_string(),
        weekday: setting.now.format("%A").to_string(),
        time_zone: setting.zone,
        locale: setting.locale,
        tasks: shown.iter().map(|task| Line { number: task.number, title: &task.title }).collect(),
    };
    serde_json::to_string(&data).expect("texts and numbers are JSON")
}

fn system(wants_reminder: bool) -> String {
    let reminder = if wants_reminder { REMINDER_AGENT } else { "" };
    [GENERAL, TASK_AGENT, reminder, CLARIFICATION, ERROR_HANDLING].join("\n")
}

/// Gives the beginning of a title, without addresses and ids.
fn cut(title: &str) -> String {
    let is_id = |word: &str| Uuid::try_parse(word.trim_matches(|c: char| !c.is_alphanumeric())).is_ok();
    let is_private = |word: &&str| word.contains('@') || is_id(word);
    let words = title.split_whitespace().map(|word| if is_private(&word) { LEFT_OUT } else { word });
    let mut told = words.collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = told.char_indices().nth(MAX_TITLE) {
        told.truncate(end);
        told += LEFT_OUT;
    }
    told
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn setting(said: &str) -> Setting<'_> {
        Setting {
            said,
            language: Language::LatinUrdu,
            now: "2026-11-21T12:00:30".parse().expect("a time"),
            zone: "Asia/Karachi",
            locale: "en-GB",
            wants_reminder: false,
        }
    }

    fn shown(count: u32, title: &str) -> Vec<Shown> {
        (1..=count).map(|number| Shown { id: Uuid::max(), number, title: cut(title) }).collect()
    }

    #[test]
    fn what_was_said_is_data_beside_the_clock_and_the_tasks() {
        let question = put(&setting("zebra \"hi\""), shown(1, "buy milk")).expect("it is short");
        let data: Value = serde_json::from_str(&question.data).expect("JSON");
        let expected = json!({
            "said": "zebra \"hi\"", "language": "Urdu in Latin letters", "now": "2026-11-21T12:00", "weekday": "Saturday",
            "time_zone": "Asia/Karachi", "locale": "en-GB", "tasks": [{"number": 1, "title": "buy milk"}],
        });
        assert_eq!(data, expected);
        assert!(!question.system.contains("zebra") && !question.system.contains("buy milk"));
    }

    #[test]
    fn two_kilobytes_are_the_most_and_tasks_go_first() {
        let long = "ۓ".repeat(600);
        let question = put(&setting(&long), shown(10, &"ے".repeat(500))).expect("it fits");
        assert!(question.data.len() <= 2_048 && question.data.contains(&long));
        assert!((1..10).contains(&question.shown.len()), "{}", question.shown.len());
        assert_eq!(put(&setting(&"ے".repeat(1_200)), shown(10, "buy milk")), None);
    }

    #[test]
    fn addresses_and_ids_in_titles_stay_here() {
        let title = "write to amna@example.org about (0190163d-8694-739b-aea5-966c26f8ad91), now";
        assert_eq!(cut(title), "write to … about … now");
        assert_eq!(cut(&"a".repeat(100)), "a".repeat(60) + "…");
    }

    #[test]
    fn the_prompts_are_short_and_the_reminder_agent_comes_when_it_is_asked_for() {
        let mut setting = setting("x");
        assert!(!system(false).contains("reminder_minutes_before"));
        setting.wants_reminder = true;
        let question = put(&setting, Vec::new()).expect("it is short");
        assert!(question.system.contains("reminder_minutes_before"));
        assert!(question.system.len() < 4_096, "{}", question.system.len());
    }
}
