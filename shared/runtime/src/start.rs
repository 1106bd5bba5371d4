//! The `main` of every function, in one call.

use std::{io::Write as _, net::SocketAddr, process::ExitCode, thread::available_parallelism};

use anyhow::Context;
use tokio::runtime::{Builder, Runtime};

use crate::{
    ask::chain,
    clock::Clock,
    config::{Config, Environment},
    function::Function,
    host::{
        Host, LAMBDA,
        server::{App, serve, shutdown_signal},
    },
    metrics::Metrics,
    poke::Poke,
    secrets::with_secrets,
    telemetry,
};

/// What a function is built from.
#[derive(Clone, Debug)]
#[must_use]
pub struct Start {
    /// The settings that every function has.
    pub config: Config,
    /// All variables, for settings that only this function has.
    pub environment: Environment,
    /// The time.
    pub clock: Clock,
    /// Where to count.
    pub metrics: Metrics,
    /// Wakes the relay after a commit.
    pub poke: Poke,
    /// Whether nothing runs between requests, so that a function has to do all its work in them: AWS Lambda.
    pub is_frozen_between_requests: bool,
}

impl Start {
    /// Reads and checks the environment.
    ///
    /// # Errors
    /// The first variable that is wrong.
    pub fn from_environment(environment: Environment) -> anyhow::Result<Start> {
        let config = Config::from_environment(&environment)?;
        let poke = match &config.relay_url {
            Some(url) => Poke::http(url, config.events_token().as_ref()).context("RELAY_URL is not a URL")?,
            None => Poke::none(),
        };
        let is_frozen_between_requests = environment.get(LAMBDA)?.is_some();
        let (clock, metrics) = (Clock::system(), Metrics::new());
        Ok(Start { config, environment, clock, metrics, poke, is_frozen_between_requests })
    }
}

/// Runs the function `name`: reads the environment, starts logging, builds the function, serves until SIGTERM or SIGINT.
///
/// Answers `--help` and `--version`. Whatever goes wrong before the first request is one line on standard error and exit
/// code 1.
///
/// ```no_run
/// use std::process::ExitCode;
///
/// use axum::{Json, extract::State};
/// use runtime::{clock::new_id, function::Function, json::JsonBody, main::Start, problem::Problem, user::Caller};
/// use serde_json::{Value, json};
/// use utoipa_axum::{router::OpenApiRouter, routes};
///
/// /// Creates a note
/// #[utoipa::path(post, path = "/api/notes", request_body = Value, responses((status = 200, body = Value)))]
/// async fn create(
///     State(start): State<Start>,
///     caller: Caller,
///     JsonBody(body, _): JsonBody,
/// ) -> Result<Json<Value>, Problem> {
///     let user_id = caller.with_body_user(body["user_id"].as_str())?;
///     start.poke.wake();
///     Ok(Json(json!({ "id": new_id(start.clock.now()), "user_id": user_id })))
/// }
///
/// async fn function(start: Start) -> anyhow::Result<Function> {
///     let routes = OpenApiRouter::new().routes(routes!(create)).with_state(start);
///     Ok(Function::new("create-note").http(routes))
/// }
///
/// fn main() -> ExitCode {
///     runtime::main::run("create-note", function)
/// }
/// ```
pub fn run(name: &'static str, build: impl AsyncFnOnce(Start) -> anyhow::Result<Function>) -> ExitCode {
    run_with_own(&[], name, build)
}

/// Does the same for a function that reads some of the variables by which hosts are known itself, such as `KAFKA_BROKERS` for
/// where it publishes to.
pub fn run_with_own(
    own: &[&str],
    name: &'static str,
    build: impl AsyncFnOnce(Start) -> anyhow::Result<Function>,
) -> ExitCode {
    match std::env::args_os().nth(1).as_ref().map(|argument| argument.to_str()) {
        None => {}
        Some(Some("--help" | "-h")) => {
            println!("{}", help(name));
            return ExitCode::SUCCESS;
        }
        Some(Some("--version" | "-V")) => {
            println!("{name} {}", env!("CARGO_PKG_VERSION"));
            return ExitCode::SUCCESS;
        }
        Some(_) => {
            eprintln!(
                "{name}: takes no arguments but --help and --version; it is configured by the environment"
            );
            return ExitCode::FAILURE;
        }
    }
    match start_and_serve(own, name, build) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}", one_line(name, &error));
            ExitCode::FAILURE
        }
    }
}

