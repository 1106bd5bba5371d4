//! Four times as many requests as a function can answer: it has to do nearly as much as at its capacity, in time, and to refuse the rest in
//! a way that tells clients when to come back.
//!
//! Those who send are one thread of this program, of the lowest priority, so that they take no processor from what they measure. They
//! send when a request is due, whether others were answered or not.

use std::cell::{Cell, RefCell};
use std::num::NonZeroUsize;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, ensure};
use runtime::clock::Stopwatch;
use runtime::main::tokio_runtime;
use tests::process::{Caller, Program};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::LocalSet;
use tokio::time::{interval, sleep};

use crate::Settings;
use crate::bed::{Bed, CONNECTIONS, Commit, USERS, tokens};
use crate::clients::{Clients, creating, parse};
use crate::measure::p99;
use crate::report::{Figure, Goal, Report};

/// How many connections clients have at most.
const MOST: usize = 8_000;
/// How many clients find out what the capacity is.
const ENOUGH: usize = 32;

/// # Errors
/// A program does not start, or an answer is another one than it should be.
pub(crate) async fn measure(settings: &Settings, report: &mut Report) -> Result<()> {
    let (turns, seconds) = if settings.is_quick { (1, 3) } else { (5, 8) };
    let bed = Bed::start(Commit::Durable).await?;
    let tokens = Arc::new(tokens(USERS));
    let mut command = bed.function("create-task")?;
    command.env("RATE_LIMIT_USER", "1000000");
    let program = Program::start(command).await;
    let clients = Clients::new(program.port, creating(&tokens));
    clients.send_times(CONNECTIONS, USERS as u64)?;
    let (mut goodputs, mut slowest, mut healths, mut lags) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut refused, mut unfit, mut late, mut capacities) = (0, 0, 0, Vec::new());
    // Keys that none of the clients above has used.
    let mut first = 1 << 40;
    for _ in 0..turns {
        bed.truncate().await?;
        // By clients of the same priority as those who send too much, which the threads of a thread inherit.
        let sent = thread::scope(|scope| {
            let sends = || {
                yield_to_others()?;
                clients.send_for(ENOUGH, Duration::from_secs(seconds))
            };
            scope.spawn(sends).join()
        });
        let (count, time) = sent.map_err(|_| anyhow!("those who send panicked"))??;
        let capacity = count as f64 / time.as_secs_f64();
        bed.truncate().await?;
        let (is_over, caller, port) = (Arc::new(AtomicBool::new(false)), Caller::new(), program.port);
        let health = tokio::spawn(healthy(caller, port, Arc::clone(&is_over)));
        let (offered, of) = ((4.0 * capacity * seconds as f64) as u64, Arc::clone(&tokens));
        let rate = 4.0 * capacity;
        let sent = thread::spawn(move || offer(port, rate, (first, first + offered), &of));
        let mut found = tokio::task::spawn_blocking(move || sent.join())
            .await?
            .map_err(|_| anyhow!("those who send panicked"))??;
        is_over.store(true, Ordering::Relaxed);
        healths.push(health.await??);
        first += offered;
        ensure!(!found.accepted.is_empty(), "nothing was accepted: {found:?}");
        goodputs.push(f64::from(found.in_time) / found.seconds / capacity);
        lags.push(found.lag);
        slowest.push(p99(&mut found.accepted));
        capacities.push(capacity);
        (refused, unfit, late) = (refused + found.refused, unfit + found.unfit, late + found.unsent);
    }
    let goodput = "creates accepted at 4 × capacity ÷ at capacity, durable";
    report.add(Figure::of_turns("P26", goodput, "", &goodputs, Goal::AtLeast(0.9)));
    let p99 = "an accepted create at 4 × capacity, p99";
    report.add(Figure::of_turns("P26", p99, "s", &slowest, Goal::AtMost(2.0)));
    let health = "the slowest answer of /health meanwhile";
    report.add(Figure::of_turns("P26", health, "s", &healths, Goal::AtMost(2.0)));
    let bad = "answers that neither are a success nor say when to come back";
    report.add(Figure::counted("P26", bad, "", f64::from(unfit), Goal::AtMost(0.0)));
    report.add(Figure::counted(
        "P26",
        "creates refused with 429 or 503 and Retry-After",
        "",
        f64::from(refused),
        Goal::Shown,
    ));
    let lag = "how late those who send were at most, which their times have in them";
    report.add(Figure::of_turns("P26", lag, "s", &lags, Goal::Shown));
    let unsent = "creates not sent, since all connections waited";
    report.add(Figure::counted("P26", unsent, "", f64::from(late), Goal::Shown));
    report.add(Figure::of_turns("P26", "creates at capacity", "/s", &capacities, Goal::Shown));
    drop(program);
    bed.stop().await
}

