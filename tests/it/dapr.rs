//! Beside real Dapr sidecars: the bus, jobs and invocation, with the components of `infra/dapr` and a real Kafka broker.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::TimeDelta;
use devkit::testing::unused_port;
use rdkafka::producer::{FutureProducer, FutureRecord};
use runtime::auth::SigningKeys;
use runtime::clock::{Clock, Stopwatch};
use runtime::config::{Config, Environment};
use runtime::disposition::Disposition;
use runtime::function::Function;
use runtime::host::dapr;
use runtime::host::server::{App, serve};
use runtime::metrics::Metrics;
use runtime::triggers::{Incoming, on_events, on_tick};
use serde_json::{Value, json};
use tests::daprd::{Daprd, Neighbour, Scheduler, invoked_at, resource};
use tests::database::{count, rows};
use tests::kafka::Kafka;
use tests::process::{Caller, DataDir, Program, Starting, command, eventually};
use tests::world::{World, path_of};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

/// How long everything may take to come to rest.
const REST: Duration = Duration::from_secs(90);
/// How long a record may wait for the broker.
const PATIENCE: Duration = Duration::from_secs(20);
/// What runs between a change and its effects, each a process of its own beside a sidecar of its own.
const PROGRAMS: [&str; 4] = ["relay-events", "write-audit", "spawn-recurrence", "send-reminder"];
/// How soon a reminder is due.
const SOON: Duration = Duration::from_secs(2);
const TOKEN: &str = "what the sidecar shows";

/// What every sidecar of these tests reads. A broker of the tests takes shorter sessions.
fn resources(kafka: &Kafka) -> Vec<String> {
    let values = [
        ("kafka:9092", kafka.brokers.as_str()),
        ("value: 6s", "value: 2s"),
        ("value: 2s\nscopes", "value: 500ms\nscopes"),
    ];
    vec![resource("components/pubsub.yaml", &values), resource("resiliency.yaml", &[])]
}

/// A program, its sidecar, and where they are.
struct Member {
    name: &'static str,
    port: u16,
    running: Option<Starting>,
    daprd: Daprd,
}

/// The programs on one database and one cluster.
struct Fleet<'a> {
    world: &'a World,
    kafka: &'a Kafka,
    files: DataDir,
    caller: Caller,
    members: Vec<Member>,
}

impl<'a> Fleet<'a> {
    /// `None` where there is no daprd.
    async fn start(world: &'a World, kafka: &'a Kafka) -> Option<Self> {
        world.clock.set(Clock::system().now() - TimeDelta::hours(2));
        let mut fleet =
            Self { world, kafka, files: DataDir::new(), caller: Caller::new(), members: Vec::new() };
        for name in PROGRAMS {
            let port = unused_port();
            let mut neighbour = Neighbour::of(name, Some(port), resources(kafka));
            neighbour.app_token = Some(TOKEN);
            let daprd = Daprd::beside(neighbour)?;
            fleet.members.push(Member { name, port, running: None, daprd });
            fleet.start_one(name);
        }
        for member in &fleet.members {
            member.daprd.ready().await;
        }
        Some(fleet)
    }

    fn member(&mut self, name: &str) -> &mut Member {
        self.members.iter_mut().find(|member| member.name == name).expect("it is a member")
    }

    /// Says how often a sidecar has written that an event failed for the first time, and is tried again.
    fn failures(&self, name: &str) -> usize {
        let member = self.members.iter().find(|member| member.name == name).expect("it is a member");
        member.daprd.log().matches("Retrying").count()
    }

    fn start_one(&mut self, name: &'static str) {
        let log = self.files.path().join(format!("{name}.log"));
        let mut command = command(name);
        command.env("DATABASE_URL", &self.world.database_url).env("DATA_DIR", self.files.path());
        let member = self.member(name);
        command
            .env("PORT", member.port.to_string())
            .env("DAPR_HTTP_PORT", member.daprd.port.to_string())
            .env("DAPR_API_TOKEN", member.daprd.token())
            .env("APP_API_TOKEN", TOKEN);
        member.running = Some(Starting::spawn_with_log(command, &log));
    }

    async fn kill(&mut self, name: &str) {
        self.member(name).running.take().expect("it runs").kill().await;
    }

    /// Tells the relay that there is something.
    async fn poke(&self) {
        self.caller.call(self.members[0].port, "POST", "/", &Value::Null, &[]).await;
    }

