//! Every function as a process of its own on this machine, as in a cluster: a private PostgreSQL, a real broker with the topics, a
//! clock that ticks, and a front door that routes as an ingress does. With `--bus dapr` Dapr sidecars stand between them and the broker,
//! and jobs are the clock.
//!
//! Whatever is started ends with this process, also when that is killed. When one part ends by itself, all end.

mod front_door;
mod part;
mod sidecars;

use std::io::Write as _;
use std::path::Path;
use std::pin::pin;
use std::time::Duration;

use anyhow::{Context, bail};
use axum::body::Body;
use axum::http::Request;
use devkit::kafka::{Broker, Files};
use devkit::testing::unused_port;
use futures::future::join_all;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use runtime::config::{Config, Environment};
use runtime::host::server::shutdown_signal;
use runtime::host::worker::create_topics;
use runtime::kafka::Settings;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use self::front_door::FrontDoor;
use self::part::{Part, Starting};
pub(crate) use self::sidecars::Installed;
use self::sidecars::Sidecars;
use crate::secret;
use crate::serve::Database;

/// What people and programs call.
const HTTP: [&str; 8] = [
    "create-task",
    "query-tasks",
    "update-task",
    "complete-task",
    "delete-task",
    "chat-command",
    "follow-link",
    "web",
];
/// What has to do with the broker.
const ON_THE_BUS: [&str; 4] = ["relay-events", "send-reminder", "spawn-recurrence", "write-audit"];
/// What a clock calls.
const TICKED: &str = "scan-reminders";
/// What Dapr has jobs for.
const ON_A_CLOCK: [&str; 2] = [TICKED, "relay-events"];
/// How often the clock ticks: on a laptop a reminder should not be a minute late.
const TICK: Duration = Duration::from_secs(2);
/// How long a function, or its sidecar, may take to answer first.
const STARTED_WITHIN: Duration = Duration::from_secs(60);
/// How often a function is asked whether it is there.
const GLANCE: Duration = Duration::from_millis(20);
/// Variables that are for the cluster as a whole.
const OWN: [&str; 12] = [
    "PORT",
    "METRICS_PORT",
    "KAFKA_BROKERS",
    "K_SINK",
    "K_SERVICE",
    "DAPR_HTTP_PORT",
    "DAPR_API_TOKEN",
    "DAPR_PUBSUB",
    "DAPR_SCHEDULE",
    "DAPR_SECRET_STORE",
    "APP_API_TOKEN",
    "AWS_LAMBDA_RUNTIME_API",
];

/// What parts call each other and the functions with.
type HttpClient = Client<HttpConnector, Body>;

/// Runs every function by itself until SIGTERM or SIGINT, on the broker that is installed in `kafka`, or that of `KAFKA_BROKERS`; with
/// `dapr` behind sidecars.
///
/// # Errors
/// What kept a part from starting, or which one ended by itself.
pub(crate) async fn run(
    environment: Environment,
    kafka: &Path,
    dapr: Option<Installed<'_>>,
) -> anyhow::Result<()> {
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
    let mut shutdown = pin!(shutdown_signal());
    let listener = TcpListener::bind((config.host, config.port))
        .await
        .with_context(|| format!("PORT {} can not be had", config.port))?;
    let database = Database::start(&environment).await?;
    let cluster = async {
        database.migrate().await?;
        let broker = match environment.get("KAFKA_BROKERS")? {
            Some(_) => None,
            None => Some(Broker::start(kafka, &data_dir.join("kafka"), Files::Kept).await?),
        };
        let mut cluster = Cluster::new(&environment, &database.url, &data_dir, &listener, broker)?;
        cluster.make_topics(&environment).await?;
        if let Some(installed) = &dapr {
            let sidecars = Sidecars::new(installed, &data_dir, &cluster.brokers, &database.url)?;
            cluster.sidecars = Some(sidecars);
        }
        cluster.start_all(&programs)?;
        Ok(cluster)
    };
    let started: anyhow::Result<Option<Cluster>> = tokio::select! {
        started = cluster => started.map(Some),
        () = &mut shutdown => Ok(None),
    };
    let outcome = match started {
        Ok(Some(mut cluster)) => {
            let served = cluster.serve(listener, shutdown).await;
            cluster.stop().await;
            served
        }
        // Told to stop before all was there.
        Ok(None) => Ok(()),
        Err(error) => Err(error),
    };
    database.stop().await?;
    outcome
}

