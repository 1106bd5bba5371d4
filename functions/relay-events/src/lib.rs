//! Moves committed events from the outbox to the bus, in order per key, at least once: the one producer.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use anyhow::Context;
use application::feed;
use application::outbox::{KEPT_DAYS, Open, Relay, Settled, SweptTo};
use application::{Application, Connection};
use events::{Event, Refusal, Topic};
use futures::future::{FutureExt as _, join_all};
use messaging::{Dapr, Kafka, Published, Publisher, Sink};
use runtime::backoff::{self, PAUSE};
use runtime::clock::{Clock, Stopwatch, random_fraction};
use runtime::config::{ConfigError, Environment};
use runtime::disposition::{Disposition, MAX_ATTEMPTS};
use runtime::function::{Check, Function};
use runtime::host::dapr;
use runtime::kafka::Settings;
use runtime::main::Start;
use runtime::metrics::{Gauge, LabelledCounter, LabelledGauge, Metrics};
use runtime::telemetry::spans::{Kind, Span};
use runtime::triggers::on_tick;
use tokio::sync::{Mutex, Notify};
use tokio_util::sync::CancellationToken;

/// The function's name.
pub const NAME: &str = "relay-events";
/// The topics that have rows in the outbox.
const TOPICS: [Topic; 3] = [Topic::TaskEvents, Topic::Reminders, Topic::AuditEvents];
/// How many events are published at once in one process.
const BATCH: u32 = 500;
/// The same to a sink or a sidecar: those that were not yet written down as published when the relay died are published again.
const SINK_BATCH: u32 = 64;
/// The same to Kafka, which takes many in one request.
const KAFKA_BATCH: u32 = 1_000;
/// The same for reminders in one process: each may take as long as a mail server makes it wait.
const MAIL_BATCH: u32 = 32;
/// Of a batch of no more events each has a line of its own at the level `info`; of a backlog only the batch has, and each at `debug`.
const TOLD_OF_EACH: usize = 100;
/// From this many events on that a look has tried to publish there is more to come: it is waited for, so that what each look costs is
/// shared by many.
const SEVERAL: usize = 4;
/// How long it is waited for. What comes next, of any topic, waits for that, too, and twice as long where another process pokes. After one
/// event by itself nothing does.
pub const GATHERING: Duration = Duration::from_millis(50);
/// How many batches are published before the shards are shared out anew, and what has become due meanwhile is seen.
const BATCHES: u32 = 16;
/// The first wait between attempts is at most this long; each next one at most twice as long.
const BACKOFF_BASE: Duration = Duration::from_secs(1);
/// No wait is longer, unless the consumer wishes it.
const BACKOFF_CAP: Duration = Duration::from_secs(60);
/// How long the loop sleeps at most: the safety net under the pokes.
const LONGEST_SLEEP: Duration = Duration::from_secs(10);
/// How often what has expired is forgotten: answers, conversations, what can no longer be undone or followed.
const SWEEP: Duration = Duration::from_secs(60);
/// How often it is measured how the outbox stands.
const MEASURED: Duration = Duration::from_secs(15);

/// How long what was published is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Retention {
    /// Of `events`, what the audit log has: `EVENTS_RETENTION_DAYS`, from 31 (what was done 30 days ago can be undone) to 36500. Default:
    /// for good, since the audit log tells of each change what was before and after, but not the whole task, nor how it was published.
    pub events_days: Option<i64>,
}

impl Retention {
    /// Reads it.
    ///
    /// # Errors
    /// One that is no number of days, or fewer than undo needs.
    pub fn from_environment(environment: &Environment) -> Result<Self, ConfigError> {
        const NAME: &str = "EVENTS_RETENTION_DAYS";
        let allowed = format!(
            "a number of days from {} to {}, or nothing: for good",
            KEPT_DAYS.start(),
            KEPT_DAYS.end()
        );
        let events_days: Option<i64> = environment.parse(NAME, &allowed)?;
        match events_days {
            Some(days) if !KEPT_DAYS.contains(&days) => {
                Err(ConfigError::Invalid { name: NAME.to_owned(), value: days.to_string(), allowed })
            }
            events_days => Ok(Self { events_days }),
        }
    }
}