    /// Waits until every event is published and audited, and the successors and mails are there.
    async fn rest(&self, tasks: i64) {
        let watch = Stopwatch::start();
        loop {
            let state = self.state().await;
            let is_at_rest = state["open"] == 0
                && state["audited"] == state["events"]
                && state["successors"] == tasks
                && state["mails"] == tasks;
            if is_at_rest {
                return;
            }
            let logs = || self.members.iter().map(|member| member.daprd.log()).collect::<Vec<_>>().join("\n");
            assert!(watch.elapsed() < REST, "not at rest: {state}\n{}", logs());
            self.poke().await;
            sleep(Duration::from_millis(50)).await;
        }
    }

    async fn state(&self) -> Value {
        json!({
            "open": count(self.world, "events WHERE status <> 'processed'").await,
            "events": count(self.world, "events").await,
            "audited": count(self.world, "audit_logs").await,
            "successors": count(self.world, "tasks WHERE series_id <> id").await,
            "mails": self.files.mails().len(),
            "dead": self.dead_letters(),
        })
    }

    /// Has a task recur, and a reminder be due.
    async fn work(&self, number: u64) {
        self.world.work(number, SOON).await;
        self.poke().await;
    }

    fn dead_letters(&self) -> usize {
        let topics = ["task-events.dlq", "reminders.dlq", "audit-events.dlq"];
        topics.into_iter().map(|topic| self.kafka.records(topic).len()).sum()
    }
}

/// Writes a record to a topic as anybody could.
async fn produce(kafka: &Kafka, topic: &str, key: &str, value: impl AsRef<[u8]>) {
    let mut config = kafka.client();
    let producer: FutureProducer =
        config.set("partitioner", "fnv1a_random").create().expect("sound settings");
    let record = FutureRecord::to(topic).key(key).payload(value.as_ref());
    producer.send(record, PATIENCE).await.expect("the broker is there");
}

#[tokio::test]
async fn a_change_has_its_effects_through_sidecars_once_whatever_is_killed() {
    let Some(kafka) = Kafka::start().await else { return };
    kafka.create_contract_topics().await;
    let world = World::new().await;
    let Some(mut fleet) = Fleet::start(&world, &kafka).await else { return };
    fleet.work(0).await;
    fleet.rest(1).await;
    let (status, ready) = fleet
        .caller
        .call(fleet.members[0].port, "GET", "/ready", &Value::Null, &[])
        .await
        .expect("it serves");
    assert_eq!((status, &ready["dapr"]), (200, &json!("connected")));

    // A second delivery of everything.
    let state = fleet.state().await;
    for topic in ["task-events", "reminders"] {
        for record in kafka.records(topic) {
            assert_eq!(record.json()["partitionkey"], json!(record.key), "the key is what Kafka orders by");
            produce(&kafka, topic, &record.key, &record.value).await;
        }
    }
    fleet.work(1).await;
    fleet.rest(2).await;
    let both = fleet.state().await;
    assert_eq!(
        (&both["successors"], &both["mails"], &both["dead"]),
        (&json!(2), &json!(2), &json!(0)),
        "{state}"
    );

    // Apps that are away for longer than a retry takes.
    let consumers = ["write-audit", "spawn-recurrence", "send-reminder"];
    let before = consumers.map(|name| (name, fleet.failures(name)));
    for name in PROGRAMS {
        fleet.kill(name).await;
    }
    fleet.work(2).await;
    fleet.start_one("relay-events");
    let is_published = async || {
        fleet.poke().await;
        (count(&world, "events WHERE status <> 'processed'").await == 0).then_some(())
    };
    eventually("all is published", is_published).await;
    for (name, before) in before {
        let has_failed = async || (fleet.failures(name) > before).then_some(());
        eventually("its sidecar has tried in vain, and tries again", has_failed).await;
    }
    consumers.into_iter().for_each(|name| fleet.start_one(name));
    fleet.rest(3).await;

    // Sidecars that are away.
    for name in PROGRAMS {
        fleet.member(name).daprd.stop().await;
    }
    fleet.work(3).await;
    let (_, ready) = fleet
        .caller
        .call(fleet.members[0].port, "GET", "/ready", &Value::Null, &[])
        .await
        .expect("it serves");
    assert_eq!((&ready["dapr"], &ready["status"]), (&json!("unreachable"), &json!("ready")));
    assert!(count(&world, "events WHERE status <> 'processed'").await > 0, "they wait in the outbox");
    for name in PROGRAMS {
        fleet.member(name).daprd.restart().await;
    }
    let watch = Stopwatch::start();
    fleet.rest(4).await;
    eprintln!("sidecars killed and back: all effects {:?} after the last was ready", watch.elapsed());
    assert_eq!(fleet.dead_letters(), 0, "nothing was given up");
    let attempts = rows(&world.database_url, "SELECT max(attempts) AS most FROM events").await;
    assert_eq!(attempts[0]["most"], json!(1), "waiting for the bus was no attempt");
}

