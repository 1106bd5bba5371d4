//! What the model made of a sentence, after every check. It is kept with the sentence, so that reading it again asks nobody.

use chrono::{Days, NaiveDate, NaiveDateTime, NaiveTime};
use domain::recurrence::Rule;
use domain::reminder::{Lead, LeadUnit};
use domain::task::{Priority, Status};
use events::recurrence_rule;
use language::{
    Action, Change, Changes, DueChange, Parse, Problem, Query, ReminderText, Target, TaskFields, When,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::understanding::{Understood, fields_of};

/// The model is never surer than this.
pub(crate) const MOST_CONFIDENT: f64 = 0.8;
/// How sure anything is that the user is asked about.
const ASKING: f64 = 0.5;

/// What the model made of a sentence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Heard {
    /// What is asked for.
    pub(crate) wish: Wish,
    /// How sure it is, 0–80. A whole number, because what a conversation keeps is compared to the letter.
    pub(crate) percent: u8,
    /// What is to be done, or the words to look for.
    pub(crate) title: Option<String>,
    /// More about it.
    pub(crate) description: Option<String>,
    /// The day.
    pub(crate) date: Option<NaiveDate>,
    /// The time of that day.
    pub(crate) time: Option<NaiveTime>,
    /// How much it matters, as the API names it.
    pub(crate) priority: Option<String>,
    /// Its tags.
    pub(crate) tags: Vec<String>,
    /// How it repeats, as the API has it.
    pub(crate) recurrence: Option<Value>,
    /// How long before the due time to remind.
    pub(crate) reminder_minutes_before: Option<u32>,
    /// Which task is meant.
    pub(crate) target: Named,
    /// Whether something about its time can not be so, or says two things.
    pub(crate) is_time_doubtful: bool,
    /// Whether the title had words that nobody said.
    pub(crate) is_title_doubtful: bool,
}

/// What can be asked for through the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Wish {
    /// A new task.
    Create,
    /// Other fields.
    Update,
    /// Done.
    Complete,
    /// Gone.
    Delete,
    /// Shown.
    Query,
}

/// How a task is named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Named {
    /// By a number that was shown; which task that is, is kept as the one that was chosen.
    Number(u32),
    /// By words.
    Title(String),
    /// Not, or not in a way that can be trusted.
    Nowhere,
}

impl Heard {
    /// Gives what is asked for. What the parser understood of the words comes before what the model says of them.
    pub(crate) fn understood(&self, parsed: &Parse) -> Understood {
        let own = fields_of(parsed);
        let (action, problem) = match self.wish {
            Wish::Create => self.creation(own),
            Wish::Query => self.query(&own),
            Wish::Update => self.update(parsed, &own),
            Wish::Complete => self.act(|target| Action::Complete { target }),
            Wish::Delete => self.act(|target| Action::Delete { target }),
        };
        let confidence = f64::from(self.percent) / 100.0;
        let is_clear = problem.is_none() && !self.is_time_doubtful;
        Understood {
            actions: vec![action],
            confidence: if is_clear { confidence } else { confidence.min(ASKING) },
            problem,
            is_time_doubtful: self.is_time_doubtful,
        }
    }

    fn creation(&self, own: TaskFields) -> (Action, Option<Problem>) {
        let lead = self.lead();
        let fields = TaskFields {
            title: self.title.clone(),
            description: own.description.or_else(|| self.description.clone()),
            due: own.due.or_else(|| self.due()),
            priority: own.priority.or_else(|| self.priority()),
            tags: if own.tags.is_empty() { self.tags.clone() } else { own.tags },
            recurrence: own.recurrence.or_else(|| self.rule()),
            wants_reminder: own.wants_reminder || lead.is_some(),
            reminders: if own.reminders.is_empty() { lead.into_iter().collect() } else { own.reminders },
            reminder_method: own.reminder_method,
        };
        let problem = fields.title.is_none().then_some(Problem::MissingTitle);
        (Action::Create(fields), problem)
    }

