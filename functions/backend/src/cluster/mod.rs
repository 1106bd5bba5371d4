//! Every function as a process of its own on this machine, as in a cluster: a private PostgreSQL, a real broker with the topics, a
//! clock that ticks, and a front door that routes as an ingress does. With `--bus dapr` Dapr sidecars stand between them and the broker,
//! and jobs are the clock.
//!
//! Whatever is started ends with this process, also when that is killed. When a part ends by itself, PostgreSQL and the broker
//! included, all end: a line says at once which one and how, the exit code is 1, and whoever started this program can start it again.

mod front_door;
mod inherited;
mod part;
mod sidecars;

use std::path::{Path, PathBuf};
use std::pin::pin;
use std::time::Duration;

use anyhow::{Context, bail};
use axum::body::Body;
use axum::http::Request;
use devkit::kafka::{Broker, Files};
use futures::StreamExt as _;
use futures::future::{join_all, select_all};
use futures::stream::FuturesUnordered;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use runtime::config::{Config, Environment};
use runtime::host::worker::create_topics;
use runtime::kafka::Settings;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};

use self::front_door::FrontDoor;
use self::inherited::{Recipient, Surroundings};
use self::part::{Failure, Part, Starting, tell_of};
pub(crate) use self::sidecars::Installed;
use self::sidecars::Sidecars;
use crate::identity::{with_own_keys, with_push_key};
use crate::secret;
use crate::serve::{Database, announce, shutdown};

/// What people and programs call.
const HTTP: [&str; 10] = [
    "create-task",
    "query-tasks",
    "update-task",
    "complete-task",
    "delete-task",
    "chat-command",
    "follow-link",
    "stream-updates",
    "web",
    SIGN_IN,
];
/// Whose keys the others believe, where no other issuer is.
const SIGN_IN: &str = "sign-in";
/// What has to do with the broker.
const ON_THE_BUS: [&str; 4] = [RELAY, "send-reminder", "spawn-recurrence", "write-audit"];
/// Whom the others tell of what they committed.
const RELAY: &str = "relay-events";
/// What a clock calls.
const TICKED: &str = "scan-reminders";
/// What Dapr has jobs for.
const ON_A_CLOCK: [&str; 2] = [TICKED, RELAY];
/// How often the clock ticks: on a laptop a reminder should not be a minute late.
const TICK: Duration = Duration::from_secs(2);
/// How long a function, with its sidecar, may take to start.
const STARTED_WITHIN: Duration = Duration::from_secs(60);
/// How long the functions, all at once, may take to finish what is under way, and then the sidecars; with the 3 s of PostgreSQL
/// all has ended within 10 s.
const FUNCTIONS_STOP_WITHIN: Duration = Duration::from_secs(4);
const SIDECARS_STOP_WITHIN: Duration = Duration::from_secs(2);
/// How often other ports are tried where a program has to be told some, and somebody else has taken one.
const TRIES: usize = 5;
/// How often a function is asked whether it is there.
const GLANCE: Duration = Duration::from_millis(20);

/// What parts call each other and the functions with.
type HttpClient = Client<HttpConnector, Body>;

/// Runs every function by itself until SIGTERM, SIGINT or SIGHUP, on the broker that is installed in `kafka`, or that of `KAFKA_BROKERS`;
/// with `dapr` behind sidecars.
///
/// # Errors
/// What kept a part from starting, or which one ended by itself.
pub(crate) async fn run(
    environment: Environment,
    kafka: &Path,
    dapr: Option<Installed<'_>>,
) -> anyhow::Result<()> {
    let environment = with_push_key(with_own_keys(environment)?)?;
    let config = Config::from_environment(&environment)?;
    let data_dir = environment.get("DATA_DIR")?.unwrap_or_else(|| ".data".to_owned());
    let data_dir = std::path::absolute(&data_dir).with_context(|| format!("DATA_DIR is {data_dir:?}"))?;
    if dapr.is_some()
        && environment.get("KAFKA_BROKERS")?.is_some()
        && let Some(protocol) = environment.get("KAFKA_SECURITY_PROTOCOL")?
    {
        anyhow::ensure!(
            protocol == "PLAINTEXT",
            "KAFKA_SECURITY_PROTOCOL is {protocol:?}; with BUS=dapr it must be PLAINTEXT, as in infra/dapr"
        );
    }
    let programs = std::env::current_exe().context("this program is no file")?;
    let programs = programs.parent().context("this program is in no folder")?.to_owned();
    for name in HTTP.iter().chain(&ON_THE_BUS).chain([&TICKED]) {
        let program = programs.join(name);
        anyhow::ensure!(program.is_file(), "{} is missing; `make run BUS=…` builds it", program.display());
    }
    let surroundings = Surroundings::new(&environment, dapr.is_some())?;
    let mut shutdown = pin!(shutdown());
    let listener = TcpListener::bind((config.host, config.port))
        .await
        .with_context(|| format!("PORT {} can not be had", config.port))?;
    let mut database = Database::start(&environment).await?;
    let (url, mut has_ended) = (database.url.clone(), false);
    let migrated = tokio::select! {
        outcome = database.migrate() => outcome.map(|()| true),
        () = &mut shutdown => Ok(false),
    };
    let outcome = match migrated {
        Ok(true) => {
            let stop = async {
                tokio::select! {
                    () = shutdown => {}
                    () = database.ended() => {
                        tell_all_end("the private PostgreSQL ended by itself");
                        has_ended = true;
                    }
                }
            };
            let place = Place { programs, kafka, dapr, data_dir, surroundings };
            serve(&environment, place, &url, listener, stop).await
        }
        // Told to stop before the database was there.
        Ok(false) => Ok(()),
        Err(error) => Err(error),
    };
    anyhow::ensure!(!has_ended, "the private PostgreSQL ended by itself; the next start recovers it");
    database.stop().await?;
    outcome
}

