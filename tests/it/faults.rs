//! The fault proof: every function is a process of its own, the broker delivers twice and out of order, the mail server refuses,
//! stalls and hangs up, and scan, relay, send, spawn and PostgreSQL are killed at random; then everything is counted.

mod census;
mod fleet;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Days, DurationRound, Months, NaiveDate, NaiveDateTime, TimeDelta, Utc};
use futures::future::join_all;
use messaging::{Published, Subscriber};
use runtime::clock::{Clock, Stopwatch, random};
use serde_json::{Value, json};
use tests::broker::{Broker, Subscription};
use tests::bus::outbox_to;
use tests::database::rows;
use tests::dice::Dice;
use tests::process::{Caller, command, outcome};
use tests::unreliable_smtp::{Habit, UnreliableServer};
use tests::world::World;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use self::fleet::{Fleet, Ports};

/// How much is done, and for how long things are killed.
#[derive(Debug, Clone, Copy)]
struct Extent {
    /// Reminders that are wanted.
    reminders: usize,
    /// Reminders of tasks that are completed in time.
    withdrawn: usize,
    /// Recurring tasks, and how often each is completed.
    series: usize,
    completions: usize,
    /// Over how many seconds the tasks with reminders are created.
    seconds: u64,
    /// Of how many of a thousand first attempts the goal may be missed; nothing is held against a machine that runs other tests too.
    late_of_thousand: usize,
}

/// As part of all tests.
const SHORT: Extent = Extent {
    reminders: 300,
    withdrawn: 30,
    series: 15,
    completions: 5,
    seconds: 10,
    late_of_thousand: 1_000,
};
/// `make faults`.
const FULL: Extent = Extent {
    reminders: 2_000,
    withdrawn: 200,
    series: 100,
    completions: 5,
    seconds: 100,
    late_of_thousand: 20,
};
/// How many people create tasks at once.
const CLIENTS: usize = 6;
/// How long before its time a reminder is asked for.
const AHEAD_S: i64 = 3;
/// How long it may take until everything has come to its end: leases of 20 s, backoff of up to 20 s, a busy machine.
const PATIENCE: Duration = Duration::from_secs(180);
/// The user of everything; one user is one audit chain.
const USER: &str = "amna";

/// A reminder that was asked for.
#[derive(Debug, Clone)]
struct Asked {
    habit: Habit,
    address: String,
    trigger_time: DateTime<Utc>,
    /// Whether its task was completed, and the answer there, before its time.
    is_withdrawn: bool,
    /// Whether the answer came so late that nobody can say what is right.
    is_too_late: bool,
}

/// A recurring task and what is to follow it.
#[derive(Debug, Clone)]
struct Series {
    id: String,
    expected: Vec<NaiveDateTime>,
}

/// Somebody who insists on an answer.
#[derive(Clone)]
struct Client {
    caller: Caller,
    ports: Ports,
    clock: Clock,
}

impl Client {
    /// Asks until there is an answer that settles it.
    async fn insist(&self, function: &str, path: &str, body: &Value, key: &str) -> Value {
        let headers = [("x-user-id", USER), ("idempotency-key", key)];
        loop {
            match self.caller.call(self.ports.of(function), "POST", path, body, &headers).await {
                Some((200, answer)) => return answer,
                Some((503 | 409, _)) | None => sleep(Duration::from_millis(20)).await,
                Some((status, answer)) => panic!("{path} was answered {status}: {answer}"),
            }
        }
    }

    async fn complete(&self, id: &str) {
        let path = format!("/api/tasks/{id}/complete");
        let (first, second) = (format!("first {id}"), format!("second {id}"));
        // Twice is the same as once.
        tokio::join!(
            self.insist("complete-task", &path, &Value::Null, &first),
            self.insist("complete-task", &path, &Value::Null, &second)
        );
    }