    /// Says whether what a task would have of time or high priority is from here, and not from the words or from answers.
    pub(crate) fn adds_to(&self, own: &TaskFields, task: &TaskFields) -> bool {
        let lead: Vec<_> = self.lead().into_iter().collect();
        let is_high = |priority: Option<Priority>| priority == Some(Priority::High);
        (own.due.is_none() && task.due.is_some() && task.due == self.due())
            || (own.recurrence.is_none() && task.recurrence.is_some() && task.recurrence == self.rule())
            || (own.reminders.is_empty() && !lead.is_empty() && task.reminders == lead)
            || (own.priority.is_none() && is_high(task.priority) && is_high(self.priority()))
    }

    fn query(&self, own: &TaskFields) -> (Action, Option<Problem>) {
        let day = own.due.map(|due| due.date).or(self.date);
        let midnight = |date: NaiveDate| NaiveDateTime::new(date, NaiveTime::MIN);
        let query = Query {
            status: Some(Status::Active),
            priority: own.priority.or_else(|| self.priority()),
            tags: if own.tags.is_empty() { self.tags.clone() } else { own.tags.clone() },
            due_from: day.map(midnight),
            due_to: day.and_then(|day| day.checked_add_days(Days::new(1))).map(midnight),
            text: self.title.clone(),
            ..Query::default()
        };
        (Action::Query(query), self.is_title_doubtful.then_some(Problem::UnclearIntent))
    }

    fn update(&self, parsed: &Parse, own: &TaskFields) -> (Action, Option<Problem>) {
        let known = match parsed.commands.first().map(|command| &command.action) {
            Some(Action::Update { changes, .. }) => changes.clone(),
            _ => Changes::default(),
        };
        let set = |when: When| DueChange::Set { date: Some(when.date), time: when.time };
        let moved = (self.date.is_some() || self.time.is_some())
            .then_some(DueChange::Set { date: self.date, time: self.time });
        let reminders = match &own.reminders[..] {
            [] => self.lead().map(|lead| Change::Set(vec![lead])),
            said => Some(Change::Set(said.to_vec())),
        };
        let tags = [&known.add_tags, &own.tags, &self.tags].into_iter().find(|tags| !tags.is_empty());
        let changes = Changes {
            title: known.title.or_else(|| self.title.clone()),
            description: known.description.or_else(|| self.description.clone().map(Change::Set)),
            due: known.due.or(own.due.map(set)).or(moved),
            priority: known.priority.or(own.priority).or_else(|| self.priority()),
            add_tags: tags.cloned().unwrap_or_default(),
            remove_tags: known.remove_tags,
            recurrence: known
                .recurrence
                .or_else(|| own.recurrence.clone().or_else(|| self.rule()).map(Change::Set)),
            reminders: known.reminders.or(reminders),
        };
        let target = self.target();
        let problem = if target == Target::Missing {
            Some(Problem::MissingTarget)
        } else if self.is_title_doubtful || (changes.is_empty() && !self.is_time_doubtful) {
            Some(Problem::MissingChange)
        } else {
            None
        };
        (Action::Update { target, changes }, problem)
    }

    fn act(&self, action: impl FnOnce(Target) -> Action) -> (Action, Option<Problem>) {
        let target = self.target();
        let problem = (target == Target::Missing).then_some(Problem::MissingTarget);
        (action(target), problem)
    }

    fn target(&self) -> Target {
        match &self.target {
            Named::Number(number) => Target::Number(*number),
            Named::Title(title) => Target::Title(title.clone()),
            Named::Nowhere => Target::Missing,
        }
    }

    fn due(&self) -> Option<When> {
        self.date.map(|date| When { date, time: self.time })
    }

    fn priority(&self) -> Option<Priority> {
        self.priority.as_deref().and_then(Priority::parse)
    }

    fn rule(&self) -> Option<Rule> {
        self.recurrence.as_ref().and_then(|rule| recurrence_rule::parse(rule).ok().flatten())
    }

    fn lead(&self) -> Option<ReminderText> {
        self.reminder_minutes_before.map(|count| match count {
            0 => ReminderText::AtDue,
            count => ReminderText::Lead(Lead { count, unit: LeadUnit::Minutes }),
        })
    }
}
