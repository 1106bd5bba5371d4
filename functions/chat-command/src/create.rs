//! New tasks out of what was understood.

use application::change::{PlannedWrite, new_task, plan_write};
use application::input;
use domain::reminder::{Lead, LeadUnit, Method, Reminder, When as Moment};
use domain::task::{Change, MAX_TAGS, Title, parse_description, parse_tag};
use domain::zone;
use events::payload::Actor;
use language::{ReminderText, TaskFields, When};

use crate::clarify;
use crate::outcome::{Intent, Outcome};
use crate::reply;
use crate::state::{Act, Proposal};
use crate::turn::Talk;
use crate::understanding::Utterance;
use crate::unfit::{Flaw, Unfit};

/// At the due time itself.
const AT_DUE: Moment = Moment::Lead(Lead { count: 0, unit: LeadUnit::Minutes });

/// Creates the tasks, all or none; first proposes one that has a time or a high priority from the model alone.
pub(crate) fn create(
    talk: &mut Talk<'_>,
    about: Utterance,
    asked_for: &[&TaskFields],
    confidence: f64,
) -> Outcome {
    if !asked_for.iter().any(|fields| about.is_guessed(fields)) {
        return create_after_yes(talk, about, asked_for, confidence);
    }
    match plan_all(talk, &about, asked_for, confidence) {
        Ok(planned) => propose(talk, about, &planned, asked_for, confidence),
        Err(asked) => *asked,
    }
}

/// Says what would be created, and waits.
fn propose(
    talk: &mut Talk<'_>,
    about: Utterance,
    planned: &[PlannedWrite],
    asked_for: &[&TaskFields],
    confidence: f64,
) -> Outcome {
    let reply = reply::propose_creation(talk.language, planned, &talk.settings);
    talk.state.proposal = Some(Proposal::new(about, Act::Create, Vec::new(), talk.cause.now));
    let is_reminder = wants_reminder(asked_for);
    Outcome { confirmation: true, is_reminder, ..Outcome::say(Intent::Create, confidence, reply) }
}

fn wants_reminder(asked_for: &[&TaskFields]) -> bool {
    asked_for.iter().any(|fields| fields.wants_reminder)
}

/// Creates the tasks, all or none, whoever thought of what is in them.
pub(crate) fn create_after_yes(
    talk: &mut Talk<'_>,
    about: Utterance,
    asked_for: &[&TaskFields],
    confidence: f64,
) -> Outcome {
    let planned = match plan_all(talk, &about, asked_for, confidence) {
        Ok(planned) => planned,
        Err(asked) => return *asked,
    };
    let ids: Vec<_> = planned.iter().map(|one| one.write.task.id).collect();
    talk.state.did(&planned);
    talk.state.show(ids, talk.cause.now);
    let reply = reply::created(talk.language, &planned, &talk.settings, talk.cause.now);
    let is_reminder = wants_reminder(asked_for);
    let mut outcome = Outcome { is_reminder, ..Outcome::say(Intent::Create, confidence, reply) };
    outcome.effect = planned.first().map(|one| ("task_created", one.body.clone()));
    if planned.len() > 1 {
        outcome.tasks = Some(planned.iter().map(|one| one.body.clone()).collect());
    }
    outcome.writes = planned.into_iter().map(|one| one.write).collect();
    outcome
}

/// Plans the tasks, or asks about what is missing or can not be.
fn plan_all(
    talk: &mut Talk<'_>,
    about: &Utterance,
    asked_for: &[&TaskFields],
    confidence: f64,
) -> Result<Vec<PlannedWrite>, Box<Outcome>> {
    let is_reminder = wants_reminder(asked_for);
    let mut planned = Vec::new();
    for fields in asked_for {
        match plan(talk, about, fields) {
            Ok(write) => planned.push(write),
            Err(Unfit::When) if asked_for.len() == 1 => {
                return Err(Box::new(clarify::ask_when(talk, about.clone(), confidence, is_reminder)));
            }
            Err(unfit) => {
                let reply = match unfit {
                    Unfit::When => reply::missing_time(talk.language),
                    Unfit::Wrong(flaw) => reply::impossible(talk.language, &flaw),
                };
                let outcome = Outcome::ask(Intent::Create, confidence, reply);
                return Err(Box::new(Outcome { is_reminder, ..outcome }));
            }
        }
    }
    Ok(planned)
}

fn plan(talk: &Talk<'_>, about: &Utterance, fields: &TaskFields) -> Result<PlannedWrite, Unfit> {
    let Talk { cause, settings, .. } = talk;
    let home = settings.time_zone;
    let said = about.zone();
    let title = fields.title.as_deref().unwrap_or_default();
    let title = Title::parse(title).map_err(Flaw::Title)?;
    let description = fields.description.as_deref().map(parse_description).transpose();
    let needs_due = fields.recurrence.is_some() && fields.due.is_none();
    let reminders = reminders(fields, about)?;
    if needs_due {
        return Err(Unfit::When);
    }
    let input = input::TaskFields {
        title: Some(title),
        description: Some(description.map_err(Flaw::Description)?),
        due_date: Some(fields.due.map(|due| due_text(due, about))),
        // The wall time that was said is of the zone in which it was said.
        time_zone: (said != home && fields.due.is_some()).then_some(Some(said)),
        priority: fields.priority,
        tags: Some(tags(&fields.tags)?),
        reminders: Some(reminders),
        recurrence: Some(fields.recurrence.clone()),
        rrule: None,
    };
    let id = (cause.new_id)(cause.now);
    let task = new_task(cause, id, &input, settings)?;
    Ok(plan_write(cause, None, task, settings, Change::Created, &Actor::user(&cause.user_id)))
}

/// Gives the reminders as the domain has them.
pub(crate) fn reminders(fields: &TaskFields, about: &Utterance) -> Result<Vec<Reminder>, Unfit> {
    let method = fields.reminder_method.unwrap_or(Method::Email);
    let at_due = [ReminderText::AtDue];
    let wanted = match &fields.reminders[..] {
        [] if fields.wants_reminder => &at_due[..],
        wanted => wanted,
    };
    let needs_due = |reminder: &ReminderText| !matches!(reminder, ReminderText::At(_));
    if fields.due.is_none() && wanted.iter().any(needs_due) {
        return Err(Unfit::When);
    }
    Ok(wanted.iter().map(|text| reminder(*text, method, about)).collect())
}

/// Gives one reminder as the domain has it.
pub(crate) fn reminder(text: ReminderText, method: Method, about: &Utterance) -> Reminder {
    let when = match text {
        ReminderText::Lead(lead) => Moment::Lead(lead),
        ReminderText::AtDue => AT_DUE,
        ReminderText::At(local) => Moment::At(zone::resolve(local, about.zone())),
    };
    Reminder { when, method, destination: None }
}

/// Gives a due time as the API takes it.
pub(crate) fn due_text(due: When, about: &Utterance) -> String {
    match due.time {
        None => due.date.to_string(),
        Some(time) => zone::resolve(due.date.and_time(time), about.zone()).to_rfc3339(),
    }
}

/// Checks tags.
pub(crate) fn tags(said: &[String]) -> Result<Vec<String>, Unfit> {
    let mut tags = Vec::new();
    for tag in said {
        let tag = parse_tag(tag).map_err(Flaw::Tag)?;
        if !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    if tags.len() > MAX_TAGS {
        return Err(Flaw::TooManyTags.into());
    }
    Ok(tags)
}
