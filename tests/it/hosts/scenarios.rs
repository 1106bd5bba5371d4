//! What has to be the same wherever it runs, each told once. Every effect is looked for in the database and through the API.

use std::time::Duration;

use events::cloud_event::render;
use events::{Event, JsonText};
use runtime::clock::{Clock, Stopwatch, new_id};
use serde_json::{Value, json};
use tests::database::{rows, run};
use tests::process::eventually;
use tests::world::path_of;

use super::host::{HELD, Host, inject, rest};
use super::poison::{Fate, KINDS, Sample};

/// How soon the next good record has to be handled after a bad one.
const NEXT_WITHIN: Duration = Duration::from_secs(2);
/// What a bus can not do, if there is something.
pub(super) type Lacking = Option<String>;

/// A user of a scenario.
struct Client<'a, H> {
    host: &'a H,
    user: &'static str,
}

impl<'a, H: Host> Client<'a, H> {
    fn new(host: &'a H, user: &'static str) -> Self {
        Self { host, user }
    }

    async fn ok(&self, method: &str, path: &str, body: &Value) -> Value {
        self.ok_as(method, path, body, &format!("of {}", self.user)).await
    }

    async fn ok_as(&self, method: &str, path: &str, body: &Value, correlation: &str) -> Value {
        let (status, answer) = self.host.call(method, path, body, self.user, correlation).await;
        assert_eq!(status, 200, "{method} {path}: {answer}");
        answer
    }

    async fn create(&self, body: Value, correlation: &str) -> Value {
        self.ok_as("POST", "/api/tasks", &body, correlation).await
    }

    /// Gives the actions in a task's history.
    async fn history(&self, task: &Value) -> Vec<String> {
        let history = self.ok("GET", &format!("{}/history", path_of(task)), &Value::Null).await;
        let entries = history["entries"].as_array().expect("a history has entries");
        entries.iter().filter_map(|entry| Some(entry["action"].as_str()?.to_owned())).collect()
    }

    /// Waits until a task's history is this, in the log and in the API, which also shows what is on its way to the log.
    async fn awaits_history(&self, task: &Value, expected: &[&str]) {
        let id = task["id"].as_str().expect("an id");
        let query = format!("SELECT action FROM audit_logs WHERE entity_id = '{id}' ORDER BY seq");
        eventually(&format!("the history of {} is {expected:?}", self.user), async || {
            let logged = rows(&self.host.place().database_url, &query).await;
            let is_logged = logged
                .iter()
                .map(|row| row["action"].as_str().unwrap_or_default())
                .eq(expected.iter().copied());
            (is_logged && self.history(task).await == expected).then_some(())
        })
        .await;
    }

    /// Gives the user's open tasks other than this one.
    async fn others(&self, task: &Value) -> Vec<Value> {
        let page = self.ok("GET", "/api/tasks?status=active", &Value::Null).await;
        let tasks = page["tasks"].as_array().expect("a page has tasks").iter();
        tasks.filter(|other| other["id"] != task["id"]).cloned().collect()
    }

    /// Counts rows of the user's in a table.
    async fn count(&self, what: &str) -> i64 {
        let and = if what.contains(" WHERE ") { "AND" } else { "WHERE" };
        self.host.place().count(&format!("{what} {and} user_id = '{}'", self.user)).await
    }

    /// Changes a task so that the event is not published, and gives that event.
    async fn held(&self, method: &str, path: &str, body: &Value, name: &str) -> (Value, Event) {
        let correlation = format!("{HELD}{name}");
        let answer = self.ok_as(method, path, body, &correlation).await;
        let mut events = self.host.place().events(&correlation).await;
        assert_eq!(events.len(), 1, "one change, one event");
        (answer, events.remove(0))
    }
}

fn daily(title: &str) -> Value {
    json!({"title": title, "due_date": "2027-06-02T09:00:00Z", "recurrence_rule": {"pattern": "daily"}})
}

/// A task whose reminder is due in a second.
fn reminded(title: &str) -> Value {
    let due = (Clock::system().now() + Duration::from_secs(1)).to_rfc3339();
    json!({"title": title, "due_date": due,
           "reminder_config": {"lead_time": "0m", "destination": "amna@example.org"}})
}