/// The outbox, the bus, and a connection for each topic that holds the locks on its shards.
#[derive(Clone)]
pub struct Outbox {
    application: Application,
    clock: Clock,
    publisher: Publisher,
    retention: Retention,
    /// How far old events were looked at.
    swept_to: Arc<Mutex<SweptTo>>,
    lanes: Arc<[Lane; TOPICS.len()]>,
    /// By topic and outcome.
    published: LabelledCounter,
    standing: Standing,
}

/// What belongs to one topic.
struct Lane {
    topic: Topic,
    /// Who looks at it holds this.
    relay: Mutex<Option<Relay>>,
    /// Whether several events were published, and more are waited for.
    is_gathering: AtomicBool,
}

/// How the outbox stands, as Prometheus sees it. Instants, since an age would stand still with the process that measures it.
#[derive(Clone)]
struct Standing {
    /// By topic: when the oldest event happened that is not published, in Unix time; 0: all are.
    oldest: LabelledGauge,
    /// By topic.
    dead_letters: LabelledGauge,
    /// When that was last seen, in Unix time.
    measured: Gauge,
}

/// What a look at a topic has done.
struct Look {
    /// How many events were tried to be published.
    tried: usize,
    then: Then,
}

/// What is due after a look.
#[derive(Clone, Copy)]
enum Then {
    /// The next one: after the shards are given back whoever was refused a lock meanwhile has gone away again.
    Again,
    /// The same, but later: several events were all there was.
    Gather,
    /// One after a pause: something open is left, to another relay, be it one that was killed and whose locks linger; or because the bus
    /// is away.
    Pause,
    /// Nothing, but what waits for a retry.
    Rest,
}

/// Builds the function for a process of its own: it publishes through the Dapr sidecar of `DAPR_HTTP_PORT`, to the cluster of
/// `KAFKA_BROKERS` or to the sink of `K_SINK` whenever it is poked or ticked, and looks by itself every ten seconds. Where nothing runs
/// between requests it does all of it in them.
///
/// # Errors
/// The first setting that is wrong; without any of these there is no bus between processes, and every event would be lost.
pub async fn build(start: Start) -> anyhow::Result<Function> {
    start.refuse_database_pooler()?;
    let (publisher, checks) = if let Some(dapr) = sidecar(&start.environment)? {
        (Publisher::Dapr(Box::new(dapr)), Vec::new())
    } else if let Some(kafka) = kafka(&start.environment)? {
        (Publisher::Kafka(Box::new(kafka.clone())), shown(kafka))
    } else {
        (Publisher::Sink(Box::new(sink(&start.environment)?)), Vec::new())
    };
    let connection = Connection::to(start.database()?, NAME);
    let application = Application::new(&connection, start.config.time_zone, || {})?;
    let is_connected = application.database_probe();
    let retention = Retention::from_environment(&start.environment)?;
    let outbox = Outbox::new(application, start.clock, publisher, retention, &start.metrics);
    if start.is_frozen_between_requests {
        return Ok(checks.into_iter().fold(function(outbox), Function::ready_when));
    }
    let committed = Arc::new(Notify::new());
    let (wake, woken) = (Arc::clone(&committed), outbox.clone());
    // Not drained in the request: whoever pokes does not wait long, and a drain that is cut off publishes twice. Whoever pokes has one
    // such request on its way, so that where there are many events this keeps it from sending one for each.
    let poke = move || {
        wake.notify_one();
        let woken = woken.clone();
        async move {
            woken.gathered().await;
            Disposition::Done
        }
    };
    let function =
        Function::new(NAME).on(on_tick(poke)).ready_when(Check::required("database", is_connected));
    let function = checks.into_iter().fold(function, Function::ready_when);
    Ok(function.background(|stop| outbox.run(committed, stop)))
}

