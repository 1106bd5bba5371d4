//! Serving: a private PostgreSQL unless there is another, the schema, every function, and the loops between them.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::pin;
use std::time::Duration;

use anyhow::Context;
use application::links::Links;
use application::{Application, Connection};
use chat_command::Backing;
use devkit::postgres::{Options, Private};
use messaging::{Kafka, Publisher};
use relay_events::{Outbox, Retention};
use runtime::config::{ConfigError, Environment, LogLevel};
use runtime::function::{Check, Function};
use runtime::host::server::{self, App, hangup, shutdown_signal};
use runtime::host::worker;
use runtime::host::{Host, dapr};
use runtime::kafka::Settings;
use runtime::limits::Limits;
use runtime::main::Start;
use runtime::secrets::with_secrets;
use runtime::telemetry;
use send_reminder::Courier;
use sign_in::Signing;
use url::Url;

use crate::identity::{with_own_keys, with_push_key};
use crate::{Composition, NAME, Parts, Wake, compose, secret};

/// The default of `DATABASE_CONNECTIONS` here: one process serves everything.
const CONNECTIONS: u32 = 16;

/// How often the private PostgreSQL is looked after.
const WATCH: Duration = Duration::from_millis(500);
/// How long requests and deliveries in flight may take after the signal; with PostgreSQL's 3 s all has stopped within 10.
const DRAIN: Duration = Duration::from_secs(6);

/// Serves every function until SIGTERM, SIGINT or SIGHUP, then drains and stops, and the private PostgreSQL with it.
///
/// # Errors
/// The first setting that is wrong, or what kept the database or the server from starting.
pub async fn serve(environment: Environment) -> anyhow::Result<()> {
    let environment = with_push_key(with_own_keys(with_secrets(environment).await?)?)?;
    // Before anybody is connected to.
    environment.refuse_database_pooler()?;
    let sidecar = match Host::from_environment_but(&["KAFKA_BROKERS"], &environment)? {
        Host::Dapr(settings) => Some(*settings),
        _ => None,
    };
    refuse_sink(&environment)?;
    let bus = Bus::from_environment(&environment, sidecar.as_ref())?;
    let start = Start::from_environment(environment)?;
    // Before settings are read that may be warned of.
    telemetry::init(&start.config, watched(start.config.log_level));
    telemetry::spans::start(NAME, &start.environment)?;
    let signing = Signing::from_environment(&start.config, &start.environment)?;
    let links = links(&start)?;
    let courier = Courier::from_environment(&start.environment).await?;
    let backing = Backing::from_start(&start)?;
    let streams = stream_updates::Limits::from_environment(&start.environment)?;
    let retention = Retention::from_environment(&start.environment)?;
    let parts = Parts { courier, links, backing, signing, streams, retention };
    let connections = match start.environment.get("DATABASE_CONNECTIONS")? {
        Some(_) => start.database_connections()?,
        None => CONNECTIONS,
    };
    let mut shutdown = pin!(shutdown());
    let mut database = Database::start(&start.environment).await?;
    let migrated = tokio::select! {
        outcome = database.migrate() => outcome.map(|()| true),
        () = &mut shutdown => Ok(false),
    };
    let (url, mut has_ended) = (database.url.clone(), false);
    let outcome = match migrated {
        Ok(true) => {
            let shutdown = async {
                tokio::select! {
                    () = shutdown => {}
                    () = database.ended() => has_ended = true,
                }
            };
            serve_on(&start, &url, connections, parts, (bus, sidecar), shutdown).await
        }
        // Told to stop before the database was there.
        Ok(false) => Ok(()),
        Err(error) => Err(error),
    };
    // Nothing can be done without it, and whoever started this program can start it again.
    anyhow::ensure!(!has_ended, "the private PostgreSQL has stopped by itself; the next start recovers it");
    database.stop().await?;
    outcome
}

/// Gives what resolves at the first SIGTERM, SIGINT or SIGHUP from now on. A terminal that is closed may be told of twice: only SIGTERM and
/// SIGINT, sent twice, end the process at once.
pub(crate) fn shutdown() -> impl Future<Output = ()> {
    let (told, closed) = (shutdown_signal(), hangup());
    async {
        tokio::select! {
            () = told => {}
            () = closed => {}
        }
    }
}

/// Refuses `K_SINK`: the functions of this process have their bus in it, and a consumer on both would be told everything twice.
fn refuse_sink(environment: &Environment) -> Result<(), ConfigError> {
    match environment.get("K_SINK")? {
        None => Ok(()),
        Some(value) => Err(ConfigError::NotInThisVersion {
            name: "K_SINK".to_owned(),
            value,
            instead: "unset it for backend, or run the functions one by one, relay-events with K_SINK"
                .to_owned(),
        }),
    }
}