/// A task is created, its event goes over the bus, and its history has it.
pub(super) async fn create(host: &impl Host) -> Lacking {
    let client = Client::new(host, "creator");
    let task = client.create(json!({"title": "دودھ لانا", "priority": "high"}), "find me").await;
    client.awaits_history(&task, &["task.created"]).await;
    let history = client.ok("GET", &format!("{}/history", path_of(&task)), &Value::Null).await;
    let entry = &history["entries"][0];
    assert_eq!((&entry["actor_id"], &entry["correlation_id"]), (&json!("creator"), &json!("find me")));
    assert_eq!(entry["new_values"]["title"], "دودھ لانا");
    rest(host).await;
    assert_eq!(client.count("audit_logs WHERE correlation_id = 'find me'").await, 1);
    assert_eq!(client.count("events WHERE status = 'processed'").await, 1);
    assert_eq!(client.ok("GET", &path_of(&task), &Value::Null).await, task);
    None
}

/// Who completes a recurring task finds one successor.
pub(super) async fn complete(host: &impl Host) -> Lacking {
    let client = Client::new(host, "completer");
    let task = client.create(daily("water the plants"), "of completer").await;
    for _ in 0..3 {
        client.ok("POST", &format!("{}/complete", path_of(&task)), &Value::Null).await;
    }
    let next = eventually("the successor is there", async || client.others(&task).await.pop()).await;
    assert_eq!(
        (&next["due_date"], &next["parent_task_id"]),
        (&json!("2027-06-03T09:00:00+00:00"), &task["id"])
    );
    client.awaits_history(&next, &["task.created"]).await;
    rest(host).await;
    assert_eq!(client.others(&task).await.len(), 1);
    assert_eq!(client.count("tasks").await, 2);
    assert_eq!(client.history(&task).await, ["task.created", "task.completed"]);
    assert_eq!(client.count("audit_logs").await, 3);
    None
}

/// A reminder that is due is one mail.
pub(super) async fn remind(host: &impl Host) -> Lacking {
    let client = Client::new(host, "reminded");
    let task = client.create(reminded("call the bank of Amna"), "of reminded").await;
    awaits_sent(&client, &task).await;
    rest(host).await;
    let reminders = client.ok("GET", &format!("{}/reminders", path_of(&task)), &Value::Null).await;
    assert_eq!(reminders["reminders"][0]["attempts"].as_array().map(Vec::len), Some(1), "{reminders}");
    assert_eq!(host.place().mails_with("call the bank of Amna"), 1);
    assert_eq!(client.count("reminders WHERE status = 'sent'").await, 1);
    assert_eq!(client.count("audit_logs WHERE action IN ('reminder.due', 'reminder.sent')").await, 2);
    None
}

async fn awaits_sent(client: &Client<'_, impl Host>, task: &Value) {
    eventually("the reminder is sent", async || {
        let reminders = client.ok("GET", &format!("{}/reminders", path_of(task)), &Value::Null).await;
        (reminders["reminders"][0]["status"] == "sent").then_some(())
    })
    .await;
}

/// A conversation creates, is asked back, and deletes after a yes.
pub(super) async fn chat(host: &impl Host) -> Lacking {
    let client = Client::new(host, "talker");
    let say = async |text: &str| {
        let body = json!({"user_input": text, "conversation_id": "test-conv-1"});
        client.ok("POST", "/chat/command", &body).await
    };
    let said = say("Create a task to buy milk tomorrow at 5pm").await;
    assert_eq!(
        (&said["intent_detected"], &said["skill_agent_used"]),
        (&json!("create_task"), &json!("TaskAgent"))
    );
    assert!(said["confidence_score"].as_f64() > Some(0.8), "{said}");
    let milk = said["task_created"].clone();
    assert_eq!(milk["title"], "buy milk");
    let asked = say("remind me to call Amna").await;
    assert_eq!(asked["clarification_needed"], true, "{asked}");
    let told = say("tomorrow at 6pm").await;
    assert_eq!(told["task_created"]["title"], "call Amna", "{told}");
    let proposed = say("delete it").await;
    assert_eq!(proposed["confirmation_needed"], true, "{proposed}");
    assert_eq!(client.count("tasks WHERE status = 'deleted'").await, 0);
    let deleted = say("yes").await;
    assert_eq!(deleted["intent_detected"], "delete_task", "{deleted}");
    let open = client.others(&Value::Null).await;
    assert_eq!(open.iter().map(|task| &task["title"]).collect::<Vec<_>>(), [&json!("buy milk")]);
    client.awaits_history(&told["task_created"], &["task.created", "task.deleted"]).await;
    client.awaits_history(&milk, &["task.created"]).await;
    let conversation = client.ok("GET", "/chat/conversations/test-conv-1", &Value::Null).await;
    assert_eq!(conversation["messages"].as_array().map(Vec::len), Some(10));
    assert_eq!(client.count("tasks WHERE status = 'deleted'").await, 1);
    None
}