/// Makes the publisher through the sidecar, if there is one. It wins over `KAFKA_BROKERS`: a worker is one without a sidecar.
fn sidecar(environment: &Environment) -> anyhow::Result<Option<Dapr>> {
    let Some(settings) = dapr::Settings::from_environment(environment)? else { return Ok(None) };
    if environment.get("K_SINK")?.is_some() {
        anyhow::bail!("DAPR_HTTP_PORT and K_SINK are both set; one of them must go");
    }
    Ok(Some(through(&settings)))
}

/// Makes the publisher to the pub/sub component of a sidecar.
pub fn through(settings: &dapr::Settings) -> Dapr {
    let sidecar = settings.sidecar();
    Dapr::new(sidecar.port(), settings.pubsub(), sidecar.token().cloned())
}

/// Makes the producer to the cluster of `KAFKA_BROKERS`, if that is set.
///
/// # Errors
/// The first setting of Kafka that is wrong, and `K_SINK` beside it: an event goes one way.
pub fn kafka(environment: &Environment) -> anyhow::Result<Option<Kafka>> {
    let Some(settings) = Settings::from_environment(environment)? else { return Ok(None) };
    if environment.get("K_SINK")?.is_some() {
        anyhow::bail!("KAFKA_BROKERS and K_SINK are both set; one of them must go");
    }
    Kafka::new(settings.properties(), settings.tokens())
        .map(Some)
        .context("KAFKA_BROKERS and what goes with it can not be used")
}

/// Shows whether the cluster answers, and which topics it does not have. While either is so events wait in the outbox, and nobody else
/// has to.
fn shown(kafka: Kafka) -> Vec<Check> {
    let topics = topics_are_shown(kafka.clone());
    let is_connected = move || {
        let kafka = kafka.clone();
        async move { kafka.is_connected().await }
    };
    vec![Check::optional("kafka", is_connected), topics]
}

/// Shows as `topics` whether the cluster has all of them: `found`, or which are not, or are not for us to see.
pub fn topics_are_shown(kafka: Kafka) -> Check {
    let look = move || {
        let kafka = kafka.clone();
        async move {
            match kafka.missing_topics().await {
                None => "unreachable".to_owned(),
                Some(missing) if missing.is_empty() => "found".to_owned(),
                Some(missing) => {
                    let names: Vec<_> = missing.into_iter().map(Topic::as_str).collect();
                    format!("not found: {}", names.join(", "))
                }
            }
        }
        .boxed()
    };
    Check { name: "topics", check: Arc::new(look), required: false }
}

/// Reads where events go: `K_SINK`, the certificates of `K_CA_CERTS` and `K_SINK_CA_FILE` that are trusted beside those of the web, and
/// the extension attributes of `K_CE_OVERRIDES`.
fn sink(environment: &Environment) -> anyhow::Result<Sink> {
    let allowed = "the URL of a broker or channel, unless KAFKA_BROKERS names a cluster or DAPR_HTTP_PORT a sidecar; backend needs neither, it has the functions in one process";
    let url = environment.require("K_SINK", allowed)?;
    let mut sink = Sink::parse(&url).with_context(|| format!("K_SINK is {url:?}"))?;
    let mut authorities = String::new();
    // By the rule for secrets the second is K_SINK_CA, or the file that K_SINK_CA_FILE names.
    for (name, said) in [("K_CA_CERTS", "K_CA_CERTS"), ("K_SINK_CA", "K_SINK_CA_FILE")] {
        let Some(pem) = environment.get(name)? else { continue };
        authorities = format!("{authorities}{pem}\n");
        sink = sink
            .with_authorities(&authorities)
            .with_context(|| format!("{said} must hold certificates in PEM"))?;
    }
    match environment.get("K_CE_OVERRIDES")? {
        Some(json) => sink.with_overrides(&json).with_context(|| format!("K_CE_OVERRIDES is {json:?}")),
        None => Ok(sink),
    }
}