#[tokio::test]
async fn poison_is_among_the_dead_letters_and_the_next_event_goes_on() {
    let Some(kafka) = Kafka::start().await else { return };
    kafka.create_contract_topics().await;
    let world = World::new().await;
    let Some(fleet) = Fleet::start(&world, &kafka).await else { return };
    fleet.work(0).await;
    fleet.rest(1).await;

    let event = |id: &str| json!({"specversion": "1.0", "id": id, "source": "/test", "type": "task.created", "datacontenttype": "application/json", "data": {}});
    let mut nameless = event("x");
    nameless.as_object_mut().expect("an object").remove("id");
    let mut old = event("old");
    old["specversion"] = json!("0.3");
    let raw: [&[u8]; 4] = [b"{bad", b"\"\xff\"", b"42", b"[]"];
    let events =
        [nameless, old, event("no-envelope"), json!({"bad": 1})].map(|event| event.to_string().into_bytes());
    let mut parked = 0;
    for value in raw.iter().map(|raw| raw.to_vec()).chain(events) {
        produce(&kafka, "audit-events", "poison", &value).await;
        parked += 1;
    }
    // Through the sidecar, which checks nothing.
    let relay = &fleet.members[0].daprd;
    for body in [json!("hello"), json!({"hello": 1})] {
        let path = "/v1.0/publish/pubsub/audit-events?metadata.partitionKey=poison";
        let token = [("dapr-api-token", relay.token())];
        let (status, answer) =
            fleet.caller.call(relay.port, "POST", path, &body, &token).await.expect("it is there");
        assert_eq!(status, 204, "{answer}");
        parked += 1;
    }
    let is_parked = async || (kafka.records("audit-events.dlq").len() >= parked).then_some(());
    eventually("all poison is parked", is_parked).await;
    let (watch, before) = (Stopwatch::start(), count(&world, "audit_logs").await);
    fleet.work(1).await;
    fleet.rest(2).await;
    eprintln!("{parked} records of poison parked; the next effects came {:?} later", watch.elapsed());
    assert!(count(&world, "audit_logs").await > before);
    let dead = kafka.records("audit-events.dlq");
    assert_eq!(dead.len(), parked);
    assert!(dead.iter().any(|dead| dead.value == b"{bad"), "a dead letter is what it was");
    assert!(dead.iter().all(|dead| dead.key == "poison"));
}