/// Where things are.
struct Place<'a> {
    /// The folder of the functions' programs.
    programs: PathBuf,
    kafka: &'a Path,
    dapr: Option<Installed<'a>>,
    data_dir: PathBuf,
    surroundings: Surroundings,
}

/// Starts everything beside the database, and serves until told to stop; the error names a part that did not start, or ended by itself.
async fn serve(
    environment: &Environment,
    place: Place<'_>,
    database_url: &str,
    listener: TcpListener,
    stop: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    let mut stop = pin!(stop);
    let prepared = tokio::select! {
        prepared = Cluster::prepared(environment, place, database_url, &listener) => prepared,
        () = &mut stop => return Ok(()),
    };
    let mut cluster = prepared?;
    let started = tokio::select! {
        started = cluster.start_all() => started.map(|()| true),
        () = &mut stop => Ok(false),
    };
    let outcome = match started {
        Ok(true) => cluster.serve(listener, stop).await,
        Ok(false) => Ok(()),
        Err(error) => Err(error),
    };
    cluster.stop().await;
    outcome
}

/// Every part but the database.
struct Cluster {
    launcher: Launcher,
    functions: Vec<Function>,
    scheduler: Option<Part>,
    /// Ends after the functions and sidecars.
    broker: Option<Broker>,
}

/// A running function.
struct Function {
    name: &'static str,
    port: u16,
    part: Part,
    sidecar: Option<Part>,
}