/// Gives the function: a poke or a tick publishes what there is, and then forgets what has expired.
pub fn function(outbox: Outbox) -> Function {
    let is_connected = outbox.application.database_probe();
    let tick = move || {
        let outbox = outbox.clone();
        async move {
            let drained = outbox.drain().await;
            outbox.forget_expired().await;
            outbox.measure().await;
            drained.map_or_else(Disposition::from, |_| Disposition::Done)
        }
    };
    Function::new(NAME).on(on_tick(tick)).ready_when(Check::required("database", is_connected))
}

impl Outbox {
    /// Joins the outbox and the bus.
    pub fn new(
        application: Application,
        clock: Clock,
        publisher: Publisher,
        retention: Retention,
        metrics: &Metrics,
    ) -> Self {
        let published = metrics.labelled_counter("kaam_events_total", "Events handed to the bus");
        let oldest =
            "When the oldest event happened that is not published yet, in Unix time; 0: none is left";
        let dead_letters = "Events of the outbox that could not be handled, up to 1000";
        let standing = Standing {
            oldest: metrics.labelled_gauge("kaam_outbox_oldest_timestamp_seconds", oldest),
            dead_letters: metrics.labelled_gauge("kaam_outbox_dead_letters", dead_letters),
            measured: metrics.gauge(
                "kaam_outbox_measured_timestamp_seconds",
                "When the outbox was last looked at, in Unix time",
            ),
        };
        let lane = |topic| Lane { topic, relay: Mutex::new(None), is_gathering: AtomicBool::new(false) };
        let lanes = Arc::new(TOPICS.map(lane));
        let swept_to = Arc::new(Mutex::new(SweptTo::default()));
        Self { application, clock, publisher, retention, swept_to, lanes, published, standing }
    }

    /// Publishes everything that is open and not held by another relay, every topic by itself; says how many events.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`]: what was published and not yet written down will be published again.
    pub async fn drain(&self) -> Result<usize, Refusal> {
        let to_the_end = CancellationToken::new();
        let drained = join_all(self.lanes.iter().map(async |lane| {
            let mut count = 0;
            loop {
                let look = self.look(lane, &to_the_end).await?;
                count += look.tried;
                if let Then::Pause | Then::Rest = look.then {
                    return Ok(count);
                }
            }
        }));
        drained.await.into_iter().sum()
    }

    /// Publishes what is open and not held by another relay.
    async fn look(&self, lane: &Lane, stop: &CancellationToken) -> Result<Look, Refusal> {
        let mut slot = lane.relay.lock().await;
        // Taken out, so that a relay that failed, or a look that was cut off, leaves no half-used connection behind.
        let mut relay = match slot.take() {
            Some(relay) => relay,
            None => self.application.relay(lane.topic).await?,
        };
        let look = self.look_with(&mut relay, lane.topic, stop).await?;
        *slot = Some(relay);
        Ok(look)
    }

    async fn look_with(
        &self,
        relay: &mut Relay,
        topic: Topic,
        stop: &CancellationToken,
    ) -> Result<Look, Refusal> {
        let batch = match &self.publisher {
            Publisher::Kafka(_) => KAFKA_BATCH,
            Publisher::Sink(_) | Publisher::Dapr(_) => SINK_BATCH,
            Publisher::InProcess(_) if topic == Topic::Reminders => MAIL_BATCH,
            Publisher::InProcess(_) => BATCH,
        };
        let is_held_elsewhere = relay.take_shards(self.clock.now()).await.map_err(unavailable)?;
        let (tried, is_away) = if relay.has_shards() {
            let published = self.publish_held(relay, batch, stop).await?;
            relay.release().await.map_err(unavailable)?;
            published
        } else {
            (0, false)
        };
        // A key that waits for a retry has something open and nothing to publish.
        let is_over = tried == 0 || is_away || stop.is_cancelled();
        let then = if is_over && (is_held_elsewhere || is_away) {
            Then::Pause
        } else if is_over {
            Then::Rest
        } else if tried >= SEVERAL && !relay.has_more() {
            Then::Gather
        } else {
            Then::Again
        };
        Ok(Look { tried, then })
    }