/// Makes the Tokio runtime that fits the machine: one thread where there is one processor, else one per processor.
///
/// # Errors
/// The system gives no thread or no file descriptor.
pub fn tokio_runtime() -> std::io::Result<Runtime> {
    let mut builder = match available_parallelism() {
        Ok(count) if count.get() == 1 => Builder::new_current_thread(),
        _ => Builder::new_multi_thread(),
    };
    builder.enable_all().build()
}

/// Gives an error and its causes as one line: `create-task: DATABASE_URL is not set; …`.
pub fn one_line(name: &str, error: &anyhow::Error) -> String {
    format!("{name}: {}", chain(error.as_ref()))
}

fn start_and_serve(
    own: &[&str],
    name: &'static str,
    build: impl AsyncFnOnce(Start) -> anyhow::Result<Function>,
) -> anyhow::Result<()> {
    let environment = Environment::process();
    let host = Host::from_environment_but(own, &environment)?;
    let runtime = tokio_runtime().context("cannot start the runtime")?;
    let environment = runtime.block_on(with_secrets(environment))?;
    let start = Start::from_environment(environment)?;
    telemetry::init(&start.config, &[name]);
    let served = runtime.block_on(async {
        let shutdown = shutdown_signal();
        let (config, metrics) = (start.config.clone(), start.metrics.clone());
        #[cfg(feature = "lambda")]
        let clock = start.clock.clone();
        let function = build(start).await?;
        let function = match host {
            Host::Server => function,
            Host::Dapr(settings) => {
                let functions = crate::host::dapr::attach(vec![function], &settings, &metrics);
                let announce = |address| announce(name, &config, address);
                serve(App::new(&config, functions).metrics(metrics), shutdown, announce).await?;
                return Ok(());
            }
            #[cfg(feature = "kafka")]
            Host::Worker(settings) => {
                let drain = crate::limits::Limits::default().drain_deadline;
                crate::host::worker::attach(function, &settings, &metrics, drain)?
            }
            #[cfg(feature = "lambda")]
            Host::Lambda => {
                let app = App::new(&config, vec![function]).metrics(metrics);
                return crate::host::lambda::serve(app, clock, shutdown).await;
            }
        };
        let announce = |address| announce(name, &config, address);
        serve(App::new(&config, vec![function]).metrics(metrics), shutdown, announce).await?;
        Ok(())
    });
    // Whatever still runs has had its time; waiting for it would undo the deadline.
    runtime.shutdown_background();
    served
}

/// Says on standard output where it serves, when that was left to the system.
fn announce(name: &str, config: &Config, address: SocketAddr) {
    if config.port == 0 {
        let mut out = std::io::stdout().lock();
        // Nobody may be listening.
        let _ = writeln!(out, "{name} is ready: http://{address}").and_then(|()| out.flush());
    }
}

fn help(name: &str) -> String {
    format!(
        "{name}: a function of Kaam, served over HTTP until SIGTERM; on AWS Lambda, its invocations.\n\n\
         It takes no arguments. The environment configures it:\n\
         \x20 PORT          where to serve, default 8000; 0 takes any free port, and says which\n\
         \x20 HOST          the address to listen on, default 127.0.0.1\n\
         \x20 METRICS_PORT  where to serve /metrics, default off\n\
         \x20 AUTH          local, or jwt with whose tokens are believed (README.md), default local\n\
         \x20 TIME_ZONE     the zone of new users, default UTC\n\
         \x20 RELAY_URL     whom to poke after a commit, default nobody\n\
         \x20 LOG_LEVEL     error, warn, info, debug or trace, default info\n\
         \x20 LOG_FORMAT    json or text, default text on a terminal\n\
         Any of them may be read from a file: PORT_FILE names it."
    )
}