/// Asks again and again whether the process lives, and gives how long that took at most, in seconds.
async fn healthy(caller: Caller, port: u16, is_over: Arc<AtomicBool>) -> Result<f64> {
    let mut slowest: f64 = 0.0;
    while !is_over.load(Ordering::Relaxed) {
        let clock = Stopwatch::start();
        let (status, _) = caller.get_text(port, "/health").await.context("/health does not answer")?;
        ensure!(status == 200, "/health answered {status}");
        slowest = slowest.max(clock.elapsed().as_secs_f64());
        sleep(Duration::from_millis(100)).await;
    }
    Ok(slowest)
}

/// What became of what was offered.
#[derive(Debug, Default)]
struct Outcome {
    /// How long each that was accepted took, in seconds, from when it was due.
    accepted: Vec<f64>,
    /// How many of them while others were still offered.
    in_time: u32,
    refused: u32,
    /// Neither accepted nor refused as it should be.
    unfit: u32,
    unsent: u32,
    /// How long it was offered; nothing until that is over.
    seconds: f64,
    /// For how long nothing was sent or read at most.
    lag: f64,
}

/// Gives this thread, which on Linux has a priority of its own, the lowest one.
fn yield_to_others() -> Result<()> {
    Ok(rustix::process::setpriority_process(None, 19)?)
}

/// Sends the requests of these numbers at a rate, and waits for all answers.
fn offer(port: u16, rate: f64, (first, end): (u64, u64), tokens: &[String]) -> Result<Outcome> {
    yield_to_others()?;
    let runtime = tokio_runtime(NonZeroUsize::MIN)?;
    let (outcome, idle, open) = (Rc::<RefCell<Outcome>>::default(), Rc::default(), Rc::new(Cell::new(0)));
    let clock = Stopwatch::start();
    let create = creating(tokens);
    let local = LocalSet::new();
    local.block_on(&runtime, async {
        let mut ticks = interval(Duration::from_millis(2));
        let mut number = first;
        while number < end {
            let begun = clock.elapsed().as_secs_f64();
            ticks.tick().await;
            let waited = clock.elapsed().as_secs_f64() - begun;
            let lag = waited.max(outcome.borrow().lag);
            outcome.borrow_mut().lag = lag;
            let due = first + (clock.elapsed().as_secs_f64() * rate) as u64;
            while number < due.min(end) {
                let client = Client {
                    port,
                    idle: Rc::clone(&idle),
                    open: Rc::clone(&open),
                    outcome: Rc::clone(&outcome),
                    clock,
                    due: (number - first) as f64 / rate,
                };
                tokio::task::spawn_local(client.send(create(number)));
                number += 1;
            }
        }
        outcome.borrow_mut().seconds = clock.elapsed().as_secs_f64();
        Ok::<_, anyhow::Error>(())
    })?;
    // Those that are under way.
    runtime.block_on(local);
    Ok(Rc::try_unwrap(outcome).map_err(|_| anyhow!("somebody still sends"))?.into_inner())
}

/// One request and its answer.
struct Client {
    port: u16,
    idle: Rc<RefCell<Vec<TcpStream>>>,
    open: Rc<Cell<usize>>,
    outcome: Rc<RefCell<Outcome>>,
    clock: Stopwatch,
    /// When the request ought to be sent, in seconds of the clock.
    due: f64,
}

impl Client {
    async fn send(self, request: Vec<u8>) {
        let kept = self.idle.borrow_mut().pop();
        let is_new = kept.is_none();
        if is_new && self.open.get() >= MOST {
            self.outcome.borrow_mut().unsent += 1;
            return;
        }
        self.open.set(self.open.get() + usize::from(is_new));
        let answered = async {
            let mut stream = match kept {
                Some(stream) => stream,
                None => TcpStream::connect(("127.0.0.1", self.port)).await?,
            };
            stream.set_nodelay(true)?;
            stream.write_all(&request).await?;
            let (mut answer, mut buffer) = (Vec::new(), [0; 4_096]);
            loop {
                let read = stream.read(&mut buffer).await?;
                ensure!(read > 0, "closed");
                answer.extend_from_slice(&buffer[..read]);
                if let Some((status, length)) = parse(&answer)?
                    && answer.len() >= length
                {
                    let text = String::from_utf8_lossy(&answer).to_ascii_lowercase();
                    return Ok((stream, status, text.contains("\r\nretry-after: ")));
                }
            }
        };
        let answered: Result<_> = answered.await;
        let mut outcome = self.outcome.borrow_mut();
        match answered {
            Ok((stream, status, says_when)) => {
                match status {
                    200 => {
                        outcome.accepted.push(self.clock.elapsed().as_secs_f64() - self.due);
                        outcome.in_time += u32::from(outcome.seconds == 0.0);
                    }
                    429 | 503 if says_when => outcome.refused += 1,
                    _ => outcome.unfit += 1,
                }
                self.idle.borrow_mut().push(stream);
            }
            Err(_) => {
                outcome.unfit += 1;
                self.open.set(self.open.get() - 1);
            }
        }
    }
}