async fn serve_on(
    start: &Start,
    database_url: &str,
    connections: u32,
    parts: Parts,
    (bus, sidecar): (Bus, Option<dapr::Settings>),
    shutdown: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    let wake = Wake::default();
    let (url, renew) = (database_url.to_owned(), start.newer_database_url()?);
    let connection = Connection::to(events::Database { url, connections, is_pooled: false, renew }, NAME);
    let committed = wake.clone();
    let application = Application::new(&connection, start.config.time_zone, move || committed.all())?
        .with_quotas(start.config.quotas);
    let retention = parts.retention;
    let mut composition = compose(&application, &start.clock, parts, &start.metrics);
    let is_in_dapr = matches!(bus, Bus::Dapr);
    let topics = bus.topics();
    composition = bus.join(start, &application, sidecar.as_ref(), retention, composition)?;
    let (outbox, relay) = (composition.outbox, wake.relay);
    let (scanner, clock, scan) = (application.clone(), start.clock.clone(), wake.scan);
    let metrics = start.metrics.clone();
    let own = Function::new(NAME)
        .background(|stop| outbox.run(relay, stop))
        .background(|stop| scan_reminders::run(scanner, clock, metrics, scan, stop));
    let own = topics.into_iter().fold(own, Function::ready_when);
    match &sidecar {
        Some(settings) if !is_in_dapr => {
            composition.functions.extend(dapr::attach(vec![own], settings, &start.metrics));
        }
        _ => composition.functions.push(own),
    }
    let limits = Limits { drain_deadline: DRAIN, ..Limits::default() };
    let app = App::new(&start.config, composition.functions).metrics(start.metrics.clone()).limits(limits);
    server::serve(app, shutdown, announce).await?;
    telemetry::spans::finish().await;
    // Connections in use have had their time.
    let _ = tokio::time::timeout(Duration::from_millis(500), application.store().close()).await;
    Ok(())
}

/// What is between the functions.
enum Bus {
    /// Memory.
    InProcess,
    /// A cluster: the relay publishes to it, and each function that takes events consumes from it.
    Kafka(Kafka),
    /// What is behind the sidecar: the relay publishes through it, and it brings the events of each topic once, for all functions.
    Dapr,
}

impl Bus {
    /// Reads which. A sidecar alone is no bus: `DAPR_PUBSUB` names the component that is.
    fn from_environment(environment: &Environment, sidecar: Option<&dapr::Settings>) -> anyhow::Result<Self> {
        let is_in_dapr = environment.get("DAPR_PUBSUB")?.is_some();
        if is_in_dapr && sidecar.is_none() {
            environment.require("DAPR_HTTP_PORT", "the port of the Dapr sidecar, beside DAPR_PUBSUB")?;
        }
        Ok(match relay_events::kafka(environment)? {
            Some(_) if is_in_dapr => {
                anyhow::bail!("KAFKA_BROKERS and DAPR_PUBSUB are both set; one of them must go")
            }
            Some(kafka) => Self::Kafka(kafka),
            None if is_in_dapr => Self::Dapr,
            None => Self::InProcess,
        })
    }

    /// Shows whether the cluster has the topics, if there is one.
    fn topics(&self) -> Option<Check> {
        let Self::Kafka(kafka) = self else { return None };
        Some(relay_events::topics_are_shown(kafka.clone()))
    }

    fn join(
        self,
        start: &Start,
        application: &Application,
        sidecar: Option<&dapr::Settings>,
        retention: Retention,
        composition: Composition,
    ) -> anyhow::Result<Composition> {
        let outbox = |publisher| {
            Outbox::new(application.clone(), start.clock.clone(), publisher, retention, &start.metrics)
        };
        match (self, sidecar, Settings::from_environment(&start.environment)?) {
            (Self::Kafka(kafka), _, Some(settings)) => {
                let attach = |function: Function| {
                    if function.topics.is_empty() {
                        return Ok(function);
                    }
                    worker::attach(function, &settings, &start.metrics, DRAIN)
                };
                let functions = composition.functions.into_iter().map(attach).collect::<Result<_, _>>()?;
                let outbox = outbox(Publisher::Kafka(Box::new(kafka)));
                Ok(Composition { functions, outbox, ..composition })
            }
            (Self::Dapr, Some(settings), _) => {
                let functions = dapr::attach(composition.functions, settings, &start.metrics);
                let outbox = outbox(Publisher::Dapr(Box::new(relay_events::through(settings))));
                Ok(Composition { functions, outbox, ..composition })
            }
            _ => Ok(composition),
        }
    }
}

/// The first line on the terminal: where to open it.
pub(crate) fn announce(address: SocketAddr) {
    let mut out = std::io::stdout().lock();
    // A closed terminal is no reason to stop.
    let _ = writeln!(out, "Kaam is ready: http://{address}").and_then(|()| out.flush());
}