/// What it takes to start a function.
struct Launcher {
    programs: PathBuf,
    surroundings: Surroundings,
    settings: Vec<(&'static str, String)>,
    /// What sign-in alone gets; nothing when there is none.
    of_sign_in: Vec<(&'static str, String)>,
    of_sender: Option<(&'static str, String)>,
    brokers: String,
    /// What the sidecars read, until they have ended.
    sidecars: Option<Sidecars>,
    client: HttpClient,
}

impl Cluster {
    /// Starts the broker, makes the topics that are missing, and writes what sidecars read.
    async fn prepared(
        environment: &Environment,
        place: Place<'_>,
        database_url: &str,
        listener: &TcpListener,
    ) -> anyhow::Result<Self> {
        let Place { programs, kafka, dapr, data_dir, surroundings } = place;
        let (broker, brokers) = match environment.get("KAFKA_BROKERS")? {
            Some(brokers) => (None, brokers),
            None => {
                let broker = Broker::start(kafka, &data_dir.join("kafka"), Files::Kept).await?;
                let brokers = broker.address.clone();
                (Some(broker), brokers)
            }
        };
        // A cluster that is not this program's may need more to be reached than its address; this one's needs no more.
        let own = broker.as_ref().map(|_| Environment::from_pairs([("KAFKA_BROKERS", &brokers)]));
        if let Some(settings) = Settings::from_environment(own.as_ref().unwrap_or(environment))? {
            create_topics(&settings, None).await?;
        }
        let mut settings = vec![("DATABASE_URL", database_url.to_owned()), ("HOST", "127.0.0.1".to_owned())];
        if environment.get("PUBLIC_URL")?.is_none() {
            settings.push(("PUBLIC_URL", format!("http://localhost:{}", listener.local_addr()?.port())));
        }
        if environment.get("LINK_SECRET")?.is_none() {
            settings.push(("LINK_SECRET", secret::kept_in(&data_dir, secret::OF_LINKS, secret::new)?));
        }
        settings.extend(environment.get("VAPID_PUBLIC_KEY")?.map(|key| ("VAPID_PUBLIC_KEY", key)));
        let of_sender = environment.get("VAPID_PRIVATE_KEY")?.map(|key| ("VAPID_PRIVATE_KEY", key));
        let mut of_sign_in = Vec::new();
        if Config::from_environment(environment)?.auth.believes_own_keys() {
            for name in ["JWT_ISSUER", "JWT_AUDIENCE"] {
                settings.extend(environment.get(name)?.map(|value| (name, value)));
            }
            for name in ["SIGNING_KEY", "SIGNING_KEY_PREVIOUS"] {
                of_sign_in.extend(environment.get(name)?.map(|value| (name, value)));
            }
        }
        let sidecars = match &dapr {
            Some(installed) => Some(Sidecars::new(installed, &data_dir, &brokers, database_url)?),
            None => None,
        };
        let client = Client::builder(TokioExecutor::new()).build_http();
        let launcher =
            Launcher { programs, surroundings, settings, of_sign_in, of_sender, brokers, sidecars, client };
        Ok(Self { launcher, functions: Vec::new(), scheduler: None, broker })
    }

    async fn start_all(&mut self) -> anyhow::Result<()> {
        let Self { launcher, functions, scheduler, .. } = self;
        let mut scheduler_port = None;
        if let Some(sidecars) = &launcher.sidecars {
            let started = sidecars.start_scheduler(&launcher.client, &launcher.surroundings);
            let started =
                timeout(STARTED_WITHIN, started).await.context("the scheduler does not start")??;
            (*scheduler, scheduler_port) = (Some(started.0), Some(started.1));
        }
        let mut settings = Vec::new();
        if !launcher.of_sign_in.is_empty() {
            // The others have to be told where its keys are, so it can not be told where the relay is, which looks by itself.
            let sign_in = launcher.start(SIGN_IN, launcher.of_sign_in.clone(), scheduler_port).await?;
            let keys = format!("http://127.0.0.1:{}/.well-known/jwks.json", sign_in.port);
            settings.push(("JWT_JWKS_URL", keys));
            functions.push(sign_in);
        }
        let relay = launcher.start(RELAY, settings.clone(), scheduler_port).await?;
        let relay_url = format!("http://127.0.0.1:{}/", relay.port);
        functions.push(relay);
        settings.push(("RELAY_URL", relay_url));
        let others = HTTP.into_iter().chain(ON_THE_BUS).chain([TICKED]);
        let others = others.filter(|name| ![RELAY, SIGN_IN].contains(name));
        let start = |name| launcher.start(name, settings.clone(), scheduler_port);
        let mut starting: FuturesUnordered<_> = others.map(start).collect();
        while let Some(started) = starting.next().await {
            functions.push(started?);
        }
        Ok(())
    }

    /// Serves until told to stop; the error names a part that ended by itself.
    async fn serve(&mut self, listener: TcpListener, stop: impl Future<Output = ()>) -> anyhow::Result<()> {
        let client = self.launcher.client.clone();
        let asked: Vec<_> = self
            .functions
            .iter()
            .filter(|function| HTTP.contains(&function.name))
            .map(|function| document(client.clone(), function.name, function.port))
            .collect();
        let ticked = self.functions.iter().find(|function| function.name == TICKED);
        let ticked = ticked.filter(|_| self.launcher.sidecars.is_none()).map(|function| function.port);
        let served = async {
            let door = FrontDoor::new(join_all(asked).await, client.clone());
            announce(listener.local_addr()?);
            tokio::select! {
                served = axum::serve(listener, door.router()).into_future() => Ok(served?),
                never = tick(client, ticked) => match never {},
            }
        };
        tokio::select! {
            served = served => served,
            how = self.broken() => {
                tell_all_end(&how);
                bail!(how)
            }
            () = stop => Ok(()),
        }
    }

    /// Waits until a part has ended by itself, and says which and how.
    async fn broken(&mut self) -> String {
        let Self { functions, scheduler, broker, .. } = self;
        let broker = async {
            let Some(broker) = broker else { return std::future::pending().await };
            broker.ended().await;
            format!("the Kafka broker ended by itself; its log is {}", broker.log().display())
        };
        let parts =
            functions.iter_mut().flat_map(|function| [Some(&mut function.part), function.sidecar.as_mut()]);
        let parts = parts.flatten().chain(scheduler.as_mut());
        let parts = select_all(parts.map(|part| Box::pin(part.ended())));
        tokio::select! {
            (how, ..) = parts => how,
            how = broker => how,
        }
    }

    /// Lets every function finish what is under way, then ends the sidecars, then the broker.
    async fn stop(self) {
        let (functions, sidecars): (Vec<_>, Vec<_>) =
            self.functions.into_iter().map(|function| (function.part, function.sidecar)).unzip();
        let sidecars = sidecars.into_iter().flatten().chain(self.scheduler);
        join_all(functions.into_iter().map(|part| part.stop(FUNCTIONS_STOP_WITHIN))).await;
        join_all(sidecars.map(|part| part.stop(SIDECARS_STOP_WITHIN))).await;
        if let Some(broker) = self.broker {
            // Waits for the process.
            let _ = tokio::task::spawn_blocking(move || drop(broker)).await;
        }
    }
}

impl Launcher {
    /// Starts a function at a port that the system gives it, with its sidecar if it has one, and waits until both are there. A
    /// sidecar has to be told its ports, and the function one of them: where somebody else takes one first, both are started again.
    async fn start(
        &self,
        name: &'static str,
        settings: Vec<(&'static str, String)>,
        scheduler: Option<u16>,
    ) -> anyhow::Result<Function> {
        for _ in 0..TRIES {
            let started = timeout(STARTED_WITHIN, self.try_to_start(name, &settings, scheduler)).await;
            if let Some(function) = started.with_context(|| format!("{name} does not start"))?? {
                return Ok(function);
            }
        }
        bail!("the ports of {name}'s daprd were taken by somebody else, {TRIES} times")
    }

    /// Does it once; `None` when a port of the sidecar is somebody else's.
    async fn try_to_start(
        &self,
        name: &'static str,
        settings: &[(&'static str, String)],
        scheduler: Option<u16>,
    ) -> anyhow::Result<Option<Function>> {
        let beside = self.sidecars.as_ref().and_then(|sidecars| sidecars.beside(name));
        let mut all = vec![("PORT", "0".to_owned())];
        all.extend(self.settings.iter().chain(settings).cloned());
        all.extend(self.of_sender.clone().filter(|_| name == inherited::SENDS_MAILS));
        match &beside {
            Some(beside) => all.extend(beside.settings()),
            None if self.sidecars.is_none() && ON_THE_BUS.contains(&name) => {
                all.push(("KAFKA_BROKERS", self.brokers.clone()));
            }
            None => {}
        }
        let program = self.programs.join(name);
        let is_to_get = Recipient::Function(name);
        let (name_shown, arguments) = (name.to_owned(), Vec::new());
        let starting = Starting { name: name_shown, program, arguments, is_to_get, settings: all };
        let mut part = Part::start(starting, &self.surroundings)?;
        let port = part.port().await?;
        let Some(beside) = beside else { return Ok(Some(Function { name, port, part, sidecar: None })) };
        let mut sidecar = Part::start(beside.starting(port, scheduler), &self.surroundings)?;
        let failure = tokio::select! {
            () = beside.is_there() => return Ok(Some(Function { name, port, part, sidecar: Some(sidecar) })),
            how = part.ended() => bail!(how),
            failure = sidecar.failed() => failure,
        };
        match failure {
            Failure::Ended(how) => bail!(how),
            Failure::Taken => {
                part.stop(FUNCTIONS_STOP_WITHIN).await;
                sidecar.stop(Duration::ZERO).await;
                Ok(None)
            }
        }
    }
}

/// Says at once why all end; after that each part has something to say.
fn tell_all_end(how: &str) {
    tell_of("cluster", &format!("{how}; all else is stopped"));
}

/// Asks a function for what it serves until it answers.
async fn document(client: HttpClient, name: &'static str, port: u16) -> (&'static str, u16, Value) {
    loop {
        let request = Request::get(format!("http://127.0.0.1:{port}/openapi.json")).body(Body::empty());
        let answer = client.request(request.expect("a path is a request")).await;
        if let Ok(response) = answer
            && let Ok(bytes) = axum::body::to_bytes(Body::new(response.into_body()), usize::MAX).await
            && let Ok(document) = serde_json::from_slice(&bytes)
        {
            return (name, port, document);
        }
        sleep(GLANCE).await;
    }
}

/// Calls the scan as cron does; a tick that is lost is made up for by the next one. Does nothing where there are jobs.
async fn tick(client: HttpClient, port: Option<u16>) -> std::convert::Infallible {
    let Some(port) = port else { return std::future::pending().await };
    loop {
        let request = Request::post(format!("http://127.0.0.1:{port}/")).body(Body::empty());
        let _ = client.request(request.expect("a path is a request")).await;
        sleep(TICK).await;
    }
}