/// Who listens is told of each change that another function made, once.
pub(super) async fn updates(host: &impl Host) -> Lacking {
    let client = Client::new(host, "listener");
    let mut updates = match host.updates("listener").await {
        Ok(updates) => updates,
        Err(why) => return Some(format!("but there are no streams: {why}")),
    };
    let task = client.create(json!({"title": "seen elsewhere"}), "of listener").await;
    let id = task["id"].as_str().expect("an id");
    assert_eq!(updates.change().await, (id.to_owned(), 1, "created".to_owned()));
    client.ok("POST", &format!("{}/complete", path_of(&task)), &Value::Null).await;
    assert_eq!(updates.change().await, (id.to_owned(), 2, "completed".to_owned()));
    None
}

/// The same event, twice at once and again later, has one effect.
pub(super) async fn duplicate(host: &impl Host) -> Lacking {
    let client = Client::new(host, "doubled");
    let task = client.create(daily("feed the cat"), "of doubled").await;
    let path = format!("{}/complete", path_of(&task));
    let (_, completed) = client.held("POST", &path, &Value::Null, "duplicate").await;
    let called = client.create(reminded("call the cat"), "of doubled").await;
    inject(host, &completed).await;
    inject(host, &completed).await;
    eventually("the successor is there", async || client.others(&called).await.pop()).await;
    awaits_sent(&client, &called).await;
    rest(host).await;
    let due = rows(
        &host.place().database_url,
        "SELECT correlation_id FROM events WHERE user_id = 'doubled' AND event_type = 'reminder.due'",
    )
    .await;
    let due = host.place().events(due[0]["correlation_id"].as_str().expect("a text")).await;
    let due = due.iter().find(|event| event.event_type == "reminder.due").expect("it was published");
    let before = (client.count("audit_logs").await, client.count("events").await);
    for _ in 0..2 {
        inject(host, due).await;
        inject(host, &completed).await;
        rest(host).await;
    }
    assert_eq!((client.count("audit_logs").await, client.count("events").await), before);
    assert_eq!(client.others(&called).await.len(), 1, "one successor");
    assert_eq!(client.count("tasks").await, 3);
    assert_eq!(client.history(&task).await, ["task.created", "task.completed"]);
    assert_eq!(host.place().mails_with("call the cat"), 1);
    assert_eq!(client.count("reminder_attempts").await, 1);
    None
}

/// A later event that comes before an earlier one leaves what their order would have left.
pub(super) async fn reorder(host: &impl Host) -> Lacking {
    let client = Client::new(host, "reordered");
    let task = client.create(daily("sweep the floor"), "of reordered").await;
    let path = path_of(&task);
    let (_, completed) = client.held("POST", &format!("{path}/complete"), &Value::Null, "completed").await;
    let (_, reopened) = client.held("POST", &format!("{path}/reopen"), &Value::Null, "reopened").await;
    inject(host, &reopened).await;
    rest(host).await;
    inject(host, &completed).await;
    rest(host).await;
    assert_eq!(client.others(&task).await, Vec::<Value>::new(), "it is open, so nothing follows it");
    assert_eq!(client.count("tasks").await, 1);
    assert_eq!(client.count("audit_logs").await, 3);
    assert_eq!(client.history(&task).await, ["task.created", "task.completed", "task.reopened"]);
    assert_eq!(client.ok("GET", &path, &Value::Null).await["status"], "active");
    // The same events in order, of another one: what follows is there, although the bus brings an older one again.
    let (_, again) = client.held("POST", &format!("{path}/complete"), &Value::Null, "again").await;
    inject(host, &again).await;
    eventually("the successor is there", async || client.others(&task).await.pop()).await;
    inject(host, &reopened).await;
    rest(host).await;
    assert_eq!(client.others(&task).await.len(), 1, "what was reopened is completed by now");
    None
}

