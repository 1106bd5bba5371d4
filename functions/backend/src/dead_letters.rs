//! Dead letters, of the outbox and of the cluster's topics: the operators' commands.

use std::process::ExitCode;
use std::str::FromStr;

use anyhow::{Context, bail};
use application::Application;
use chrono::DateTime;
use runtime::config::Environment;
use runtime::host::worker::create_topics;
use runtime::host::worker::parked::{DeadLetterTopics, Parked, Replay, Selection};
use runtime::kafka::Settings;
use runtime::main::say;
use uuid::Uuid;

/// How many dead letters are shown at once, of the outbox and of the topics.
const SHOWN: u8 = 100;

/// Which dead letters are to be sent again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// All, wherever they are.
    All,
    /// One of the outbox, by its event.
    Event(Uuid),
    /// Those of a topic of the cluster, or one by its place.
    Topic(Selection),
}

impl FromStr for Wanted {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        match (Uuid::try_parse(text), text.parse()) {
            (Ok(id), _) => Ok(Self::Event(id)),
            (_, Ok(selection)) => Ok(Self::Topic(selection)),
            _ => bail!(
                "{text:?} is not the id of an event, nor a topic or the place of a record in its dead letters, such as \
                 task-events.dlq/1/17; `backend dead-letters` lists them"
            ),
        }
    }
}

/// Lists them.
pub(crate) async fn list(application: &Application, environment: &Environment) -> anyhow::Result<ExitCode> {
    let found = application.dead_letters(i64::from(SHOWN)).await?;
    for one in &found {
        let reason = one.error.as_deref().unwrap_or("unknown");
        let at = one.timestamp.to_rfc3339();
        say(format_args!("{} {at} {} attempts={} {reason}", one.event_id, one.event_type, one.attempts));
    }
    let mut count = found.len();
    let mut is_cut = count == usize::from(SHOWN);
    if let Some(topics) = topics(environment)? {
        let parked = topics.list(&Selection::All, usize::from(SHOWN))?;
        parked.iter().for_each(show);
        count += parked.len();
        is_cut |= parked.len() == usize::from(SHOWN);
    }
    say(format_args!("{count} dead letters{}", if is_cut { " shown; there may be more" } else { "" }));
    Ok(ExitCode::SUCCESS)
}

fn show(parked: &Parked) {
    let at = parked.at_ms.and_then(DateTime::from_timestamp_millis);
    let at = at.map_or_else(|| "-".to_owned(), |at| at.to_rfc3339());
    let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "unknown".to_owned());
    let attempts = parked.attempts.map_or_else(|| "unknown".to_owned(), |attempts| attempts.to_string());
    say(format_args!(
        "{} {at} {} attempts={attempts} function={} {}",
        parked.address,
        text(&parked.event_type),
        text(&parked.function),
        text(&parked.reason)
    ));
}

/// Sends them again; exit code 1 when one had to stay where it is.
pub(crate) async fn replay(
    application: &Application,
    environment: &Environment,
    wanted: Wanted,
) -> anyhow::Result<ExitCode> {
    let selection = match &wanted {
        Wanted::All => Selection::All,
        Wanted::Event(_) => return replay_outbox(application, wanted).await,
        Wanted::Topic(selection) => selection.clone(),
    };
    if wanted == Wanted::All {
        replay_outbox(application, wanted.clone()).await?;
    }
    let topics = match (topics(environment)?, &wanted) {
        (Some(topics), _) => topics,
        (None, Wanted::All) => return Ok(ExitCode::SUCCESS),
        (None, _) => bail!("KAFKA_BROKERS is not set: it says where the topics are"),
    };
    let (mut sent, mut left) = (0, 0);
    let tell = |told: &Replay| match told {
        Replay::Sent(_) => sent += 1,
        Replay::Left(address, why) => {
            left += 1;
            say(format_args!("{address} is left where it is: {why}"));
        }
    };
    topics.replay(&selection, tell).await?;
    if let (Selection::One(address), 0, 0) = (&selection, sent, left) {
        bail!("there is no dead letter {address} that was not sent again; `backend dead-letters` lists them");
    }
    say(format_args!("{sent} records are in their topics again"));
    Ok(if left == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn replay_outbox(application: &Application, wanted: Wanted) -> anyhow::Result<ExitCode> {
    let id = if let Wanted::Event(id) = wanted { Some(id) } else { None };
    let (events, reminders) = application.replay_dead_letters(id).await?;
    if let (Some(id), 0) = (id, events) {
        bail!("there is no dead letter {id}; `backend dead-letters` lists them");
    }
    say(format_args!(
        "{events} events and {reminders} reminders will be handled again by the running server, or the next one"
    ));
    Ok(ExitCode::SUCCESS)
}

/// Creates the topics of the cluster that are not there.
pub(crate) async fn make_topics(
    environment: &Environment,
    replication: Option<&str>,
) -> anyhow::Result<ExitCode> {
    let replication = match replication.map(str::parse::<i16>) {
        None => None,
        Some(Ok(replication @ 1..)) => Some(i32::from(replication)),
        Some(_) => bail!("--replication takes a number of brokers, from 1"),
    };
    let settings = Settings::from_environment(environment)?.context("KAFKA_BROKERS is not set")?;
    for (name, is_new) in create_topics(&settings, replication).await? {
        say(format_args!("{name} {}", if is_new { "was created" } else { "is there already" }));
    }
    Ok(ExitCode::SUCCESS)
}

fn topics(environment: &Environment) -> anyhow::Result<Option<DeadLetterTopics>> {
    let settings = Settings::from_environment(environment)?;
    Ok(settings.map(|settings| DeadLetterTopics::new(&settings)).transpose()?)
}