#[tokio::test]
async fn one_process_has_its_bus_behind_the_sidecar_and_is_invoked_through_another() {
    let Some(kafka) = Kafka::start().await else { return };
    kafka.create_contract_topics().await;
    for bulk in [None, Some("20")] {
        let (world, files, port) = (World::new().await, DataDir::new(), unused_port());
        let mut neighbour = Neighbour::of("backend-service", Some(port), resources(&kafka));
        (neighbour.app_token, neighbour.is_open) = (Some(TOKEN), true);
        let Some(daprd) = Daprd::beside(neighbour) else { return };
        let mut command = command("backend");
        command
            .env("DATABASE_URL", &world.database_url)
            .env("DATA_DIR", files.path())
            .env("PORT", port.to_string())
            .env("DAPR_HTTP_PORT", daprd.port.to_string())
            .env("DAPR_API_TOKEN", daprd.token())
            .env("APP_API_TOKEN", TOKEN)
            .env("DAPR_PUBSUB", "pubsub")
            .envs(bulk.map(|bulk| ("DAPR_BULK", bulk)));
        let log = files.path().join("backend.log");
        let program = Program::start_with_log(command, &log).await;
        daprd.ready().await;
        let mut other = Neighbour::of("other", None, Vec::new());
        other.invoked = Some(daprd.internal_port);
        let other = Daprd::beside(other).expect("there is one");
        other.ready().await;
        let caller = Caller::new();
        let invoke = async |method: &str, path: &str, body: &Value| {
            let path = format!("/v1.0/invoke/backend-service/method{path}");
            let token = [("dapr-api-token", other.token())];
            caller.call(other.port, method, &path, body, &token).await.expect("the sidecar is there")
        };
        let due = (Clock::system().now() + SOON).to_rfc3339();
        let body = json!({"title": "water the plants", "due_date": due, "recurrence_rule": {"pattern": "daily"},
                          "reminder_config": {"lead_time": "0m", "destination": "amna@example.org"}});
        let (status, task) = invoke("POST", "/api/tasks", &body).await;
        assert_eq!((status, &task["title"]), (200, &json!("water the plants")), "{task}");
        eventually("the mail is there", async || (files.mails().len() == 1).then_some(())).await;
        invoke("POST", &format!("{}/complete", path_of(&task)), &Value::Null).await;
        let is_done = async || {
            let has_successor = count(&world, "tasks WHERE series_id <> id").await == 1;
            // What the round before had not committed yet may have come here, too.
            let unaudited = "events WHERE event_id NOT IN (SELECT event_id FROM audit_logs)";
            let is_audited = count(&world, unaudited).await == 0;
            (has_successor && is_audited).then_some(())
        };
        let what = format!("the next occurrence is there, and all is audited, in bulk {bulk:?}");
        eventually(&what, is_done).await;
        let (_, history) = invoke("GET", &format!("{}/history", path_of(&task)), &Value::Null).await;
        assert!(history["entries"].as_array().is_some_and(|entries| entries.len() >= 2), "{history}");

        // Nobody brings events or ticks by invocation.
        let forged =
            json!({"specversion": "1.0", "id": "f", "source": "/x", "type": "task.created", "data": {}});
        for (path, expected) in [("/dapr/events/task-events", 403), ("/dapr/subscribe", 403), ("/", 405)] {
            let method = if path.ends_with("subscribe") { "GET" } else { "POST" };
            assert_eq!(invoke(method, path, &forged).await.0, expected, "{path}");
        }
        let (status, _) =
            program.call("POST", "/dapr/events/task-events", &forged, &[]).await.expect("it serves");
        assert_eq!(status, 401, "without the token of the sidecar");
        assert!(program.stop().await.success());
    }
    let dead =
        ["task-events.dlq", "reminders.dlq", "audit-events.dlq"].map(|topic| kafka.records(topic).len());
    assert_eq!(dead, [0; 3]);
}

/// An app of the test's own, in its process.
struct Own {
    stop: oneshot::Sender<()>,
}

impl Own {
    async fn start(function: Function, port: u16, daprd: &Daprd, settings: &[(&str, &str)]) -> Self {
        let (port, sidecar) = (port.to_string(), daprd.port.to_string());
        let own = [("PORT", port.as_str()), ("DAPR_HTTP_PORT", &sidecar), ("DAPR_API_TOKEN", daprd.token())];
        let environment = Environment::from_pairs(own.iter().chain(settings).copied());
        let config = Config::from_environment(&environment).expect("it is sound");
        let settings = dapr::Settings::from_environment(&environment).expect("it is sound");
        let metrics = Metrics::new();
        let functions = dapr::attach(vec![function], &settings.expect("there is a sidecar"), &metrics);
        let (stop, stopped) = oneshot::channel();
        let (ready, is_ready) = oneshot::channel();
        tokio::spawn(async move {
            let shutdown = async { stopped.await.unwrap_or_default() };
            serve(App::new(&config, functions), shutdown, |_| ready.send(()).expect("the test waits")).await
        });
        is_ready.await.expect("it serves");
        Self { stop }
    }
}

/// What a function of the test's own has handled, in order.
type Seen = Arc<Mutex<Vec<String>>>;