/// Every part but the database.
struct Cluster {
    settings: Vec<(&'static str, String)>,
    brokers: String,
    parts: Vec<Part>,
    /// Sidecars, each beside one of the parts.
    beside: Vec<Part>,
    scheduler: Option<Part>,
    tell_ended: mpsc::Sender<String>,
    ended: mpsc::Receiver<String>,
    client: HttpClient,
    /// What the sidecars read, until they have ended.
    sidecars: Option<Sidecars>,
    /// Ends after the functions and sidecars.
    broker: Option<Broker>,
}

impl Cluster {
    fn new(
        environment: &Environment,
        database_url: &str,
        data_dir: &Path,
        listener: &TcpListener,
        broker: Option<Broker>,
    ) -> anyhow::Result<Self> {
        let brokers = match &broker {
            Some(broker) => broker.address.clone(),
            None => environment.require("KAFKA_BROKERS", "the brokers of a Kafka cluster")?,
        };
        let mut settings = vec![("DATABASE_URL", database_url.to_owned()), ("HOST", "127.0.0.1".to_owned())];
        if environment.get("PUBLIC_URL")?.is_none() {
            settings.push(("PUBLIC_URL", format!("http://localhost:{}", listener.local_addr()?.port())));
        }
        if environment.get("LINK_SECRET")?.is_none() {
            settings.push(("LINK_SECRET", secret::kept_in(data_dir)?));
        }
        let client = Client::builder(TokioExecutor::new()).build_http();
        let (tell_ended, ended) = mpsc::channel(1);
        Ok(Self {
            settings,
            brokers,
            parts: Vec::new(),
            beside: Vec::new(),
            scheduler: None,
            tell_ended,
            ended,
            client,
            sidecars: None,
            broker,
        })
    }

    /// Makes the topics that are missing. A cluster that is not this program's may need more to be reached than its address.
    async fn make_topics(&self, environment: &Environment) -> anyhow::Result<()> {
        let own = self.broker.as_ref().map(|broker| ("KAFKA_BROKERS", broker.address.as_str()));
        let own = own.map(|brokers| Environment::from_pairs([brokers]));
        if let Some(settings) = Settings::from_environment(own.as_ref().unwrap_or(environment))? {
            create_topics(&settings, None).await?;
        }
        Ok(())
    }

    fn start_all(&mut self, programs: &Path) -> anyhow::Result<()> {
        if let Some(sidecars) = &self.sidecars {
            self.scheduler = Some(self.start(sidecars.scheduler())?);
        }
        let relay = unused_port();
        let relay_url = ("RELAY_URL", format!("http://127.0.0.1:{relay}/"));
        for name in HTTP.into_iter().chain(ON_THE_BUS).chain([TICKED]) {
            let port = if name == "relay-events" { relay } else { unused_port() };
            let mut settings = self.settings.clone();
            settings.push(("PORT", port.to_string()));
            if name != "relay-events" {
                settings.push(relay_url.clone());
            }
            match &self.sidecars {
                Some(sidecars) => {
                    if let Some((sidecar, of_sidecar)) = sidecars.beside(name, port) {
                        self.beside.push(self.start(sidecar)?);
                        settings.extend(of_sidecar);
                    }
                }
                None if ON_THE_BUS.contains(&name) => {
                    settings.push(("KAFKA_BROKERS", self.brokers.clone()));
                }
                None => {}
            }
            let (name, program) = (name.to_owned(), programs.join(name));
            let function = Starting { name, program, arguments: Vec::new(), port, settings };
            self.parts.push(self.start(function)?);
        }
        Ok(())
    }

    fn start(&self, part: Starting) -> anyhow::Result<Part> {
        Part::start(part, self.tell_ended.clone())
    }

    /// Serves until told to stop; the error names a part that ended by itself.
    async fn serve(&mut self, listener: TcpListener, stop: impl Future<Output = ()>) -> anyhow::Result<()> {
        let mut stop = pin!(stop);
        let parts = self.parts.iter().map(|part| (part.name.clone(), part.port));
        let asked: Vec<_> = parts.map(|(name, port)| document(self.client.clone(), name, port)).collect();
        let (sidecars, beside) = (&self.sidecars, &self.beside);
        let sidecars = async {
            let Some(sidecars) = sidecars else { return };
            join_all(beside.iter().map(|sidecar| sidecars.wait_for(sidecar))).await;
        };
        let started = async { tokio::join!(join_all(asked), sidecars).0 };
        let documents = tokio::select! {
            documents = timeout(STARTED_WITHIN, started) => {
                documents.context("a function, or its sidecar, does not answer")?
            }
            name = self.ended.recv() => bail!("{} ended by itself", name.unwrap_or_default()),
            () = &mut stop => return Ok(()),
        };
        let http = documents.into_iter().filter(|(name, ..)| HTTP.contains(&name.as_str()));
        let door = FrontDoor::new(http, self.client.clone());
        let address = listener.local_addr()?;
        let mut out = std::io::stdout().lock();
        // A closed terminal is no reason to stop.
        let _ = writeln!(out, "Kaam is ready: http://{address}").and_then(|()| out.flush());
        drop(out);
        let ticked = self.parts.iter().find(|part| part.name == TICKED && self.sidecars.is_none());
        let ticked = ticked.map(|part| part.port);
        tokio::select! {
            served = axum::serve(listener, door.router()).into_future() => Ok(served?),
            never = tick(self.client.clone(), ticked) => match never {},
            name = self.ended.recv() => bail!("{} ended by itself", name.unwrap_or_default()),
            () = stop => Ok(()),
        }
    }

    /// Lets every function finish what is under way, then ends the sidecars, then the broker.
    async fn stop(self) {
        join_all(self.parts.into_iter().map(Part::stop)).await;
        join_all(self.beside.into_iter().chain(self.scheduler).map(Part::stop)).await;
        if let Some(broker) = self.broker {
            // Waits for the process.
            let _ = tokio::task::spawn_blocking(move || drop(broker)).await;
        }
    }
}

/// Asks a function for what it serves until it answers.
async fn document(client: HttpClient, name: String, port: u16) -> (String, u16, Value) {
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
