//! The `main` of every function, in one call.

use std::{
    io::{Read as _, Write as _},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    num::{NonZeroU8, NonZeroUsize},
    process::ExitCode,
    time::Duration,
};

use anyhow::Context;
use tokio::runtime::{Builder, Runtime};

use crate::{
    ask::chain,
    clock::Clock,
    config::{Config, ConfigError, Environment},
    function::Function,
    host::{
        Host, LAMBDA,
        server::{App, serve, shutdown_signal},
    },
    metrics::Metrics,
    poke::Poke,
    said::{heard, say},
    secrets::with_secrets,
    telemetry,
};

/// How long each step of asking for health may take.
const HEALTH_DEADLINE: Duration = Duration::from_secs(2);

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
            Some(url) => Poke::http(url, config.relay_token.as_ref()).context("RELAY_URL is not a URL")?,
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
            say(help(name));
            return heard(name, ExitCode::SUCCESS);
        }
        Some(Some("--version" | "-V")) => {
            say(format_args!("{name} {}", env!("CARGO_PKG_VERSION")));
            return heard(name, ExitCode::SUCCESS);
        }
        Some(Some("--healthy")) => return healthy(name, &Environment::process()),
        Some(_) => {
            eprintln!(
                "{name}: takes no arguments but --help, --version and --healthy; it is configured by the environment"
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

/// Asks the server of the same `HOST` and `PORT` for its health: exit code 0 when it answers 200. In an image without a shell the program
/// itself is what a container engine asks.
pub fn healthy(name: &str, environment: &Environment) -> ExitCode {
    let asked = Config::from_environment(environment).map_err(anyhow::Error::from);
    match asked.and_then(|config| asked_for_health(reached_at(config.host, config.port))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}", one_line(name, &error));
            ExitCode::FAILURE
        }
    }
}

/// Gives where a server on `host` is reached from this machine.
fn reached_at(host: IpAddr, port: u16) -> SocketAddr {
    let host = match host {
        IpAddr::V4(host) if host.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(host) if host.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        host => host,
    };
    SocketAddr::new(host, port)
}

fn asked_for_health(address: SocketAddr) -> anyhow::Result<()> {
    let mut stream = TcpStream::connect_timeout(&address, HEALTH_DEADLINE)
        .with_context(|| format!("nobody answers at {address}"))?;
    stream.set_read_timeout(Some(HEALTH_DEADLINE))?;
    stream.set_write_timeout(Some(HEALTH_DEADLINE))?;
    stream.write_all(b"GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
    let mut status = [0; "HTTP/1.1 200".len()];
    stream.read_exact(&mut status).with_context(|| format!("{address} did not answer"))?;
    anyhow::ensure!(&status == b"HTTP/1.1 200", "{address} answered {}", String::from_utf8_lossy(&status));
    Ok(())
}

/// Makes a Tokio runtime of one thread where that is enough, else of several.
///
/// # Errors
/// The system gives no thread or no file descriptor.
pub fn tokio_runtime(threads: NonZeroUsize) -> std::io::Result<Runtime> {
    let mut builder = match threads.get() {
        1 => Builder::new_current_thread(),
        _ => Builder::new_multi_thread(),
    };
    builder.worker_threads(threads.get()).enable_all().build()
}

/// Reads `WORKER_THREADS`, 1 by default: when create-task had two, handing requests from one to the other took a fifth of its processor
/// time, and a host that wants more served starts more instances.
fn worker_threads(environment: &Environment) -> Result<NonZeroUsize, ConfigError> {
    let given = environment.parse::<NonZeroU8>("WORKER_THREADS", "a number from 1 to 255")?;
    Ok(given.map_or(NonZeroUsize::MIN, NonZeroUsize::from))
}

/// Gives an error and its causes as one line: `create-task: DATABASE_URL is not set; …`; without the passwords of URLs that it names.
pub fn one_line(name: &str, error: &anyhow::Error) -> String {
    without_passwords(&format!("{name}: {}", chain(error.as_ref())))
}

/// Shows of `user:password@host` in a URL all but what comes after the first colon (RFC 3986 §3.2.1).
fn without_passwords(line: &str) -> String {
    let mut parts = line.split("://");
    let mut shown = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let ends_authority = |c: char| "/?#\"'".contains(c) || c.is_whitespace();
        let (authority, rest) = part.split_at(part.find(ends_authority).unwrap_or(part.len()));
        let password =
            authority.rsplit_once('@').and_then(|(who, host)| Some((who.split_once(':')?.0, host)));
        shown += "://";
        match password {
            Some((user, host)) => shown += &format!("{user}:…@{host}"),
            None => shown += authority,
        }
        shown += rest;
    }
    shown
}

