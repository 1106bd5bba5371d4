//! The program is killed again and again while people work with it; then everything is counted.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use runtime::clock::{Clock, Stopwatch, random};
use rustix::process::Signal;
use serde_json::{Value, json};
use tests::database::rows;
use tests::dice::Dice;
use tests::process::{Caller, DataDir, Starting, backend, eventually, outcome};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// How often the program is killed.
const KILLS: u64 = 100;
/// Of how many kills one takes PostgreSQL along.
const POSTGRES_TOO: u64 = 10;
/// Of how many kills one comes while the program starts.
const DURING_START: u64 = 5;
/// How long the program works at most between its start and the next kill.
const LONGEST_LIFE_MS: u64 = 250;
/// How many people work at once.
const CLIENTS: u64 = 6;
/// How many users these are, each with an audit chain.
const USERS: u64 = 3;

/// What a client was promised.
#[derive(Debug, Default)]
struct Promised {
    /// Titles of the tasks that were acknowledged.
    titles: Vec<String>,
    /// Titles of those that were refused for good.
    refused: Vec<String>,
    /// Recurring tasks that were completed.
    completed: Vec<String>,
    /// Tasks that were changed, with the number of changes.
    patched: Vec<(String, i64)>,
}

/// Somebody who works with the program, wherever it answers at the moment, and asks again until it does.
struct Client {
    number: u64,
    user: String,
    dice: Dice,
    port: watch::Receiver<u16>,
    caller: Caller,
    clock: Clock,
    promised: Promised,
}

impl Client {
    /// Asks until there is an answer that settles it: a success, or a refusal that asking again does not change.
    async fn insist(&self, method: &str, path: &str, body: &Value, key: Option<&str>) -> (u16, Value) {
        let mut headers = vec![("x-user-id", self.user.as_str())];
        headers.extend(key.map(|key| ("idempotency-key", key)));
        let mut port = self.port.clone();
        loop {
            let here = *port.borrow_and_update();
            match self.caller.call(here, method, path, body, &headers).await {
                Some((503 | 504, _)) | Some((409, _)) => sleep(Duration::from_millis(10)).await,
                Some((status @ (200 | 422), answer)) => return (status, answer),
                Some((status, answer)) => panic!("{method} {path} was answered {status}: {answer}"),
                // Dead, or not yet born: its successor answers elsewhere.
                None => {
                    let _ = timeout(Duration::from_millis(20), port.changed()).await;
                }
            }
        }
    }

    async fn create(&mut self, name: &str, mut body: Value) -> Option<String> {
        body["title"] = name.into();
        let (status, task) = self.insist("POST", "/api/tasks", &body, Some(name)).await;
        if status == 422 {
            self.promised.refused.push(name.to_owned());
            return None;
        }
        assert_eq!(task["title"], name, "the key of one task gave another");
        self.promised.titles.push(name.to_owned());
        task["id"].as_str().map(str::to_owned)
    }

    async fn work(mut self, stop: Arc<AtomicBool>, done: Arc<AtomicUsize>) -> Promised {
        let mut turn = 0;
        while !stop.load(Ordering::Relaxed) {
            turn += 1;
            let name = format!("{}-{turn}", self.number);
            match self.dice.throw(5) {
                0 => self.create_and_change(&name).await,
                1 => self.create_and_complete(&name).await,
                2 => {
                    let at = self.soon().await;
                    self.create(&name, json!({"reminder_config": {"at": at}})).await;
                }
                3 => {
                    let due = self.soon().await;
                    self.create(&name, json!({"due_date": due, "reminder_config": {"lead_time": "0m"}}))
                        .await;
                }
                _ => {
                    self.create(&name, json!({"priority": "high", "tags": ["a"]})).await;
                }
            }
            done.fetch_add(1, Ordering::Relaxed);
        }
        self.promised
    }

    /// Gives an instant within the next second and a half.
    async fn soon(&mut self) -> String {
        let ahead = Duration::from_millis(300 + self.dice.throw(1_200));
        (self.clock.now() + ahead).to_rfc3339()
    }

    async fn create_and_change(&mut self, name: &str) {
        let Some(id) = self.create(name, json!({})).await else { return };
        let changes = 1 + self.dice.throw(3);
        for change in 0..changes {
            let body = json!({"description": format!("change {change}")});
            let (status, _) = self.insist("PATCH", &format!("/api/tasks/{id}"), &body, None).await;
            assert_eq!(status, 200);
        }
        self.promised.patched.push((id, i64::try_from(changes).expect("a few")));
    }

