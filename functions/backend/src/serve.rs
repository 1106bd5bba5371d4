//! Serving: a private PostgreSQL unless there is another, the schema, every function, and the loops between them.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use application::links::Links;
use application::{Application, Connection};
use devkit::postgres::{Options, Private};
use runtime::config::{ConfigError, Environment};
use runtime::function::Function;
use runtime::host::Host;
use runtime::host::server::{self, App, shutdown_signal};
use runtime::limits::Limits;
use runtime::main::Start;
use runtime::telemetry;
use send_reminder::Courier;

use crate::{NAME, Wake, compose, secret};

/// The default of `DATABASE_CONNECTIONS` here: one process serves everything.
const CONNECTIONS: u32 = 16;

/// How often the private PostgreSQL is looked after.
const WATCH: Duration = Duration::from_millis(500);
/// How long requests and deliveries in flight may take after the signal; with PostgreSQL's 3 s all has stopped within 10.
const DRAIN: Duration = Duration::from_secs(6);

/// Serves every function until SIGTERM or SIGINT, then drains and stops, and the private PostgreSQL with it.
///
/// # Errors
/// The first setting that is wrong, or what kept the database or the server from starting.
pub async fn serve(environment: Environment) -> anyhow::Result<()> {
    Host::from_environment(&environment)?;
    refuse_sink(&environment)?;
    let start = Start::from_environment(environment)?;
    let links = links(&start)?;
    let courier = Courier::from_environment(&start.environment).await?;
    let connections = match start.environment.get("DATABASE_CONNECTIONS")? {
        Some(_) => start.database_connections()?,
        None => CONNECTIONS,
    };
    telemetry::init(&start.config, &[]);
    let shutdown = shutdown_signal();
    let mut database = Database::start(&start.environment).await?;
    let (url, mut has_ended) = (database.url.clone(), false);
    let shutdown = async {
        tokio::select! {
            () = shutdown => {}
            () = database.ended() => has_ended = true,
        }
    };
    let outcome = serve_on(&start, &url, connections, (courier, links), shutdown).await;
    // Nothing can be done without it, and whoever started this program can start it again.
    anyhow::ensure!(!has_ended, "the private PostgreSQL has stopped by itself; the next start recovers it");
    database.stop().await?;
    outcome
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
    (courier, links): (Courier, Option<Links>),
    shutdown: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    store::migrate(database_url).await.context("the database could not be brought up to date")?;
    let wake = Wake::default();
    let connection = Connection::new(database_url.to_owned(), NAME, connections);
    let committed = wake.clone();
    let application = Application::new(&connection, start.config.time_zone, move || committed.all())?;
    let mut composition = compose(&application, &start.clock, courier, links, &start.metrics);
    let (outbox, relay) = (composition.outbox, wake.relay);
    let (scanner, clock, scan) = (application.clone(), start.clock.clone(), wake.scan);
    composition.functions.push(
        Function::new(NAME)
            .background(|stop| outbox.run(relay, stop))
            .background(|stop| scan_reminders::run(scanner, clock, scan, stop)),
    );
    let limits = Limits { drain_deadline: DRAIN, ..Limits::default() };
    let app = App::new(&start.config, composition.functions).metrics(start.metrics.clone()).limits(limits);
    server::serve(app, shutdown, announce).await?;
    // Connections in use have had their time.
    let _ = tokio::time::timeout(Duration::from_millis(500), application.store().close()).await;
    Ok(())
}

/// The first line on the terminal: where to open it.
fn announce(address: SocketAddr) {
    let mut out = std::io::stdout().lock();
    // A closed terminal is no reason to stop.
    let _ = writeln!(out, "Kaam is ready: http://{address}").and_then(|()| out.flush());
}

/// Takes `PUBLIC_URL` and `LINK_SECRET`, or makes a secret of its own and keeps it in `DATA_DIR`: links in mails then lead to this
/// machine.
fn links(start: &Start) -> anyhow::Result<Option<Links>> {
    let (base, secret) = (start.environment.get("PUBLIC_URL")?, start.environment.get("LINK_SECRET")?);
    let given = Links::from_settings(base.as_deref(), secret.as_deref()).map_err(anyhow::Error::msg)?;
    // A port that is still to be found can not be named.
    if given.is_some() || start.config.port == 0 || start.environment.database_url()?.is_some() {
        return Ok(given);
    }
    let folder = private_options(&start.environment)?.data_dir;
    let secret = secret::kept_in(&folder).context("the secret for links in mails could not be kept")?;
    let base = format!("http://localhost:{}", start.config.port);
    Links::new(&base, &secret).map(Some).map_err(anyhow::Error::msg)
}

/// The database of this process.
pub(crate) struct Database {
    pub(crate) url: String,
    private: Option<Private>,
}

impl Database {
    /// Takes `DATABASE_URL`, or starts the private PostgreSQL of `DATA_DIR`.
    pub(crate) async fn start(environment: &Environment) -> anyhow::Result<Self> {
        if let Some(url) = environment.database_url()? {
            return Ok(Self { url, private: None });
        }
        let private = Private::start(private_options(environment)?).await?;
        Ok(Self { url: private.url().to_owned(), private: Some(private) })
    }

    /// The same for a command: beside a running server, its database.
    pub(crate) async fn start_or_join(environment: &Environment) -> anyhow::Result<Self> {
        if environment.database_url()?.is_none() {
            let data_dir = private_options(environment)?.data_dir;
            if let Some(url) = Private::url_of_running(&data_dir)? {
                return Ok(Self { url, private: None });
            }
        }
        Self::start(environment).await
    }

    /// Waits until the private PostgreSQL has ended by itself; for ever when the database is another.
    async fn ended(&mut self) {
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

fn private_options(environment: &Environment) -> anyhow::Result<Options> {
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