    /// Waits for as long as a topic does that waits for more events, if any does.
    async fn gathered(&self) {
        if self.lanes.iter().any(|lane| lane.is_gathering.load(Relaxed)) {
            tokio::time::sleep(GATHERING).await;
        }
    }

    /// Publishes what is open of the shards held, some batches of it; says how many events, and whether the bus is away. While a batch
    /// of a backlog is on its way, what became of the one before is written down, and the next one is read.
    async fn publish_held(
        &self,
        relay: &mut Relay,
        batch: u32,
        stop: &CancellationToken,
    ) -> Result<(usize, bool), Refusal> {
        let (mut count, mut batches, mut settled) = (0, 0, Vec::new());
        // Keys whose event is to come again: what of them was read before that was written down waits as well.
        let mut held_back: HashSet<String> = HashSet::new();
        let mut open = relay.open_events(batch).await.map_err(unavailable)?;
        loop {
            // If not, the next look, at all shards, finds what comes meanwhile.
            let is_backlog = relay.has_more();
            open.retain(|open| !held_back.contains(&open.event.key));
            if open.is_empty() {
                break;
            }
            count += open.len();
            batches += 1;
            let goes_on = is_backlog && batches < BATCHES && !stop.is_cancelled();
            let marks = feed::marks(&open);
            let next = async {
                // What is committed can be read, whatever becomes of it on the bus.
                if let Err(error) = relay.tell_readers(&marks).await {
                    let error = runtime::ask::chain(&error);
                    tracing::warn!(error, "streams of updates could not be told, they look by themselves");
                }
                relay.settle(&settled, self.clock.now()).await?;
                if goes_on { relay.open_events(batch).await } else { Ok(Vec::new()) }
            };
            // First asked for, so that the database works while the batch is rendered.
            let (next, (outcomes, is_away)) = tokio::join!(next, self.publish(open, &mut held_back));
            settled = outcomes;
            open = next.map_err(unavailable)?;
            // Then the next batch would fare no better, and only be written to for nothing.
            if is_away || stop.is_cancelled() {
                relay.settle(&settled, self.clock.now()).await.map_err(unavailable)?;
                return Ok((count, is_away));
            }
        }
        relay.settle(&settled, self.clock.now()).await.map_err(unavailable)?;
        Ok((count, false))
    }