/// Gives the functions whose lines are written from `LOG_LEVEL` on: all, for who wants to see everything. At `info` the others have a
/// line for each event, which is more than anybody reads of a program on their own machine.
fn watched(level: LogLevel) -> &'static [&'static str] {
    match level {
        LogLevel::Debug | LogLevel::Trace => &[
            chat_command::NAME,
            complete_task::NAME,
            create_task::NAME,
            delete_task::NAME,
            follow_link::NAME,
            query_tasks::NAME,
            relay_events::NAME,
            scan_reminders::NAME,
            send_reminder::NAME,
            sign_in::NAME,
            spawn_recurrence::NAME,
            stream_updates::NAME,
            update_task::NAME,
            web::NAME,
            write_audit::NAME,
        ],
        LogLevel::Error | LogLevel::Warn | LogLevel::Info => &[chat_command::NAME],
    }
}

/// Takes `PUBLIC_URL` and `LINK_SECRET`. With a private PostgreSQL each has a default of its own: links then lead to this machine, and
/// the secret is made once and kept in `DATA_DIR`.
fn links(start: &Start) -> anyhow::Result<Option<Links>> {
    let (base, secret) = (start.environment.get("PUBLIC_URL")?, start.environment.get("LINK_SECRET")?);
    let is_private = start.environment.database_url()?.is_none();
    // A port that is still to be found can not be named.
    let here = (start.config.port != 0).then(|| format!("http://localhost:{}", start.config.port));
    let Some(base) = base.clone().or(here).filter(|_| is_private) else {
        return Links::from_settings(base.as_deref(), secret.as_deref()).map_err(anyhow::Error::msg);
    };
    let secret = match secret {
        Some(secret) => secret,
        None => {
            secret::kept(&start.environment, secret::OF_LINKS, "the secret for links in mails", secret::new)?
        }
    };
    Links::new(&base, &secret).map(Some).map_err(anyhow::Error::msg)
}

/// The database of this process.
pub(crate) struct Database {
    pub(crate) url: String,
    /// `DATABASE_URL` as it may be shown, if that is what names it.
    given: Option<String>,
    private: Option<Private>,
}

impl Database {
    /// Takes `DATABASE_URL`, or starts the private PostgreSQL of `DATA_DIR`.
    pub(crate) async fn start(environment: &Environment) -> anyhow::Result<Self> {
        match Self::given(environment)? {
            Some(given) => Ok(given),
            None => Self::start_private(environment).await,
        }
    }

    /// The same for a command: beside a running server, its database.
    pub(crate) async fn start_or_join(environment: &Environment) -> anyhow::Result<Self> {
        match Self::given(environment)?.map_or_else(|| Self::running(environment), |given| Ok(Some(given)))? {
            Some(found) => Ok(found),
            None => Self::start_private(environment).await,
        }
    }

    /// The same for a command that makes nothing: a database that is there, whose schema is this program's.
    pub(crate) async fn find(environment: &Environment) -> anyhow::Result<Self> {
        let data_dir = private_options(environment)?.data_dir;
        if Self::given(environment)?.is_none() && !data_dir.join("postgres").is_dir() {
            let shown = data_dir.display().to_string();
            anyhow::bail!("there is no database in DATA_DIR {shown:?}, and DATABASE_URL is not set");
        }
        let found = Self::start_or_join(environment).await?;
        match store::check_schema(&found.url).await {
            Ok(()) => Ok(found),
            Err(error) => {
                let error = anyhow::Error::new(error).context(found.named());
                found.stop().await?;
                Err(error)
            }
        }
    }

    fn given(environment: &Environment) -> anyhow::Result<Option<Self>> {
        // Migrating and relaying hold locks of a session.
        environment.refuse_database_pooler()?;
        if let Some(url) = environment.database_url()? {
            return Ok(Some(Self { given: Some(without_password(&url)), url, private: None }));
        }
        // Not an empty one instead of that whose secret is not to be had.
        if let Some(secrets) = environment.get("AWS_SECRETS")? {
            anyhow::bail!("AWS_SECRETS is {secrets:?}; there is no DATABASE_URL in it");
        }
        if let Some(store) = environment.get("DAPR_SECRET_STORE")? {
            anyhow::bail!("DAPR_SECRET_STORE is {store:?}; it gave no DATABASE_URL (secret db-credentials)");
        }
        Ok(None)
    }

    fn running(environment: &Environment) -> anyhow::Result<Option<Self>> {
        let url = Private::url_of_running(&private_options(environment)?.data_dir)?;
        Ok(url.map(|url| Self { url, given: None, private: None }))
    }

