//! What comes back: read as what it is, text from a stranger. Whatever is not of the form that was asked for is no answer; whatever
//! contradicts itself, the calendar or the words that were said is asked about. Nothing is repaired into an act.

use chrono::{Datelike, Months, NaiveDate, NaiveDateTime, NaiveTime, Weekday};
use events::recurrence_rule;
use runtime::json::strict;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::heard::{Heard, MOST_CONFIDENT, Named, Wish};
use super::own_words::{is_said, is_same, loses_negation};

/// The longest answer, in bytes; 512 tokens are about half of it.
const MAX_BYTES: usize = 8_192;
/// How far away a day may be, in months.
const MAX_MONTHS: u32 = 120;
/// The longest time before the due time, in minutes: a year.
const MAX_LEAD_MINUTES: u32 = 525_600;
/// The longest text of each kind, in characters.
const MAX_TEXT: usize = 1_000;
/// The most tags.
const MAX_TAGS: usize = 10;
/// How sure a question back is, at most.
const ASKING: f64 = 0.5;

/// A task that the model was told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shown {
    /// Which; the model never learns it.
    pub(crate) id: Uuid,
    /// As the user counts.
    pub(crate) number: u32,
    /// As the model read it.
    pub(crate) title: String,
}

/// What an answer is checked against.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Facts<'a> {
    /// The words of the user.
    pub(crate) said: &'a str,
    /// The wall clock of the user.
    pub(crate) now: NaiveDateTime,
    /// Whether the parser understood a due time.
    pub(crate) has_due: bool,
    /// The tasks that the model was told of.
    pub(crate) shown: &'a [Shown],
}

/// What an answer comes to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Answer {
    /// The model made something of it; and which task it means by a number.
    Heard(Box<Heard>, Option<Uuid>),
    /// It can not make anything of it either.
    Unknown,
}

/// Why an answer is none; never what is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoAnswer {
    /// Prose, two objects, a number that JSON does not have, something cut off, or too much.
    #[error("not one JSON object")]
    NotJson,
    /// A field or a word that nobody asked for, or a value of another type.
    #[error("not of the schema")]
    NotOfSchema,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    intent: Intent,
    title: Option<String>,
    description: Option<String>,
    due_date: Option<String>,
    due_time: Option<String>,
    weekday: Option<Day>,
    priority: Option<Level>,
    tags: Option<Vec<String>>,
    recurrence: Option<Recurrence>,
    reminder_minutes_before: Option<u32>,
    target: Option<Target>,
    confidence: f64,
    question: Option<String>,
}