#[tokio::test]
async fn what_fails_comes_again_in_order_and_the_fifth_time_is_parked_one_by_one_and_in_bulk() {
    let Some(kafka) = Kafka::start().await else { return };
    let topic = "audit-events";
    kafka.create_contract_topics().await;
    for (bulk, round) in [(None, "a"), (Some(("DAPR_BULK", "20")), "b")] {
        let seen = Seen::default();
        let (noted, port) = (Arc::clone(&seen), unused_port());
        let decide = move |events: Vec<Incoming>| {
            let noted = Arc::clone(&noted);
            async move {
                let mut noted = noted.lock().expect("nobody panicked");
                let decide = |event: &Incoming| {
                    let id = &event.id[1..];
                    let before = noted.iter().filter(|known| **known == event.id).count();
                    noted.push(event.id.clone());
                    match id {
                        "-later" if before < 2 => Disposition::retry("not yet"),
                        "-fails" => Disposition::retry("it fails"),
                        "-never" => Disposition::reject("it is refused"),
                        "-away" if before < 8 => Disposition::Unavailable { why: "the database".to_owned() },
                        _ => Disposition::Done,
                    }
                };
                events.iter().map(decide).collect()
            }
        };
        let function = Function::new("write-audit").on(on_events(&["audit-events"], decide));
        // Before anybody listens, so that they lie there together.
        for id in ["first", "later", "behind", "fails", "never", "away", "last"] {
            let event = json!({"specversion": "1.0", "id": format!("{round}-{id}"), "source": "/t", "type": "t", "partitionkey": "k", "data": {}});
            produce(&kafka, topic, "k", event.to_string()).await;
        }
        let Some(daprd) = Daprd::beside(Neighbour::of("write-audit", Some(port), resources(&kafka))) else {
            return;
        };
        let settings: Vec<_> = bulk.into_iter().collect();
        let own = Own::start(function, port, &daprd, &settings).await;
        let parked = || {
            let dead = kafka.records("audit-events.dlq");
            let ids = dead.iter().map(|dead| dead.json()["id"].as_str().unwrap_or_default().to_owned());
            let mut ids: Vec<_> = ids.filter(|id| id.starts_with(round)).collect();
            ids.sort();
            ids
        };
        let is_parked = async || (parked().len() >= 2).then_some(());
        eventually("the poison is parked", is_parked).await;
        let ended = async || {
            (seen.lock().expect("nobody panicked").last()? == &format!("{round}-last")).then_some(())
        };
        eventually("the last is handled", ended).await;
        let mut seen = seen.lock().expect("nobody panicked").clone();
        // What the round before had not committed yet.
        seen.retain(|id| id.starts_with(round));
        let last = |id: &str| seen.iter().rposition(|known| known.ends_with(id)).expect("it came");
        let order = ["first", "later", "behind", "fails", "never", "away", "last"].map(last);
        assert!(order.is_sorted(), "{seen:?}");
        let times = |id: &str| seen.iter().filter(|known| known.ends_with(id)).count();
        assert!(times("-later") >= 3 && times("-fails") >= 5 && times("-away") >= 9, "{seen:?}");
        assert_eq!(parked(), [format!("{round}-fails"), format!("{round}-never")], "{}", daprd.log());
        drop(own.stop);
    }
}

#[tokio::test]
async fn nobody_makes_an_event_up_by_way_of_a_sidecar() {
    // Of one that may be invoked the port for other sidecars is a way in, and the function sees the token of its own one.
    for (is_open, status, handled) in [(true, 0, 1), (false, 7, 0)] {
        let (seen, port) = (Seen::default(), unused_port());
        let noted = Arc::clone(&seen);
        let note = move |events: Vec<Incoming>| {
            noted.lock().expect("nobody panicked").extend(events.iter().map(|event| event.id.clone()));
            let done = vec![Disposition::Done; events.len()];
            async move { done }
        };
        let mut neighbour = Neighbour::of("write-audit", Some(port), Vec::new());
        (neighbour.app_token, neighbour.is_open) = (Some(TOKEN), is_open);
        let Some(daprd) = Daprd::beside(neighbour) else { return };
        let function = Function::new("write-audit").on(on_events(&["audit-events"], note));
        let own = Own::start(function, port, &daprd, &[("APP_API_TOKEN", TOKEN)]).await;
        daprd.ready().await;
        let forged = json!({"specversion": "1.0", "id": "f", "source": "/x", "type": "t", "data": {}});
        let answered = invoked_at(daprd.internal_port, "dapr/events/audit-events", &forged.to_string()).await;
        assert_eq!((answered, seen.lock().expect("nobody panicked").len()), (Some(status), handled));
        drop(own.stop);
    }
}