    /// Creates a task with one reminder, at a whole second as those of people are.
    async fn ask(&self, number: usize, is_to_be_withdrawn: bool) -> Asked {
        let habit = habit_of(number);
        let address =
            if is_to_be_withdrawn { Habit::Takes.address(1_000_000 + number) } else { habit.address(number) };
        let second = self.clock.now().duration_trunc(TimeDelta::seconds(1)).expect("an instant of today");
        let trigger_time = second + TimeDelta::seconds(AHEAD_S + i64::from(is_to_be_withdrawn) * 2);
        let body = json!({
            "title": address,
            "due_date": trigger_time.to_rfc3339(),
            "reminder_config": {"lead_time": "0m", "delivery_method": "email", "destination": address},
        });
        let task = self.insist("create-task", "/api/tasks", &body, &format!("create {address}")).await;
        if is_to_be_withdrawn {
            self.complete(task["id"].as_str().expect("a task has an id")).await;
        }
        let is_too_late = self.clock.now() >= trigger_time;
        Asked { habit, address, trigger_time, is_withdrawn: is_to_be_withdrawn && !is_too_late, is_too_late }
    }

    /// Creates its share of the tasks with reminders, evenly over the time given.
    async fn ask_for_share(self, share: usize, extent: Extent) -> Vec<Asked> {
        let all = extent.reminders + extent.withdrawn;
        let (mut asked, watch) = (Vec::new(), Stopwatch::start());
        for number in (share..all).step_by(CLIENTS) {
            let at = Duration::from_secs(extent.seconds).mul_f64(number as f64 / all as f64);
            sleep(at.saturating_sub(watch.elapsed())).await;
            let is_to_be_withdrawn = number % (all / extent.withdrawn) == 0 && number > 0;
            asked.push(self.ask(number, is_to_be_withdrawn).await);
        }
        asked
    }
}

/// Gives what the mail server does with a recipient: most mails are no trouble.
fn habit_of(number: usize) -> Habit {
    match number % 25 {
        3 | 16 => Habit::Refuses,
        7 | 20 => Habit::Later,
        11 => Habit::Stalls,
        13 => Habit::Silent,
        5 | 17 | 22 => Habit::Leaves,
        _ => Habit::Takes,
    }
}

/// Gives the rule of a series and the wall times that it gives, the task's own first.
fn rule(number: usize, occurrences: usize) -> (Value, Vec<NaiveDateTime>) {
    let day = |year, month, day| NaiveDate::from_ymd_opt(year, month, day).expect("a date");
    let start = day(2027, 3, 10) + Days::new(number as u64 % 9);
    let times = |date: &dyn Fn(u64) -> NaiveDate| {
        (0..occurrences as u64).map(|n| date(n).and_hms_opt(2, 30, 0).expect("a time")).collect()
    };
    let months = |n: u64| Months::new(u32::try_from(n).expect("a few"));
    match number % 5 {
        0 => (json!({"pattern": "daily"}), times(&|n| start + Days::new(n))),
        1 => (json!({"pattern": "daily", "interval": 3}), times(&|n| start + Days::new(3 * n))),
        2 => (json!({"pattern": "weekly"}), times(&|n| start + Days::new(7 * n))),
        3 => (json!({"pattern": "monthly"}), times(&|n| day(2027, 1, 31) + months(n))),
        _ => (json!({"pattern": "yearly"}), times(&|n| day(2028, 2, 29) + months(12 * n))),
    }
}

/// Creates the recurring tasks and completes them, one occurrence after the other.
async fn work_through_series(client: Client, fleet: Arc<Fleet>, extent: Extent) -> Vec<Series> {
    let created = (0..extent.series).map(|number| {
        let client = client.clone();
        async move {
            let (rule, expected) = rule(number, extent.completions + 1);
            // A zone without summer time and one whose clocks change on 14 March 2027 at 2:00: 2:30 is missing there.
            let zone = ["Asia/Karachi", "America/New_York"][number / 5 % 2];
            let due = expected[0].format("%FT%T").to_string();
            let title = format!("series {number}");
            let body = json!({"title": title, "due_date": due, "time_zone": zone, "recurrence_rule": rule});
            let task = client.insist("create-task", "/api/tasks", &body, &title).await;
            Series { id: task["id"].as_str().expect("a task has an id").to_owned(), expected }
        }
    });
    let series = join_all(created).await;
    for completed in 1..=extent.completions {
        let open = format!(
            "SELECT id FROM tasks WHERE series_id IS NOT NULL AND status = 'active' AND series_number = {completed}"
        );
        let open = wait_for("the next occurrence of every series", &fleet, async || {
            fleet.try_rows(&open).await.filter(|open| open.len() >= extent.series)
        })
        .await;
        let complete = open.iter().map(|task| client.complete(task["id"].as_str().expect("a text")));
        join_all(complete).await;
    }
    series
}