    async fn start_private(environment: &Environment) -> anyhow::Result<Self> {
        let options = private_options(environment)?;
        let data_dir = options.data_dir.display().to_string();
        let private = Private::start(options).await;
        let private = private
            .with_context(|| format!("the private PostgreSQL of DATA_DIR {data_dir:?} did not start"))?;
        Ok(Self { url: private.url().to_owned(), given: None, private: Some(private) })
    }

    /// Names it in what is said of it.
    fn named(&self) -> String {
        match &self.given {
            Some(shown) => format!("DATABASE_URL is {shown:?}"),
            None => "the private PostgreSQL of DATA_DIR".to_owned(),
        }
    }

    /// Brings the schema up to date, waiting some time for a database that is away.
    pub(crate) async fn migrate(&self) -> anyhow::Result<()> {
        let migrated = store::migrate(&self.url).await;
        migrated.with_context(|| format!("{}; it could not be brought up to date", self.named()))
    }

    /// Waits until the private PostgreSQL has ended by itself; for ever when the database is another.
    pub(crate) async fn ended(&mut self) {
        let Some(private) = &mut self.private else { return std::future::pending().await };
        while !private.has_ended() {
            tokio::time::sleep(WATCH).await;
        }
    }

    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        match self.private {
            Some(private) => private.stop().await,
            None => Ok(()),
        }
    }
}

/// Gives a database's URL without its password; only the scheme of one that can not be read.
fn without_password(url: &str) -> String {
    let Ok(mut shown) = Url::parse(url) else { return "postgres://…".to_owned() };
    // One without a host has no password before it either.
    let _ = shown.set_password(None);
    let named: Vec<_> = shown.query_pairs().into_owned().filter(|(name, _)| name != "password").collect();
    shown.set_query(None);
    if !named.is_empty() {
        shown.query_pairs_mut().extend_pairs(named);
    }
    shown.into()
}

pub(crate) fn private_options(environment: &Environment) -> anyhow::Result<Options> {
    let data_dir = environment.get("DATA_DIR")?.unwrap_or_else(|| ".data".to_owned());
    let bin_dir = environment.get("PG_BIN")?.map(PathBuf::from);
    if let Some(folder) = bin_dir.as_ref().filter(|folder| !folder.join("postgres").is_file()) {
        anyhow::bail!(
            "PG_BIN is {:?}; it must be the folder of PostgreSQL's programs",
            folder.display().to_string()
        );
    }
    Ok(Options { bin_dir, ..Options::new(data_dir) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links_of(pairs: &[(&str, &str)]) -> Result<Option<String>, String> {
        let start = Start::from_environment(Environment::from_pairs(pairs.iter().copied()));
        let links = links(&start.expect("the settings are sound"));
        links.map(|links| links.map(|links| format!("{links:?}"))).map_err(|error| error.to_string())
    }

    #[test]
    fn with_a_private_database_each_setting_of_links_has_its_own_default() {
        let folder = std::env::temp_dir().join(format!("backend-links-{}", std::process::id()));
        let data_dir = ("DATA_DIR", folder.to_str().expect("a text"));
        let url = ("PUBLIC_URL", "https://kaam.example.org");
        let secret = ("LINK_SECRET", "0123456789abcdef0123456789abcdef");
        let database = ("DATABASE_URL", "postgres://kaam@localhost/kaam");
        let named = |pairs: &[_], base: &str| {
            links_of(pairs).is_ok_and(|links| links.is_some_and(|links| links.contains(base)))
        };
        assert!(named(&[data_dir, ("PORT", "8001"), secret], "http://localhost:8001"));
        assert!(!folder.exists(), "a secret was given");
        assert!(named(&[data_dir, url], "kaam.example.org") && folder.join("link-secret").is_file());
        assert!(named(&[data_dir, ("PORT", "0"), url], "kaam.example.org"));
        assert_eq!(links_of(&[data_dir, ("PORT", "0")]), Ok(None));
        assert!(links_of(&[data_dir, ("PORT", "0"), secret]).is_err_and(|said| said.contains("PUBLIC_URL")));
        assert_eq!(links_of(&[data_dir, database]), Ok(None));
        assert!(links_of(&[data_dir, database, url]).is_err_and(|said| said.contains("LINK_SECRET")));
        std::fs::remove_dir_all(&folder).expect("the folder is ours");
    }

    #[test]
    fn a_database_is_named_without_its_password() {
        for (url, shown) in [
            ("postgres://kaam:hunter2@db.example.org:5433/kaam", "postgres://kaam@db.example.org:5433/kaam"),
            ("postgres:///kaam?host=/run&password=hunter2", "postgres:///kaam?host=%2Frun"),
            ("postgres://kaam@localhost/kaam?password=hunter2", "postgres://kaam@localhost/kaam"),
            ("postgres://kaam:hunter2@local host/kaam", "postgres://…"),
        ] {
            assert_eq!(without_password(url), shown);
        }
    }
}