#[tokio::test]
async fn a_job_is_due_once_for_all_replicas_and_again_when_it_failed() {
    let Some(scheduler) = Scheduler::start().await else { return };
    let ticks = Arc::new(Mutex::new(Vec::new()));
    let mut replicas = Vec::new();
    for replica in 0..2 {
        let (ticked, port) = (Arc::clone(&ticks), unused_port());
        let trigger = on_tick(move || {
            let ticked = Arc::clone(&ticked);
            async move {
                let mut ticked = ticked.lock().expect("nobody panicked");
                ticked.push((replica, Clock::system().now()));
                if ticked.len() == 1 { Disposition::retry("the first fails") } else { Disposition::Done }
            }
        });
        let mut neighbour = Neighbour::of("scan-reminders", Some(port), Vec::new());
        neighbour.scheduler = Some(scheduler.port);
        let Some(daprd) = Daprd::beside(neighbour) else { return };
        let schedule = ("DAPR_SCHEDULE", "*/2 * * * * *");
        let own = Own::start(Function::new("scan-reminders").on(trigger), port, &daprd, &[schedule]).await;
        replicas.push((daprd, own));
    }
    for (daprd, _) in &replicas {
        daprd.ready().await;
    }
    let enough = async || (ticks.lock().expect("nobody panicked").len() >= 5).then_some(());
    eventually("the job was due some times", enough).await;
    let ticks = ticks.lock().expect("nobody panicked").clone();
    eprintln!("two replicas had {ticks:?}");
    // The second is the repetition of the first, which failed.
    let due: Vec<_> = ticks[1..].iter().map(|(_, at)| at.timestamp() / 2).collect();
    let mut distinct = due.clone();
    distinct.dedup();
    assert_eq!(due, distinct, "one tick for each two seconds: {ticks:?}");
}

#[tokio::test]
async fn a_cron_binding_ticks_and_again_when_that_failed() {
    let ticks = Arc::new(Mutex::new(0));
    let ticked = Arc::clone(&ticks);
    let trigger = on_tick(move || {
        let ticked = Arc::clone(&ticked);
        async move {
            let mut ticked = ticked.lock().expect("nobody panicked");
            *ticked += 1;
            if *ticked < 3 { Disposition::retry("the first fail") } else { Disposition::Done }
        }
    });
    // Too seldom for three ticks of its own in the time of a test.
    let every = [("@every 1m", "@every 20s")];
    let resources = vec![resource("components/cron.yaml", &every), resource("resiliency.yaml", &[])];
    let port = unused_port();
    let Some(daprd) = Daprd::beside(Neighbour::of("scan-reminders", Some(port), resources)) else { return };
    let function = Function::new("scan-reminders").on(trigger);
    let own = Own::start(function, port, &daprd, &[("DAPR_SCHEDULE", "binding")]).await;
    let is_repeated = async || (*ticks.lock().expect("nobody panicked") >= 3).then_some(());
    eventually("a tick that failed is repeated", is_repeated).await;
    drop(own.stop);
}

#[tokio::test]
async fn a_function_waits_for_its_sidecar_and_has_its_database_from_a_secret_store() {
    let (world, files, port) = (World::new().await, DataDir::new(), unused_port());
    let secrets = files.path().join("secrets.json");
    let content = json!({"db-credentials": {"DATABASE_URL": world.database_url}});
    std::fs::create_dir_all(files.path()).expect("the folder is ours");
    std::fs::write(&secrets, content.to_string()).expect("the folder is ours");
    let own = format!(
        "metadata:\n    - name: secretsFile\n      value: {}\n    - name: multiValued\n      value: \"true\"",
        secrets.display()
    );
    let values = [("secretstores.kubernetes", "secretstores.local.file"), ("metadata: []", &own)];
    let store = resource("components/secrets.yaml", &values);
    let mut neighbour = Neighbour::of("create-task", Some(port), vec![store]);
    neighbour.app_token = Some(TOKEN);
    let Some(mut daprd) = Daprd::beside(neighbour) else { return };
    daprd.stop().await;
    let mut command = command("create-task");
    command
        .env("PORT", port.to_string())
        .env("DAPR_HTTP_PORT", daprd.port.to_string())
        .env("DAPR_API_TOKEN", daprd.token())
        .env("APP_API_TOKEN", TOKEN)
        .env("DAPR_SECRET_STORE", "secrets");
    let nobody = TcpListener::bind(("127.0.0.1", daprd.port)).await.expect("its port is free");
    let program = Starting::spawn_with_log(command, &files.path().join("log"));
    // It has asked once, and got no answer.
    drop(timeout(PATIENCE, nobody.accept()).await.expect("it asks").expect("a connection"));
    drop(nobody);
    daprd.restart().await;
    let caller = Caller::new();
    let create = async || caller.call(port, "POST", "/api/tasks", &json!({"title": "buy milk"}), &[]).await;
    let (status, task) = eventually("it serves", create).await;
    assert_eq!((status, count(&world, "tasks").await), (200, 1), "{task}");
    program.kill().await;
}

