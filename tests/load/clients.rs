//! Clients: connections that are kept, on each of which a request follows the answer to the one before.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use futures::future::try_join_all;
use runtime::clock::Stopwatch;
use runtime::main::tokio_runtime;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// How many threads they send on at most, as pgbench's do: with one for each client the processors would change threads at each request.
pub(crate) const THREADS: usize = 2;

/// Those who send requests, each of which is another one: `request` makes it from its number.
pub(crate) struct Clients<F> {
    port: u16,
    next: AtomicU64,
    request: F,
}

/// Until when clients send.
#[derive(Clone, Copy)]
enum Until {
    After(Duration),
    Number(u64),
}

impl<F: Fn(u64) -> Vec<u8> + Sync> Clients<F> {
    pub(crate) fn new(port: u16, request: F) -> Self {
        Self { port, next: AtomicU64::new(0), request }
    }

    /// Sends for a time; gives how many requests were answered, and in which time.
    pub(crate) fn send_for(&self, connections: usize, time: Duration) -> Result<(u64, Duration)> {
        self.send(connections, Until::After(time))
    }

    /// Sends so many requests.
    pub(crate) fn send_times(&self, connections: usize, count: u64) -> Result<Duration> {
        let until = Until::Number(self.next.load(Ordering::Relaxed) + count);
        let (_, time) = self.send(connections, until)?;
        // Each connection has drawn one more than it has sent.
        if let Until::Number(end) = until {
            self.next.store(end, Ordering::Relaxed);
        }
        Ok(time)
    }

    fn send(&self, connections: usize, until: Until) -> Result<(u64, Duration)> {
        let clock = Stopwatch::start();
        let (threads, clock) = (connections.min(THREADS), &clock);
        let counts = thread::scope(|scope| {
            let threads: Vec<_> = (0..threads)
                .map(|index| (connections + index) / threads)
                .map(|clients| scope.spawn(move || self.clients(clients, until, clock)))
                .collect();
            let mut counts = Vec::new();
            for thread in threads {
                match thread.join() {
                    Ok(count) => counts.push(count?),
                    Err(_) => bail!("a client panicked"),
                }
            }
            Ok(counts)
        })?;
        Ok((counts.iter().sum(), clock.elapsed()))
    }

    /// Sends on one thread, by so many connections.
    fn clients(&self, connections: usize, until: Until, clock: &Stopwatch) -> Result<u64> {
        let counts = try_join_all((0..connections).map(|_| self.client(until, clock)));
        Ok(tokio_runtime(NonZeroUsize::MIN)?.block_on(counts)?.iter().sum())
    }

    async fn client(&self, until: Until, clock: &Stopwatch) -> Result<u64> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await?;
        stream.set_nodelay(true)?;
        let (mut count, mut buffer) = (0, vec![0; 262_144]);
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let is_over = match until {
                Until::After(time) => clock.elapsed() >= time,
                Until::Number(end) => number >= end,
            };
            if is_over {
                return Ok(count);
            }
            stream.write_all(&(self.request)(number)).await?;
            answer(&mut stream, &mut buffer).await?;
            count += 1;
        }
    }
}

/// Reads one answer; anything but a success ends the measurement.
async fn answer(stream: &mut TcpStream, buffer: &mut [u8]) -> Result<()> {
    let mut filled = 0;
    loop {
        let read = stream.read(&mut buffer[filled..]).await?;
        ensure!(read > 0, "the function closed the connection");
        filled += read;
        let Some((status, end)) = parse(&buffer[..filled])? else { continue };
        ensure!(status == 200, "the answer is {}", String::from_utf8_lossy(&buffer[..filled]));
        if filled >= end {
            return Ok(());
        }
    }
}

/// Gives the status of an answer, and how long it is; `None` while its head is not whole.
pub(crate) fn parse(text: &[u8]) -> Result<Option<(u16, usize)>> {
    let Some(head) = text.windows(4).position(|end| end == b"\r\n\r\n") else { return Ok(None) };
    let headers = std::str::from_utf8(&text[..head])?;
    let status = headers.get(9..12).context("no status")?.parse()?;
    let length = headers.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then_some(value)
    });
    Ok(Some((status, head + 4 + length.context("no length")?.trim().parse::<usize>()?)))
}

/// What is created: the same for all who are compared.
pub(crate) const TASK: &str =
    r#"{"title":"buy milk","priority":"high","tags":["home"],"due_date":"2027-01-10T12:00:00Z"}"#;

/// Gives a request of one user in turn after the other.
pub(crate) fn request(method: &str, path: &str, token: &str, key: Option<u64>, body: &str) -> Vec<u8> {
    let key = key.map_or_else(String::new, |number| format!("idempotency-key: {}\r\n", scattered(number)));
    let body = match body {
        "" => "\r\n".to_owned(),
        _ => format!("content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len()),
    };
    format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n{key}{body}")
        .into_bytes()
}

/// Makes requests that create a task each, with a key of its own.
pub(crate) fn creating(tokens: &[String]) -> impl Fn(u64) -> Vec<u8> + Sync + '_ {
    move |number| {
        let token = &tokens[usize::try_from(number).unwrap_or_default() % tokens.len()];
        request("POST", "/api/tasks", token, Some(number), TASK)
    }
}

/// Gives a key of 19 digits that tells nothing of the next one, as a client's random ones do.
fn scattered(number: u64) -> u64 {
    10_u64.pow(18) + number.wrapping_mul(0x9e37_79b9_7f4a_7c15) % (8 * 10_u64.pow(18))
}