fn start_and_serve(
    own: &[&str],
    name: &'static str,
    build: impl AsyncFnOnce(Start) -> anyhow::Result<Function>,
) -> anyhow::Result<()> {
    let environment = Environment::process();
    let host = Host::from_environment_but(own, &environment)?;
    let threads = worker_threads(&environment)?;
    let runtime = tokio_runtime(threads).context("cannot start the runtime")?;
    let environment = runtime.block_on(with_secrets(environment))?;
    let start = Start::from_environment(environment)?;
    telemetry::init(&start.config, &[name]);
    let served = runtime.block_on(async {
        let shutdown = shutdown_signal();
        telemetry::spans::start(name, &start.environment)?;
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
                telemetry::spans::finish().await;
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
        telemetry::spans::finish().await;
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
         It takes no arguments; with --healthy it asks the one that runs here for its health. The environment configures it:\n\
         \x20 PORT            where to serve, default 8000; 0 takes any free port, and says which\n\
         \x20 HOST            the address to listen on, default 127.0.0.1\n\
         \x20 METRICS_PORT    where to serve /metrics, default off\n\
         \x20 WORKER_THREADS  how many threads serve, default 1\n\
         \x20 AUTH            local, or jwt with whose tokens are believed (README.md), default local\n\
         \x20 TIME_ZONE       the zone of new users, default UTC\n\
         \x20 RELAY_URL       whom to poke after a commit, default nobody\n\
         \x20 LOG_LEVEL       error, warn, info, debug or trace, default info\n\
         \x20 LOG_FORMAT      json or text, default text on a terminal\n\
         Any of them may be read from a file: PORT_FILE names it."
    )
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn asked(answer: &'static [u8]) -> anyhow::Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a caller");
            let mut request = [0; 18];
            stream.read_exact(&mut request).expect("a request");
            assert_eq!(&request, b"GET /health HTTP/1");
            stream.write_all(answer).expect("the caller reads");
        });
        let asked = asked_for_health(address);
        server.join().expect("it was asked");
        asked
    }

    #[test]
    fn the_line_of_a_start_that_failed_shows_no_password_of_a_url() {
        for (said, shown) in [
            (
                "K_SINK is \"https://u:hunter2@broker/\"; it must be",
                "K_SINK is \"https://u:…@broker/\"; it must be",
            ),
            ("a://u:p@w:d@h:1?x and b://:p@h", "a://u:…@h:1?x and b://:…@h"),
            ("a://h:1/@b c://u@h d://", "a://h:1/@b c://u@h d://"),
        ] {
            assert_eq!(one_line("relay-events", &anyhow::anyhow!(said)), format!("relay-events: {shown}"));
        }
    }

    #[test]
    fn one_thread_serves_unless_more_are_asked_for() {
        let read = |pairs: &[(&str, &str)]| {
            worker_threads(&Environment::from_pairs(pairs.iter().copied())).map_err(|wrong| wrong.to_string())
        };
        assert_eq!(read(&[]), Ok(NonZeroUsize::MIN));
        assert_eq!(read(&[("WORKER_THREADS", "4")]).map(NonZeroUsize::get), Ok(4));
        for wrong in ["0", "256", "-1", "many"] {
            let said = read(&[("WORKER_THREADS", wrong)]).expect_err(wrong);
            assert!(said.starts_with("WORKER_THREADS is ") && said.contains("1 to 255"), "{said}");
        }
    }

    #[test]
    fn who_answers_200_is_healthy_and_nobody_else() {
        assert!(asked(b"HTTP/1.1 200 OK\r\n\r\n").is_ok());
        assert!(asked(b"HTTP/1.1 503 Service Unavailable\r\n\r\n").is_err());
        assert!(asked(b"HTTP").is_err());
        let gone = TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("an address");
        assert!(asked_for_health(gone).is_err());
    }

    #[test]
    fn who_listens_on_all_addresses_is_reached_on_this_machine() {
        let reached = |host: &str| reached_at(host.parse().expect("an address"), 80).to_string();
        assert_eq!(reached("0.0.0.0"), "127.0.0.1:80");
        assert_eq!(reached("::"), "[::1]:80");
        assert_eq!(reached("10.1.2.3"), "10.1.2.3:80");
    }
}