#[tokio::test]
async fn every_function_starts_beside_a_sidecar_that_is_away_and_routes_what_it_subscribes_to() {
    let (world, files) = (World::new().await, DataDir::new());
    let functions = [
        ("create-task", 0),
        ("query-tasks", 0),
        ("update-task", 0),
        ("complete-task", 0),
        ("delete-task", 0),
        ("follow-link", 0),
        ("sign-in", 0),
        ("chat-command", 0),
        ("scan-reminders", 0),
        ("send-reminder", 1),
        ("spawn-recurrence", 1),
        ("write-audit", 3),
        ("relay-events", 0),
        ("stream-updates", 0),
        ("web", 0),
        ("backend", 3),
    ];
    let folders = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../functions")).expect("a folder");
    let folders = folders.filter(|entry| entry.as_ref().is_ok_and(|entry| entry.path().is_dir()));
    assert_eq!(folders.count(), functions.len(), "every function is looked at");
    let caller = Caller::new();
    for (name, topics) in functions {
        let port = unused_port();
        let mut command = command(name);
        command
            .env("DATABASE_URL", &world.database_url)
            .env("DATA_DIR", files.path())
            .env("PORT", port.to_string())
            .env("PUBLIC_URL", "http://localhost")
            .env("LINK_SECRET", "0123456789abcdef0123456789abcdef")
            .env("DAPR_PUBSUB", "pubsub")
            .env("DAPR_HTTP_PORT", unused_port().to_string());
        if name == "sign-in" {
            command.envs([
                ("AUTH", "jwt"),
                ("JWT_ISSUER", "https://kaam.example.org"),
                ("JWT_AUDIENCE", "kaam"),
            ]);
            command.env("SIGNING_KEY", SigningKeys::generate());
        }
        let program = Starting::spawn(command);
        let ready = async || caller.call(port, "GET", "/ready", &Value::Null, &[]).await;
        let (status, ready) = eventually(name, ready).await;
        assert_eq!((status, &ready["dapr"]), (200, &json!("unreachable")), "{name}");
        let (_, list) =
            caller.call(port, "GET", "/dapr/subscribe", &Value::Null, &[]).await.expect("it serves");
        let list = list.as_array().expect("a list");
        assert_eq!(list.len(), topics, "{name}: {list:?}");
        for subscription in list {
            let route = subscription["route"].as_str().expect("a path");
            let answer = caller.call(port, "POST", route, &json!({"bad": 1}), &[]).await.expect("it serves");
            assert_eq!(answer, (200, json!({"status": "DROP"})), "{name} {route}");
        }
        let is_ticked = matches!(name, "scan-reminders" | "relay-events");
        let (status, _) =
            caller.call(port, "POST", &format!("/job/{name}"), &Value::Null, &[]).await.expect("it serves");
        assert_eq!(status, if is_ticked { 200 } else { 404 }, "{name}");
        program.kill().await;
    }
}

#[tokio::test]
async fn declared_subscriptions_lead_to_the_routes_of_the_functions() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../infra/dapr/subscriptions");
    let mut declared: Vec<_> = std::fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| std::fs::read_to_string(entry.expect("a file").path()).expect("a text"))
        .map(|text| {
            let line = |start: &str| {
                let found = text.lines().find_map(|line| line.trim().strip_prefix(start));
                found.unwrap_or_else(|| panic!("{start} in {text}")).trim().to_owned()
            };
            let topic = line("topic:");
            assert_eq!(line("deadLetterTopic:"), format!("{topic}.dlq"));
            assert_eq!(line("default:"), format!("/dapr/events/{topic}"));
            (line("- "), topic)
        })
        .collect();
    declared.sort();
    let expected = [
        ("send-reminder", "reminders"),
        ("spawn-recurrence", "task-events"),
        ("write-audit", "audit-events"),
        ("write-audit", "reminders"),
        ("write-audit", "task-events"),
    ];
    assert_eq!(declared, expected.map(|(function, topic)| (function.to_owned(), topic.to_owned())));
}