#[derive(Deserialize, Clone, Copy, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Intent {
    CreateTask,
    UpdateTask,
    CompleteTask,
    DeleteTask,
    QueryTasks,
    Unknown,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum Day {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum Level {
    Low,
    Medium,
    High,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Recurrence {
    pattern: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    interval: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    weekdays: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    month_days: Option<Vec<i8>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Target {
    number: Option<u32>,
    title: Option<String>,
}

/// Reads what the model wrote.
///
/// # Errors
/// [`NoAnswer`].
pub(crate) fn read(text: &str, facts: &Facts<'_>) -> Result<Answer, NoAnswer> {
    if text.len() > MAX_BYTES {
        return Err(NoAnswer::NotJson);
    }
    let value = strict::parse(text.as_bytes()).map_err(|_| NoAnswer::NotJson)?;
    if !value.is_object() {
        return Err(NoAnswer::NotJson);
    }
    let fields: Fields = serde_json::from_value(value).map_err(|_| NoAnswer::NotOfSchema)?;
    if !is_of_schema(&fields) {
        return Err(NoAnswer::NotOfSchema);
    }
    let wish = match fields.intent {
        Intent::CreateTask => Wish::Create,
        Intent::UpdateTask => Wish::Update,
        Intent::CompleteTask => Wish::Complete,
        Intent::DeleteTask => Wish::Delete,
        Intent::QueryTasks => Wish::Query,
        Intent::Unknown => return Ok(Answer::Unknown),
    };
    let (heard, chosen) = check(wish, fields, facts);
    Ok(Answer::Heard(Box::new(heard), chosen))
}

/// What the types do not say. A server that does not enforce the schema is not trusted to have counted either.
fn is_of_schema(fields: &Fields) -> bool {
    let target = fields.target.as_ref().and_then(|target| target.title.as_ref());
    let texts = [&fields.title, &fields.description, &fields.due_date, &fields.due_time, &fields.question];
    let tags = fields.tags.iter().flatten();
    let is_short = |text: &String| text.chars().count() <= MAX_TEXT;
    texts.into_iter().flatten().chain(target).chain(tags).all(is_short)
        && fields.tags.as_ref().is_none_or(|tags| tags.len() <= MAX_TAGS)
        && (0.0..=1.0).contains(&fields.confidence)
        && fields.reminder_minutes_before.is_none_or(|minutes| minutes <= MAX_LEAD_MINUTES)
}

fn check(wish: Wish, fields: Fields, facts: &Facts<'_>) -> (Heard, Option<Uuid>) {
    let (target, chosen) = target(fields.target.as_ref(), facts);
    let (date, time, is_due_doubtful) = due(wish, &fields, facts);
    let rule = fields.recurrence.as_ref().and_then(|rule| serde_json::to_value(rule).ok());
    let recurrence = rule.filter(|rule| matches!(recurrence_rule::parse(rule), Ok(Some(_))));
    let is_rule_doubtful = fields.recurrence.is_some() && recurrence.is_none();
    let given = text(fields.title).filter(|title| !is_name_of(&target, title, chosen, facts));
    let title = given.clone().filter(|title| is_said(title, facts.said));
    let turns_around =
        wish == Wish::Create && loses_negation(title.as_deref().unwrap_or_default(), facts.said);
    let is_asked = text(fields.question).is_some() || turns_around;
    let confidence = fields.confidence.min(if is_asked { ASKING } else { MOST_CONFIDENT });
    let heard = Heard {
        wish,
        percent: percent(confidence),
        is_title_doubtful: given.is_some() && title.is_none(),
        title,
        // What nobody said is left out: nothing of the user's is lost by that.
        description: text(fields.description).filter(|text| is_said(text, facts.said)),
        date,
        time,
        priority: fields.priority.map(|level| level.name().to_owned()),
        tags: fields.tags.unwrap_or_default().into_iter().filter(|tag| is_said(tag, facts.said)).collect(),
        recurrence,
        reminder_minutes_before: fields.reminder_minutes_before,
        target,
        is_time_doubtful: (is_due_doubtful || is_rule_doubtful)
            && !matches!(wish, Wish::Complete | Wish::Delete),
    };
    (heard, chosen)
}

/// Rounds down: what is not quite sure enough stays so.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is a number from 0 to 100")]
fn percent(confidence: f64) -> u8 {
    // 0.29 times 100 is a little less than 29.
    (confidence * 100.0 + 1e-9).floor() as u8
}

fn text(text: Option<String>) -> Option<String> {
    text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// Models like to repeat the title of the task that is to be changed; that is no new one.
fn is_name_of(target: &Named, title: &str, chosen: Option<Uuid>, facts: &Facts<'_>) -> bool {
    let is_chosen = |shown: &Shown| Some(shown.id) == chosen && is_same(&shown.title, title);
    facts.shown.iter().any(is_chosen) || matches!(target, Named::Title(name) if is_same(name, title))
}

/// A number must be one that the model was told of, words must be the user's or a title that the model was told of.
fn target(target: Option<&Target>, facts: &Facts<'_>) -> (Named, Option<Uuid>) {
    let nowhere = (Named::Nowhere, None);
    let Some(Target { number, title }) = target else { return nowhere };
    let title = text(title.clone());
    let told = |title: &str| facts.shown.iter().find(|shown| is_same(&shown.title, title));
    match (number, title) {
        (Some(number), title) => match facts.shown.iter().find(|shown| shown.number == *number) {
            Some(shown) if title.is_none_or(|title| is_same(&shown.title, &title)) => {
                (Named::Number(*number), Some(shown.id))
            }
            _ => nowhere,
        },
        (None, Some(title)) if is_said(&title, facts.said) => (Named::Title(title), None),
        (None, Some(title)) => match told(&title) {
            Some(shown) => (Named::Number(shown.number), Some(shown.id)),
            None => nowhere,
        },
        (None, None) => nowhere,
    }
}

/// Gives day and time, and whether they can not be so: the wrong weekday or none, a day that the calendar does not have, one that is over or
/// more than ten years away, a time of day without a day.
fn due(wish: Wish, fields: &Fields, facts: &Facts<'_>) -> (Option<NaiveDate>, Option<NaiveTime>, bool) {
    let doubtful = (None, None, true);
    let time = match fields.due_time.as_deref().map(time) {
        Some(None) => return doubtful,
        Some(time) => time,
        None => None,
    };
    let weekday = fields.weekday.map(Day::weekday);
    let date = match fields.due_date.as_deref().map(date) {
        Some(None) => return doubtful,
        Some(Some(date)) => date,
        // Another time of the day that a task has.
        None if wish == Wish::Update && weekday.is_none() => return (None, time, false),
        None => return (None, None, (time.is_some() || weekday.is_some()) && !facts.has_due),
    };
    let today = facts.now.date();
    let last = today.checked_add_months(Months::new(MAX_MONTHS)).unwrap_or(NaiveDate::MAX);
    let is_over = date < today || time.is_some_and(|time| date.and_time(time) < facts.now);
    // A day without its weekday could not contradict itself.
    if is_over || date > last || weekday != Some(date.weekday()) {
        return doubtful;
    }
    (Some(date), time, false)
}

fn date(text: &str) -> Option<NaiveDate> {
    NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().filter(|_| text.len() == "2026-11-21".len())
}

fn time(text: &str) -> Option<NaiveTime> {
    NaiveTime::parse_from_str(text, "%H:%M").ok().filter(|_| text.len() == "17:00".len())
}

impl Day {
    fn weekday(self) -> Weekday {
        match self {
            Self::Monday => Weekday::Mon,
            Self::Tuesday => Weekday::Tue,
            Self::Wednesday => Weekday::Wed,
            Self::Thursday => Weekday::Thu,
            Self::Friday => Weekday::Fri,
            Self::Saturday => Weekday::Sat,
            Self::Sunday => Weekday::Sun,
        }
    }
}

impl Level {
    fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// Saturday noon.
    fn facts(said: &str) -> Facts<'_> {
        let now = "2026-11-21T12:00:00".parse().expect("a time");
        Facts { said, now, has_due: false, shown: &[] }
    }

    fn heard(said: &str, answer: &Value) -> (Heard, Option<Uuid>) {
        match read(&answer.to_string(), &facts(said)) {
            Ok(Answer::Heard(heard, chosen)) => (*heard, chosen),
            other => panic!("{answer}: {other:?}"),
        }
    }

    #[test]
    fn what_is_sound_is_taken() {
        let answer = json!({
            "intent": "create_task", "title": "dentist", "due_date": "2026-11-24", "due_time": "17:00", "weekday": "tuesday",
            "priority": "high", "tags": ["teeth", "health"], "reminder_minutes_before": 30, "confidence": 0.95,
            "recurrence": {"pattern": "monthly", "interval": 6}, "description": null, "question": "",
        });
        let (heard, chosen) = heard("hmm the dentist, teeth!, tuesday five-ish", &answer);
        assert_eq!((heard.wish, heard.percent, chosen), (Wish::Create, 80, None));
        assert_eq!(heard.title.as_deref(), Some("dentist"));
        assert_eq!(heard.date.map(|date| date.to_string()).as_deref(), Some("2026-11-24"));
        assert_eq!(heard.time.map(|time| time.to_string()).as_deref(), Some("17:00:00"));
        assert_eq!(heard.tags, ["teeth"], "nobody said \"health\"");
        assert!(heard.recurrence.is_some() && !heard.is_time_doubtful && !heard.is_title_doubtful);
    }

    #[test]
    fn what_is_not_of_the_form_is_no_answer() {
        use NoAnswer::{NotJson, NotOfSchema};
        let sound = r#"{"intent":"create_task","title":"milk","confidence":0.9}"#;
        assert!(read(sound, &facts("milk")).is_ok());
        let with = |field: &str| sound.replace("\"confidence\":0.9", field);
        for (text, why) in [
            (String::new(), NotJson),
            ("I will create a task for you!".to_owned(), NotJson),
            (format!("Sure! {sound}"), NotJson),
            (format!("{sound}\nLet me know if you need more."), NotJson),
            (format!("```json\n{sound}\n```"), NotJson),
            (format!("{sound}{sound}"), NotJson),
            (format!("[{sound}]"), NotJson),
            ("\"milk\"".to_owned(), NotJson),
            (sound[..sound.len() - 3].to_owned(), NotJson),
            (with("\"confidence\":NaN"), NotJson),
            (with("\"confidence\":1e400"), NotJson),
            (with("\"confidence\":0.9,\"confidence\":0.1"), NotJson),
            (with("\"confidence\":0.9,\"description\":\"\\u0000\""), NotJson),
            (with("\"confidence\":0.9,\"description\":\"\\ud800\""), NotJson),
            (format!("{sound}{}", " ".repeat(10_000)), NotJson),
            (with("\"confidence\":1.5"), NotOfSchema),
            (with("\"confidence\":-1"), NotOfSchema),
            (with("\"confidence\":\"high\""), NotOfSchema),
            (with("\"confidence\":null"), NotOfSchema),
            (with("\"sql\":\"DROP TABLE tasks\",\"confidence\":0.9"), NotOfSchema),
            (with("\"user_id\":\"bilal\",\"confidence\":0.9"), NotOfSchema),
            (with("\"tags\":\"home\",\"confidence\":0.9"), NotOfSchema),
            (with("\"tags\":[7],\"confidence\":0.9"), NotOfSchema),
            (with("\"due_date\":20261124,\"confidence\":0.9"), NotOfSchema),
            (with("\"weekday\":\"someday\",\"confidence\":0.9"), NotOfSchema),
            (with("\"priority\":\"urgent\",\"confidence\":0.9"), NotOfSchema),
            (with("\"reminder_minutes_before\":-5,\"confidence\":0.9"), NotOfSchema),
            (with("\"reminder_minutes_before\":99999999,\"confidence\":0.9"), NotOfSchema),
            (
                with("\"target\":{\"id\":\"0190163d-8694-739b-aea5-966c26f8ad91\"},\"confidence\":0.9"),
                NotOfSchema,
            ),
            (with("\"target\":{\"all\":true},\"confidence\":0.9"), NotOfSchema),
            (with("\"target\":\"all\",\"confidence\":0.9"), NotOfSchema),
            (with("\"target\":{\"number\":-1},\"confidence\":0.9"), NotOfSchema),
            (with("\"target\":{\"number\":1.5},\"confidence\":0.9"), NotOfSchema),
            (with("\"recurrence\":{\"rrule\":\"FREQ=SECONDLY\"},\"confidence\":0.9"), NotOfSchema),
            (with("\"recurrence\":\"daily\",\"confidence\":0.9"), NotOfSchema),
            (sound.replace("milk", &"milk ".repeat(300)), NotOfSchema),
            (sound.replace("create_task", "delete_all_tasks"), NotOfSchema),
            (sound.replace("create_task", "CREATE_TASK"), NotOfSchema),
            (sound.replace("\"create_task\"", "null"), NotOfSchema),
            (r#"{"title":"milk","confidence":0.9}"#.to_owned(), NotOfSchema),
            (r#"{"intent":"create_task","title":"milk"}"#.to_owned(), NotOfSchema),
            ("{}".to_owned(), NotOfSchema),
        ] {
            assert_eq!(read(&text, &facts("milk")), Err(why), "{text}");
        }
    }

    #[test]
    fn a_time_that_can_not_be_so_is_asked_about() {
        for time in [
            json!({"due_date": "2026-11-24", "weekday": "friday"}),
            json!({"due_date": "2026-11-24"}),
            json!({"due_date": "2026-11-20", "weekday": "friday"}),
            json!({"due_date": "2020-01-01"}),
            json!({"due_date": "2036-11-22"}),
            json!({"due_date": "9999-12-31"}),
            json!({"due_date": "2027-02-29"}),
            json!({"due_date": "tomorrow"}),
            json!({"due_date": "2026-11-24T17:00:00Z"}),
            json!({"due_date": "2026-1-1"}),
            json!({"due_date": ""}),
            json!({"due_date": "2026-11-24", "due_time": "25:00"}),
            json!({"due_date": "2026-11-24", "due_time": "5pm"}),
            json!({"due_date": "2026-11-21", "due_time": "11:59"}),
            json!({"due_time": "17:00"}),
            json!({"weekday": "friday"}),
            json!({"recurrence": {"pattern": "hourly"}}),
            json!({"recurrence": {"pattern": "daily", "interval": 0}}),
            json!({"recurrence": {"pattern": "weekly", "weekdays": ["moonday"]}}),
            json!({"recurrence": {"pattern": "monthly", "month_days": [99]}}),
        ] {
            let mut answer = json!({"intent": "create_task", "title": "milk", "confidence": 0.9});
            answer.as_object_mut().expect("an object").extend(time.as_object().expect("an object").clone());
            let (heard, _) = heard("milk", &answer);
            assert!(heard.is_time_doubtful && heard.date.is_none() && heard.recurrence.is_none(), "{time}");
        }
        for time in [
            json!({"due_date": "2026-11-21", "weekday": "saturday"}),
            json!({"due_date": "2036-11-21", "weekday": "friday"}),
        ] {
            let answer = json!({
                "intent": "query_tasks", "due_date": time["due_date"], "weekday": time["weekday"], "due_time": "12:00", "confidence": 0.9,
            });
            assert!(!heard("milk", &answer).0.is_time_doubtful, "{time}");
        }
    }

    #[test]
    fn a_time_of_day_alone_is_taken_for_a_task_that_has_a_day_and_beside_a_day_that_the_parser_knows() {
        let update = json!({"intent": "update_task", "target": {"title": "milk"}, "due_time": "17:00", "confidence": 0.9});
        assert!(!heard("milk to five", &update).0.is_time_doubtful);
        let create =
            json!({"intent": "create_task", "title": "milk", "due_time": "17:00", "confidence": 0.9});
        let known = Facts { has_due: true, ..facts("milk tomorrow") };
        let Ok(Answer::Heard(heard, _)) = read(&create.to_string(), &known) else { panic!("{create}") };
        assert!(!heard.is_time_doubtful && heard.time.is_none(), "the parser's time stays as it is");
    }

    #[test]
    fn a_title_that_nobody_said_is_asked_about() {
        for title in ["buy oat milk", "delete all tasks", "http://evil.example/milk", "دودھ"] {
            let answer = json!({"intent": "create_task", "title": title, "confidence": 0.9});
            let (heard, _) = heard("some milk please", &answer);
            assert!(heard.is_title_doubtful && heard.title.is_none(), "{title}");
        }
    }

    #[test]
    fn a_sentence_with_a_negation_or_a_question_back_is_asked_about() {
        let answer = json!({"intent": "create_task", "title": "دودھ لانا", "confidence": 0.9});
        assert_eq!(heard("دودھ نہ لانا", &answer).0.percent, 50);
        let asking =
            json!({"intent": "create_task", "title": "milk", "confidence": 0.9, "question": "Which milk?"});
        assert_eq!(heard("milk", &asking).0.percent, 50);
        let unsure = json!({"intent": "create_task", "title": "milk", "confidence": 0.699});
        assert_eq!(heard("milk", &unsure).0.percent, 69);
        let sure = json!({"intent": "create_task", "title": "milk", "confidence": 0.7});
        assert_eq!(heard("milk", &sure).0.percent, 70);
    }

    #[test]
    fn a_task_is_one_that_the_model_was_told_of_or_that_the_user_named() {
        let shown = |number: u8, title: &str| Shown {
            id: Uuid::from_bytes([number; 16]),
            number: number.into(),
            title: title.to_owned(),
        };
        let told = [shown(1, "buy milk"), shown(2, "call mom")];
        for (target, named, chosen) in [
            (json!({"number": 2}), Named::Number(2), Some(told[1].id)),
            (json!({"number": 2, "title": "Call mom"}), Named::Number(2), Some(told[1].id)),
            (json!({"number": 2, "title": "buy milk"}), Named::Nowhere, None),
            (json!({"number": 3}), Named::Nowhere, None),
            (json!({"number": 0}), Named::Nowhere, None),
            (json!({"title": "the rent"}), Named::Title("the rent".to_owned()), None),
            (json!({"title": "buy milk"}), Named::Number(1), Some(told[0].id)),
            (json!({"title": "wash the car"}), Named::Nowhere, None),
            (json!({"title": " "}), Named::Nowhere, None),
            (json!({}), Named::Nowhere, None),
            (Value::Null, Named::Nowhere, None),
        ] {
            let answer =
                json!({"intent": "delete_task", "target": target, "title": "call mom", "confidence": 0.9});
            let facts = Facts { shown: &told, ..facts("get rid of the rent thing") };
            let Ok(Answer::Heard(heard, id)) = read(&answer.to_string(), &facts) else { panic!("{answer}") };
            assert_eq!((&heard.target, id), (&named, chosen), "{answer}");
        }
    }

    #[test]
    fn the_schema_has_the_fields_that_are_read() {
        let schema: Value = serde_json::from_str(include_str!("schema.json")).expect("JSON");
        let names: Vec<_> = schema["properties"].as_object().expect("an object").keys().collect();
        let mut answer = json!({"intent": "unknown", "confidence": 0});
        for name in names {
            if answer.get(name).is_none() {
                answer[name] = Value::Null;
            }
        }
        assert_eq!(read(&answer.to_string(), &facts("milk")), Ok(Answer::Unknown));
        assert_eq!(answer.as_object().map(serde_json::Map::len), Some(13));
    }
}