/// Ticks scan-reminders on every full second, as cron does; a tick that is lost is sent again within its second.
async fn tick(client: Client, mut stop: watch::Receiver<bool>) {
    let second = TimeDelta::seconds(1);
    while !*stop.borrow_and_update() {
        let now = client.clock.now();
        let next = now.duration_trunc(second).expect("an instant of today") + second;
        client.clock.sleep_until(next).await;
        while client.clock.now() < next + second {
            let port = client.ports.of("scan-reminders");
            match client.caller.call(port, "POST", "/", &Value::Null, &[]).await {
                Some((200..=299, _)) => break,
                _ => sleep(Duration::from_millis(25)).await,
            }
        }
    }
}

/// Waits for a state.
async fn wait_for<T>(what: &str, fleet: &Fleet, mut state: impl AsyncFnMut() -> Option<T>) -> T {
    let found = timeout(PATIENCE, async {
        loop {
            if let Some(found) = state().await {
                return found;
            }
            sleep(Duration::from_millis(100)).await;
        }
    });
    match found.await {
        Ok(found) => found,
        Err(_) => {
            let stuck = "SELECT topic_name, event_type, status, attempts, error FROM events WHERE status <> 'processed' LIMIT 5";
            let stuck = fleet.try_rows(stuck).await;
            let logs = ["relay-events", "send-reminder", "spawn-recurrence"]
                .map(|name| fleet.log_of(name))
                .join("\n");
            panic!("waited in vain for: {what}; {stuck:?}\n{logs}")
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "seed and extent are the tests' own settings")]
fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faults_of_every_part_lose_nothing_double_nothing_and_hold_nothing_up() {
    let seed = setting("KAAM_SEED").map(|seed| seed.parse().expect("KAAM_SEED is a number"));
    let seed = seed.unwrap_or_else(|| u64::from_be_bytes(random::<8>()));
    let extent = if setting("KAAM_FULL").is_some() { FULL } else { SHORT };
    eprintln!("faults: seed {seed} (KAAM_SEED={seed} repeats the throws of the dice)");

    let ports = Ports::choose(&mut Dice::new(seed));
    let subscription = |name, topics| Subscription { name, topics, port: ports.of(name) };
    let subscriptions = vec![
        subscription("send-reminder", &["reminders"]),
        subscription("spawn-recurrence", &["task-events"]),
        subscription("write-audit", &["task-events", "reminders", "audit-events"]),
    ];
    let (broker, mail) = (Broker::start(seed, subscriptions).await, UnreliableServer::start().await);
    let (fleet, postgres) = Fleet::new(ports.clone(), &broker.url, mail.url()).await;
    let mut children = fleet.start_all().await;
    let (stop_killing, is_killing_over) = watch::channel(false);
    let (stop_ticking, is_over) = watch::channel(false);
    let client = Client { caller: Caller::new(), ports, clock: Clock::system() };
    let ticking = tokio::spawn(tick(client.clone(), is_over));

    let watch = Stopwatch::start();
    let torment = fleet.torment_all(&mut children, postgres, seed, &is_killing_over);
    let shares: Vec<_> =
        (0..CLIENTS).map(|share| tokio::spawn(client.clone().ask_for_share(share, extent))).collect();
    let working = work_through_series(client.clone(), Arc::clone(&fleet), extent);
    let (shares, series) = tokio::join!(join_all(shares), working);
    let asked: Vec<Asked> = shares.into_iter().flat_map(|share| share.expect("a client works")).collect();
    // The last reminders come due while things are still killed.
    client.clock.sleep_until(client.clock.now() + TimeDelta::seconds(AHEAD_S)).await;
    stop_killing.send_replace(true);
    let (survivors, postgres) = torment.ended().await;
    let killed_for = watch.elapsed();

    wait_for("every event handled and every reminder settled", &fleet, async || {
        let open = "SELECT (SELECT count(*) FROM events WHERE status IN ('pending', 'retrying'))
                         + (SELECT count(*) FROM reminders WHERE status IN ('pending', 'queued')) AS count";
        let is_settled = fleet.try_rows(open).await?[0]["count"] == 0;
        (is_settled && broker.is_idle()).then_some(())
    })
    .await;
    stop_ticking.send_replace(true);
    ticking.await.expect("cron never fails");
    let settled_after = watch.elapsed() - killed_for;

    let verified = outcome({
        let mut command = command("backend");
        command.arg("verify-audit").env("DATABASE_URL", &fleet.database_url);
        command
    })
    .await;
    let said = String::from_utf8_lossy(&verified.stdout).into_owned();
    assert!(verified.status.success() && said.contains(" 0 chains broken"), "{said}");
    eprintln!("faults: things were killed for {killed_for:.1?}, all was settled {settled_after:.1?} later");
    eprintln!("faults: broker: {}", broker.summary());
    eprintln!("faults: audit: {}", said.trim());
    census::take(&fleet, &broker, &mail, &asked, &series, extent).await;

    for mut child in children.into_values().chain(survivors) {
        child.kill().await.expect("it runs");
    }
    postgres.stop().await.expect("PostgreSQL stops");
}

#[tokio::test]
async fn an_event_waits_for_what_is_away_however_long_that_takes_and_no_attempt_is_used_up() {
    let world = World::new().await;
    world.create(json!({"title": "call"})).await;
    let away = Arc::new(std::sync::atomic::AtomicBool::new(true));
    let is_away = Arc::clone(&away);
    let subscriber = Subscriber::new("without-database", &["task-events"], move |events| {
        let is_away = is_away.load(std::sync::atomic::Ordering::Relaxed);
        async move {
            let unavailable = || Published::Unavailable { after: None, why: "the database".to_owned() };
            events.iter().map(|_| if is_away { unavailable() } else { Published::Done }).collect()
        }
    });
    let outbox = outbox_to(&world, vec![subscriber]);
    let event = async || rows(&world.database_url, "SELECT status, attempts FROM events").await.remove(0);
    for _ in 0..20 {
        outbox.drain().await.expect("the database is there");
        assert_eq!(event().await, json!({"status": "retrying", "attempts": 0}));
        world.clock.advance(Duration::from_millis(500));
    }
    away.store(false, std::sync::atomic::Ordering::Relaxed);
    outbox.drain().await.expect("the database is there");
    assert_eq!(event().await, json!({"status": "processed", "attempts": 1}));
}

#[tokio::test]
async fn relay_events_alone_names_the_setting_of_its_bus_that_is_wrong() {
    let database = ("DATABASE_URL", "postgres://kaam@localhost/kaam");
    let kafka = ("KAFKA_BROKERS", "127.0.0.1:1");
    let wrong: [(&str, &[(&str, &str)]); 10] = [
        ("KAFKA_BROKERS", &[("KAFKA_BROKERS", "nonsense")]),
        ("K_SINK", &[kafka, ("K_SINK", "http://broker/")]),
        ("KAFKA_SASL_USERNAME", &[kafka, ("KAFKA_SASL_USERNAME", "kaam")]),
        ("ssl.ca.pem", &[kafka, ("KAFKA_SECURITY_PROTOCOL", "SSL"), ("KAFKA_CA", "-----BEGIN NOTHING-----")]),
        ("K_SINK", &[]),
        ("K_SINK", &[("K_SINK", "nonsense")]),
        ("K_CA_CERTS", &[("K_SINK", "https://broker/"), ("K_CA_CERTS", "nonsense")]),
        ("K_SINK_CA_FILE", &[("K_SINK", "https://broker/"), ("K_SINK_CA_FILE", "/nowhere")]),
        ("K_CE_OVERRIDES", &[("K_SINK", "http://broker/"), ("K_CE_OVERRIDES", "nonsense")]),
        ("DATABASE_URL", &[("K_SINK", "http://broker/"), ("DATABASE_URL", "nonsense")]),
    ];
    for (name, settings) in wrong {
        let mut command = command("relay-events");
        command.envs([database]).envs(settings.iter().copied());
        let ended = outcome(command).await;
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(
            !ended.status.success() && said.lines().count() == 1 && said.contains(name),
            "{settings:?}: {said}"
        );
    }
    let mut backend = command("backend");
    backend.envs([database, ("K_SINK", "http://broker/")]);
    let ended = outcome(backend).await;
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(!ended.status.success() && said.lines().count() == 1 && said.contains("K_SINK"), "{said}");
}