    async fn create_and_complete(&mut self, name: &str) {
        let due = (self.clock.now() + Duration::from_secs(86_400)).to_rfc3339();
        let body = json!({"due_date": due, "recurrence_rule": {"pattern": "daily"}});
        let Some(id) = self.create(name, body).await else { return };
        let key = format!("complete {name}");
        let (status, _) =
            self.insist("POST", &format!("/api/tasks/{id}/complete"), &Value::Null, Some(&key)).await;
        assert_eq!(status, 200);
        self.promised.completed.push(id);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_at_any_moment_loses_no_acknowledged_task_no_event_no_reminder_and_doubles_none() {
    let seed = u64::from_be_bytes(random::<8>());
    eprintln!("seed {seed}");
    let (data_dir, watch) = (DataDir::new(), Stopwatch::start());
    let (port, ports) = watch::channel(0);
    let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        let client = Client {
            number,
            user: format!("user-{}", number % USERS),
            dice: Dice::new(seed.wrapping_add(number)),
            port: ports.clone(),
            caller: Caller::new(),
            clock: Clock::system(),
            promised: Promised::default(),
        };
        clients.spawn(client.work(Arc::clone(&stop), Arc::clone(&done)));
    }

    let (mut dice, mut crashes) = (Dice::new(!seed), 0);
    // The first start makes the cluster and is left alone.
    let mut program = start(&data_dir).ready().await;
    for kill in 0..KILLS {
        port.send_replace(program.port);
        sleep(Duration::from_millis(dice.throw(LONGEST_LIFE_MS))).await;
        if kill % POSTGRES_TOO == POSTGRES_TOO - 1 {
            crashes += 1;
            let signal = if dice.throw(2) == 0 { Signal::KILL } else { Signal::QUIT };
            assert!(data_dir.signal_postgres(signal), "the program has a PostgreSQL");
            sleep(Duration::from_millis(dice.throw(50))).await;
        }
        program.kill().await;
        if dice.throw(DURING_START) == 0 {
            let starting = start(&data_dir);
            sleep(Duration::from_millis(dice.throw(100))).await;
            starting.kill().await;
        }
        program = start(&data_dir).ready().await;
    }
    port.send_replace(program.port);
    let killed_for = watch.elapsed();
    stop.store(true, Ordering::Relaxed);
    let promised = clients.join_all().await;

    let url = data_dir.database_url().expect("the program serves");
    eventually("every event processed and every reminder sent", || is_settled(&url)).await;
    let settled_after = watch.elapsed() - killed_for;
    let counts = count(&url, data_dir.path(), &data_dir.mails(), &promised).await;
    let verified = outcome({
        let mut command = backend(data_dir.path());
        command.arg("verify-audit");
        command
    })
    .await;
    let said = String::from_utf8_lossy(&verified.stdout).into_owned();
    assert!(verified.status.success() && said.contains(" 0 chains broken"), "{said}");
    eprintln!(
        "{KILLS} kills, {crashes} of them with PostgreSQL, in {killed_for:.1?}, settled after {settled_after:.1?}: {counts}; {}",
        said.trim()
    );
    assert!(program.stop().await.success());
}

fn start(data_dir: &DataDir) -> Starting {
    let mut command = backend(data_dir.path());
    command.env("LOG_LEVEL", "warn");
    Starting::spawn_with_log(command, &data_dir.path().join("log"))
}

async fn is_settled(url: &str) -> Option<()> {
    let open = "SELECT (SELECT count(*) FROM events WHERE status IN ('pending', 'retrying'))
                     + (SELECT count(*) FROM reminders WHERE status IN ('pending', 'queued')) AS count";
    (rows(url, open).await[0]["count"] == 0).then_some(())
}

/// Counts everything; says what was counted.
async fn count(url: &str, _: &Path, mails: &[(String, String)], promised: &[Promised]) -> String {
    let nothing = |what: &str, found: Vec<Value>| assert!(found.is_empty(), "{what}: {found:?}");
    let each = |what: fn(&Promised) -> &[String]| promised.iter().flat_map(what).cloned().collect::<Vec<_>>();

    let tasks = rows(url, "SELECT id, title, version FROM tasks WHERE follows IS NULL").await;
    let titles: HashSet<&str> = tasks.iter().filter_map(|task| task["title"].as_str()).collect();
    assert_eq!(titles.len(), tasks.len(), "a key made two tasks");
    let acknowledged = each(|promised| &promised.titles);
    let lost: Vec<_> = acknowledged.iter().filter(|title| !titles.contains(title.as_str())).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    assert_eq!(tasks.len(), acknowledged.len(), "every client asked until it was told");
    let refused = each(|promised| &promised.refused);
    assert!(refused.iter().all(|title| !titles.contains(title.as_str())), "refused and there");

    let changes = rows(
        url,
        "SELECT t.id, t.version, count(e.event_id) AS events,
                count(DISTINCT e.payload #>> '{task,version}') AS versions
         FROM tasks t
         LEFT JOIN events e ON e.topic_name = 'task-events' AND e.key = t.id::text
         GROUP BY t.user_id, t.id",
    )
    .await;
    for task in &changes {
        let version = &task["version"];
        assert!(
            task["events"] == *version && task["versions"] == *version,
            "one event for each change: {task}"
        );
    }
    for (id, count) in promised.iter().flat_map(|promised| &promised.patched) {
        let task = changes.iter().find(|task| task["id"] == id.as_str()).expect("it is there");
        assert_eq!(task["version"], 1 + count, "{task}");
    }
    nothing(
        "completed without just one successor",
        rows(
            url,
            "SELECT t.id, count(next.id) AS successors
             FROM tasks t
             LEFT JOIN tasks next ON next.user_id = t.user_id AND next.follows = t.id
             WHERE t.status = 'completed'
             GROUP BY t.id
             HAVING count(next.id) <> 1",
        )
        .await,
    );
    let completed = each(|promised| &promised.completed).len();
    let done = rows(url, "SELECT id FROM tasks WHERE status = 'completed'").await.len();
    assert_eq!(done, completed, "every completion is kept");

    nothing("not processed", rows(url, "SELECT * FROM events WHERE status <> 'processed'").await);
    nothing(
        "not audited just once",
        rows(
            url,
            "SELECT COALESCE(e.event_id, a.event_id), e.event_type
             FROM events e
             FULL JOIN audit_logs a ON a.user_id = e.user_id AND a.event_id = e.event_id
             GROUP BY 1, 2
             HAVING count(e.event_id) <> 1 OR count(a.event_id) <> 1",
        )
        .await,
    );
    nothing(
        "not sent just once, with one announcement and one word that it was sent",
        rows(
            url,
            "SELECT r.id, r.status, attempts, due, sent
             FROM reminders r
             CROSS JOIN LATERAL (
                 SELECT count(*) AS attempts FROM reminder_attempts a
                 WHERE a.user_id = r.user_id AND a.reminder_id = r.id AND a.outcome = 'sent') AS attempt
             CROSS JOIN LATERAL (
                 SELECT count(*) FILTER (WHERE e.event_type = 'reminder.due') AS due,
                        count(*) FILTER (WHERE e.event_type = 'reminder.sent') AS sent
                 FROM events e
                 WHERE e.topic_name = 'reminders' AND e.key = r.task_id::text
                   AND e.payload ->> 'reminder_id' = r.id::text) AS event
             WHERE NOT ((r.status = 'sent' AND attempts = 1 AND due = 1 AND sent = 1)
                     OR (r.status = 'skipped' AND attempts = 0 AND due = 0 AND sent = 0))",
        )
        .await,
    );
    let sent = rows(url, "SELECT id FROM reminders WHERE status = 'sent'").await;
    let written: HashSet<&str> = mails.iter().map(|(name, _)| name.as_str()).collect();
    let expected: Vec<_> =
        sent.iter().map(|one| format!("{}.eml", one["id"].as_str().expect("a text"))).collect();
    assert_eq!(written, expected.iter().map(String::as_str).collect(), "one file for each mail");
    assert!(mails.iter().all(|(_, mail)| mail.contains("Subject: ") && is_whole(mail)), "a torn mail");
    let events = rows(url, "SELECT event_id FROM events").await.len();
    format!(
        "{} tasks, {} refused, {completed} completed, {} changed, {events} events, {} mails",
        tasks.len(),
        refused.len(),
        promised.iter().map(|promised| promised.patched.len()).sum::<usize>(),
        mails.len(),
    )
}

/// Says whether a mail of several parts goes on to the line that ends the last one (RFC 2046 §5.1.1).
fn is_whole(mail: &str) -> bool {
    let boundary = mail.split_once("boundary=\"").and_then(|(_, rest)| rest.split_once('"'));
    boundary.is_some_and(|(boundary, rest)| rest.trim_end().ends_with(&format!("--{boundary}--")))
}