    /// Publishes a batch; gives what is to be written down, and whether nothing got through because the bus is away.
    async fn publish(
        &self,
        open: Vec<Open>,
        held_back: &mut HashSet<String>,
    ) -> (Vec<(Event, Settled)>, bool) {
        let (events, attempts): (Vec<Event>, Vec<u32>) =
            open.into_iter().map(|open| (open.event, open.attempts)).unzip();
        let watch = Stopwatch::start();
        let spans: Vec<_> =
            events.iter().map(|event| Span::under(Kind::Producer, &event.traceparent)).collect();
        let published = self.publisher.publish(&events).await;
        let duration_ms = watch.elapsed().as_secs_f64() * 1_000.0;
        let mut counted: HashMap<(Topic, &'static str), u64> = HashMap::new();
        let is_told_of_each = events.len() <= TOLD_OF_EACH;
        for ((event, published), span) in events.iter().zip(&published).zip(spans) {
            let outcome = outcome(published);
            let attributes = [
                ("messaging.operation.type", "send"),
                ("messaging.destination.name", event.topic.as_str()),
                ("cloudevents.event_type", &*event.event_type),
                ("kaam.correlation_id", &*event.correlation_id),
                ("kaam.outcome", outcome),
            ];
            span.end(format!("publish {}", event.topic.as_str()), outcome != "done", attributes);
            *counted.entry((event.topic, outcome)).or_default() += 1;
            let (event_id, correlation_id) = (event.event_id, &event.correlation_id);
            if is_told_of_each {
                tracing::info!(%event_id, r#type = event.event_type, correlation_id, outcome, duration_ms, "event published");
            } else {
                tracing::debug!(%event_id, r#type = event.event_type, correlation_id, outcome, duration_ms, "event published");
            }
        }
        for ((topic, outcome), count) in counted {
            if !is_told_of_each {
                tracing::info!(topic = topic.as_str(), outcome, count, duration_ms, "events published");
            }
            let labels = vec![("topic", topic.as_str().to_owned()), ("outcome", outcome.to_owned())];
            self.published.get_or_create(&labels).inc_by(count);
        }
        let is_away = published
            .iter()
            .all(|published| matches!(published, Published::Unavailable { .. } | Published::Waits));
        let settled = events
            .into_iter()
            .zip(attempts)
            .zip(published)
            .filter_map(|((event, attempts), published)| {
                if !matches!(published, Published::Done | Published::Never { .. }) {
                    held_back.insert(event.key.clone());
                }
                let settled = self.settle(&event, attempts, published)?;
                Some((event, settled))
            })
            .collect();
        (settled, is_away)
    }

    /// Says what is to be written down about an event; nothing about one that was not tried.
    fn settle(&self, event: &Event, attempts: u32, published: Published) -> Option<Settled> {
        let (tried, event_id, correlation_id) = (attempts + 1, event.event_id, &event.correlation_id);
        Some(match published {
            Published::Done => Settled::Processed,
            Published::Waits => return None,
            Published::Unavailable { after, why } => {
                let wait = backoff::until_back(random_fraction());
                let at = self.clock.now() + after.unwrap_or_default().max(wait);
                tracing::warn!(%event_id, r#type = event.event_type, correlation_id, why, "event waits for what is away");
                Settled::Waiting { at, error: why }
            }
            Published::Retry { after, why } if tried < MAX_ATTEMPTS => {
                let wait = backoff::delay(attempts, BACKOFF_BASE, BACKOFF_CAP, random_fraction());
                let at = self.clock.now() + after.unwrap_or_default().max(wait);
                tracing::warn!(%event_id, r#type = event.event_type, correlation_id, attempt = tried, why, "event to be retried");
                Settled::Retrying { at, error: why }
            }
            Published::Retry { why, .. } | Published::Never { why } => {
                tracing::error!(%event_id, r#type = event.event_type, correlation_id, attempt = tried, why, "event became a dead letter");
                Settled::Failed { error: why }
            }
        })
    }

    /// Publishes whenever something was committed, and whenever a retry is due, until stopped. The topics do not wait for each
    /// other, but while one gathers: a slow mail server keeps no occurrence and no audit entry from coming.
    pub async fn run(self, committed: Arc<Notify>, stop: CancellationToken) {
        let wakes = TOPICS.map(|_| Notify::new());
        let loops = self.lanes.iter().zip(&wakes).map(|(lane, wake)| self.run_lane(lane, wake, &stop));
        let pass_on = async {
            while stop.run_until_cancelled(committed.notified()).await.is_some() {
                wakes.iter().for_each(Notify::notify_one);
                stop.run_until_cancelled(self.gathered()).await;
            }
        };
        let sweep = async {
            while stop.run_until_cancelled(tokio::time::sleep(SWEEP)).await.is_some() {
                self.forget_expired().await;
            }
        };
        let measure = async {
            loop {
                self.measure().await;
                if stop.run_until_cancelled(tokio::time::sleep(MEASURED)).await.is_none() {
                    return;
                }
            }
        };
        tokio::join!(join_all(loops), pass_on, sweep, measure);
        let count = self.publisher.late();
        if count > 0 {
            let topic = Topic::TaskUpdates.as_str();
            tracing::error!(topic, count, "messages of the feed could not be sent and are lost to it");
        }
    }

    /// Looks how the outbox stands. While the database is away the last look grows old, which says it.
    async fn measure(&self) {
        for topic in TOPICS {
            let backlog = match self.application.backlog(topic).await {
                Ok(backlog) => backlog,
                Err(refusal) => {
                    let error = runtime::ask::chain(&refusal);
                    tracing::debug!(topic = topic.as_str(), error, "the outbox could not be measured");
                    return;
                }
            };
            let labels = vec![("topic", topic.as_str().to_owned())];
            let oldest = backlog.oldest_at.map_or(0, |at| at.timestamp());
            self.standing.oldest.get_or_create(&labels).set(oldest);
            self.standing.dead_letters.get_or_create(&labels).set(backlog.dead_letters);
        }
        self.standing.measured.set(self.clock.now().timestamp());
    }

    async fn forget_expired(&self) {
        if let Err(refusal) = self.application.forget_expired(self.clock.now()).await {
            let error = runtime::ask::chain(&refusal);
            tracing::warn!(error, "what is expired could not be forgotten");
        }
        let Some(days) = self.retention.events_days else { return };
        let mut swept_to = self.swept_to.lock().await;
        match self.application.forget_events(self.clock.now(), days, &mut swept_to).await {
            Ok(0) => {}
            Ok(count) => tracing::info!(count, older_than_days = days, "old events forgotten"),
            Err(refusal) => {
                let error = runtime::ask::chain(&refusal);
                tracing::warn!(error, "old events could not be forgotten");
            }
        }
    }

    async fn run_lane(&self, lane: &Lane, wake: &Notify, stop: &CancellationToken) {
        loop {
            let next = match self.look(lane, stop).await.map(|look| look.then) {
                Ok(Then::Again) => continue,
                Ok(Then::Gather) => {
                    lane.is_gathering.store(true, Relaxed);
                    stop.run_until_cancelled(tokio::time::sleep(GATHERING)).await;
                    lane.is_gathering.store(false, Relaxed);
                    continue;
                }
                Ok(Then::Pause) => Some(self.clock.now() + PAUSE),
                Ok(Then::Rest) => self.application.next_retry_at(lane.topic).await.ok().flatten(),
                Err(refusal) => {
                    let error = runtime::ask::chain(&refusal);
                    let topic = lane.topic.as_str();
                    tracing::warn!(topic, error, "events could not be published, trying again");
                    Some(self.clock.now() + PAUSE)
                }
            };
            let longest = self.clock.now() + LONGEST_SLEEP;
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.clock.sleep_until(next.map_or(longest, |next| next.min(longest))) => {}
                () = wake.notified() => {}
            }
        }
    }
}

fn outcome(published: &Published) -> &'static str {
    match published {
        Published::Done => "done",
        Published::Retry { .. } => "retry",
        Published::Waits => "waits",
        Published::Unavailable { .. } => "unavailable",
        Published::Never { .. } => "dead_letter",
    }
}

fn unavailable(error: application::outbox::RelayError) -> Refusal {
    Refusal::Unavailable { what: "the database", source: error.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_kept_for_good_or_for_as_long_as_they_can_be_undone() {
        fn read(days: &str) -> Result<Retention, ConfigError> {
            Retention::from_environment(&Environment::from_pairs([("EVENTS_RETENTION_DAYS", days)]))
        }
        assert_eq!(Retention::default().events_days, None);
        assert_eq!(read("").expect("as if it were not set"), Retention::default());
        for days in [31, 90, 36_500] {
            assert_eq!(read(&days.to_string()).expect("sound").events_days, Some(days));
        }
        for wrong in ["30", "0", "-90", "36501", "90d", "forever"] {
            let error = read(wrong).expect_err(wrong).to_string();
            assert!(error.contains("EVENTS_RETENTION_DAYS") && error.contains("from 31 to 36500"), "{error}");
        }
    }
}