/// What was put aside comes back when its cause is gone.
pub(super) async fn replay(host: &impl Host) -> Lacking {
    let client = Client::new(host, "replayed");
    let place = host.place();
    let refused = "INSERT INTO refused VALUES ('refuse me')";
    run(&place.database_url, refused).await;
    let task = client.create(json!({"title": "pay the rent"}), "refuse me").await;
    let key = task["id"].as_str().expect("an id");
    eventually("it is put aside", async || {
        let dead = host.dead_letters("task-events").await;
        dead.into_iter().find(|dead| dead.is_of("write-audit", key))
    })
    .await;
    assert_eq!(client.count("audit_logs").await, 0);
    assert_eq!(client.history(&task).await, ["task.created"], "what a user has seen does not vanish");
    run(&place.database_url, "DELETE FROM refused").await;
    host.replay().await;
    client.awaits_history(&task, &["task.created"]).await;
    rest(host).await;
    assert_eq!(client.count("audit_logs").await, 1);
    None
}

/// One that is bad among good ones takes none of them with it.
async fn among_good(client: &Client<'_, impl Host>) {
    let host = client.host;
    let (task, first) = client.held("POST", "/api/tasks", &json!({"title": "among"}), "first").await;
    let path = path_of(&task);
    let (_, second) = client.held("PATCH", &path, &json!({"priority": "high"}), "second").await;
    let (_, third) = client.held("PATCH", &path, &json!({"priority": "low"}), "third").await;
    let mut bad = first.clone();
    (bad.event_id, bad.payload) = (new_id(Clock::system().now()), JsonText::of(&json!({"no": "payload"})));
    for event in [&first, &bad, &second, &bad, &third] {
        inject(host, event).await;
    }
    client.awaits_history(&task, &["task.created", "task.updated", "task.updated"]).await;
    let key = first.key;
    eventually("the bad one is put aside", async || {
        let dead = host.dead_letters("task-events").await;
        dead.into_iter().find(|dead| dead.is_of("write-audit", &key))
    })
    .await;
}

/// What can not be handled is put aside with its reason, and holds the next one of its partition up for two seconds at most.
pub(super) async fn poison(host: &impl Host) -> Lacking {
    let client = Client::new(host, "poisoned");
    let (mut lacking, mut slowest) = (Vec::new(), Duration::ZERO);
    for (number, (name, fate, make)) in KINDS.iter().enumerate() {
        let body = json!({"title": format!("{name} comes before me"), "recurrence_rule": {"pattern": "daily"},
                          "due_date": "2027-06-02T09:00:00Z"});
        let (task, good) = client.held("POST", "/api/tasks", &body, &format!("good {number}")).await;
        let id = new_id(Clock::system().now());
        let sample = Sample { good: &render(&good), id: &id.to_string() };
        if let Err(why) = host.inject("task-events", &good.key, &make(&sample)).await {
            lacking.push((*name, why));
            continue;
        }
        inject(host, &good).await;
        let watch = Stopwatch::start();
        let audited = format!("audit_logs WHERE event_id = '{}'", good.event_id);
        eventually(&format!("what comes after {name} is handled"), async || {
            (client.count(&audited).await == 1).then_some(())
        })
        .await;
        slowest = slowest.max(watch.elapsed());
        assert!(watch.elapsed() <= NEXT_WITHIN, "{name} held the next one up for {:?}", watch.elapsed());
        let has_taken = async || host.place().count(&format!("audit_logs WHERE event_id = '{id}'")).await;
        match fate {
            Fate::Dead => {
                let letter = eventually(&format!("{name} is put aside"), async || {
                    let dead = host.dead_letters("task-events").await;
                    dead.into_iter().find(|dead| dead.is_of("write-audit", &good.key))
                })
                .await;
                assert!(letter.reason.len() > 10, "{name}: {letter:?}");
                assert_eq!(has_taken().await, 0, "{name}");
            }
            Fate::Done => {
                rest(host).await;
                assert_eq!(has_taken().await, 1, "{name}");
                let dead = host.dead_letters("task-events").await;
                assert!(dead.iter().all(|dead| dead.key != good.key), "{name}: {dead:?}");
            }
            Fate::Ineffective => {
                rest(host).await;
                assert_eq!(client.history(&task).await, ["task.created"], "{name}");
                assert_eq!(client.ok("GET", &path_of(&task), &Value::Null).await, task, "{name}");
                assert_eq!(host.place().count("tasks WHERE user_id = 'mallory'").await, 0, "{name}");
            }
        }
    }
    among_good(&client).await;
    eprintln!("    the next one after poison: {slowest:.0?} at most");
    let &(_, why) = lacking.first()?;
    let (first, count, of) = (lacking[0].0, lacking.len(), KINDS.len());
    Some(format!("but {count} of {of} kinds of poison, such as {first}: {why}"))
}
