//! Every function over a database of its own, with a clock that stands still until the test turns it. Each connects to the database
//! as a role that may do what [`store::grants`] says: what it may not and needs makes a test red.

use std::collections::HashMap;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

use application::links::Links;
use application::{Application, Connection};
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, Response, StatusCode, header};
use backend::{Parts, compose_each};
use chat_command::{Backing, Memory, Model};
use chrono::{DateTime, Utc};
use devkit::testing::{self, TestDirectory};
use http_body_util::BodyExt;
use relay_events::Outbox;
use runtime::clock::Clock;
use runtime::config::{Config, Environment};
use runtime::disposition::Disposition;
use runtime::host::server::App;
use runtime::metrics::Metrics;
use runtime::triggers;
use send_reminder::{Courier, Mailer, Push};
use serde_json::{Value, json};
use sign_in::Signing;
use tower::ServiceExt;

use crate::roles;

/// Every function over a database of its own.
pub struct World {
    /// Turned by the test; starts at [`START`].
    pub clock: Clock,
    /// The use cases.
    pub application: Application,
    /// The outbox and the bus of the process.
    pub outbox: Outbox,
    /// The database.
    pub database_url: String,
    connecting: Connecting,
    zone: chrono_tz::Tz,
    settings: Environment,
    courier: Courier,
    backing: Backing,
    router: Router,
    scan: Router,
    consumers: HashMap<&'static str, Router>,
    topics: Vec<(&'static str, &'static [&'static str])>,
    mail: Arc<TestDirectory>,
}

/// As whom functions connect.
#[derive(Clone, Copy)]
enum Connecting {
    /// All as the owner of the tables.
    AsOwner,
    /// Each as a role of its own; the world itself as the owner.
    AsRoles,
}

/// The instant at which every world begins: a Monday.
pub const START: &str = "2026-06-01T06:00:00Z";

/// What a request was answered.
#[derive(Debug, Clone)]
pub struct Answered {
    /// The status.
    pub status: StatusCode,
    /// The header fields.
    pub headers: HeaderMap,
    /// The body, byte for byte.
    pub bytes: Vec<u8>,
}

impl Answered {
    /// Gives the body as JSON; null when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_default()
    }

    /// Gives the JSON body of an answer that must be a success.
    pub fn ok(&self) -> Value {
        assert_eq!(self.status, StatusCode::OK, "{}", String::from_utf8_lossy(&self.bytes));
        self.json()
    }

    /// Gives the fields that a problem names, sorted.
    pub fn wrong_fields(&self) -> Vec<String> {
        let body = self.json();
        let errors = body["errors"].as_array().cloned().unwrap_or_default();
        let mut fields: Vec<_> =
            errors.iter().map(|error| error["field"].as_str().unwrap_or_default().to_owned()).collect();
        fields.sort();
        fields
    }
}

/// Gives the path of a task.
pub fn path_of(task: &Value) -> String {
    format!("/api/tasks/{}", task["id"].as_str().expect("a task has an id"))
}

impl World {
    /// Makes a world whose users live in UTC.
    pub async fn new() -> Self {
        Self::in_zone(chrono_tz::UTC).await
    }

    /// Makes a world whose functions all connect to the database as the owner of the tables, as they do in one process.
    pub async fn with_one_role() -> Self {
        Self::new().await.beside_in_one_role()
    }

    /// Makes a second instance whose functions all connect so, and know what the others of them know.
    pub fn beside_in_one_role(mut self) -> Self {
        self.connecting = Connecting::AsOwner;
        self.beside()
    }

    /// Makes a world whose users live in `zone` until they say otherwise.
    pub async fn in_zone(zone: chrono_tz::Tz) -> Self {
        let mail = TestDirectory::new();
        let from = "Kaam <kaam@localhost>".parse().expect("an address");
        let mailer = Mailer::spool(mail.path().join("mail"), from);
        let clock = Clock::manual(START.parse().expect("an instant"));
        let courier = Courier::new(mailer, Push::not_configured());
        Self::over(
            new_database().await,
            (zone, Environment::default()),
            clock,
            courier,
            backing(),
            Arc::new(mail),
        )
    }

    /// Makes a world whose server has settings of its own, such as `AUTH=jwt`.
    pub async fn with_settings<'a>(settings: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut world = Self::new().await;
        world.settings = Environment::from_pairs(settings);
        world.beside()
    }

    /// Makes a second instance that reaches the same database by another URL.
    pub fn beside_at(&self, database_url: impl Into<String>) -> Self {
        self.beside_on(database_url.into(), self.backing.clone())
    }

    /// Makes one that asks the model of an Ollama server, whose answers are waited for for so long.
    pub fn beside_with_model(&self, url: &str, deadline_ms: u64) -> Self {
        let settings = [("OLLAMA_URL", url.to_owned()), ("OLLAMA_DEADLINE_MS", deadline_ms.to_string())];
        let model = Model::from_environment(&Environment::from_pairs(settings), self.clock.clone());
        let backing = Backing { model: model.expect("sound settings"), ..self.backing.clone() };
        self.beside_on(self.database_url.clone(), backing)
    }

    /// Makes a world with the model of an Ollama server, whose answers are waited for for so long.
    pub async fn with_model(url: &str, deadline_ms: u64) -> Self {
        Self::new().await.beside_with_model(url, deadline_ms)
    }

    /// Makes a world whose mails go through `mailer`.
    pub async fn with_mailer(mailer: Mailer) -> Self {
        Self::with_courier(Courier::new(mailer, Push::not_configured())).await
    }

    /// Makes a world whose reminders go through `courier`.
    pub async fn with_courier(courier: Courier) -> Self {
        let clock = Clock::manual(START.parse().expect("an instant"));
        let mail = Arc::new(TestDirectory::new());
        let settings = (chrono_tz::UTC, Environment::default());
        Self::over(new_database().await, settings, clock, courier, backing(), mail)
    }

    /// Makes a second instance of everything on the same database, with the same clock and mails.
    pub fn beside(&self) -> Self {
        self.beside_on(self.database_url.clone(), self.backing.clone())
    }

    /// Makes a second instance that keeps elsewhere what conversations are about.
    pub fn with_memory(&self, memory: Memory) -> Self {
        self.beside_on(self.database_url.clone(), Backing { memory, ..self.backing.clone() })
    }

    /// Makes one that reads everything and can commit nothing, as after a failover.
    pub fn beside_and_unable_to_commit(&self) -> Self {
        let link = if self.database_url.contains('?') { '&' } else { '?' };
        let url = format!("{}{link}options=-c%20default_transaction_read_only%3Don", self.database_url);
        self.beside_on(url, self.backing.clone())
    }

    fn beside_on(&self, database_url: String, backing: Backing) -> Self {
        let (clock, courier, mail) = (self.clock.clone(), self.courier.clone(), Arc::clone(&self.mail));
        let settings = (self.zone, self.settings.clone());
        Self::connecting(self.connecting, database_url, settings, clock, courier, backing, mail)
    }

    fn over(
        database_url: String,
        settings: (chrono_tz::Tz, Environment),
        clock: Clock,
        courier: Courier,
        backing: Backing,
        mail: Arc<TestDirectory>,
    ) -> Self {
        Self::connecting(Connecting::AsRoles, database_url, settings, clock, courier, backing, mail)
    }

    fn connecting(
        connecting: Connecting,
        database_url: String,
        (zone, settings): (chrono_tz::Tz, Environment),
        clock: Clock,
        courier: Courier,
        backing: Backing,
        mail: Arc<TestDirectory>,
    ) -> Self {
        let config = Config::from_environment(&settings).expect("the settings are sound");
        let open = |url: String, name| {
            let application = Application::new(&Connection::new(url, name, 4), zone, || {}).expect("a URL");
            application.with_quotas(config.quotas)
        };
        let application = open(database_url.clone(), "test");
        let each = |name: &'static str| match connecting {
            Connecting::AsOwner => application.clone(),
            Connecting::AsRoles => open(roles::url_of(&database_url, name), name),
        };
        let (metrics, links) = (Metrics::new(), Some(links()));
        let signing = Signing::from_environment(&config, &settings).expect("a sound key");
        let (courier_too, backing_too) = (courier.clone(), backing.clone());
        let streams = stream_updates::Limits::from_environment(&settings).expect("sound limits");
        let retention = relay_events::Retention::from_environment(&settings).expect("a sound retention");
        let parts = Parts { courier: courier_too, links, backing: backing_too, signing, streams, retention };
        let composition = compose_each(each, &clock, parts, &metrics);
        let triggers =
            composition.functions.iter().map(|function| (function.name, function.triggers.clone()));
        let consumers = triggers.filter_map(|(name, router)| Some((name, router?))).collect();
        let topics = composition.functions.iter().map(|function| (function.name, function.topics)).collect();
        let router = App::new(&config, composition.functions).clock(clock.clone()).router();
        let (outbox, scan) = (composition.outbox, composition.scan);
        Self {
            clock,
            application,
            connecting,
            outbox,
            database_url,
            zone,
            settings,
            courier,
            backing,
            router,
            scan,
            consumers,
            topics,
            mail,
        }
    }

    /// Gives each function with the topics whose events it takes.
    pub fn topics(&self) -> Vec<(&'static str, &'static [&'static str])> {
        self.topics.clone()
    }

    /// Hands events to one function, as a bus would.
    pub async fn deliver(&self, function: &str, events: &[Value]) -> Vec<Disposition> {
        let rendered: Vec<_> = events.iter().map(Value::to_string).collect();
        triggers::deliver(&self.consumers[function], &rendered).await
    }

    /// Gives the route on which a function takes events or ticks.
    pub fn trigger(&self, function: &str) -> Router {
        self.consumers[function].clone()
    }

    /// Sends a request whose answer need not end, and gives that with what is still to come of it.
    pub async fn begin(&self, request: Request<Body>) -> Response<Body> {
        self.router.clone().oneshot(request).await.expect("a router never fails")
    }

    /// Sends a request.
    pub async fn send(&self, request: Request<Body>) -> Answered {
        let (parts, body) = self.begin(request).await.into_parts();
        let bytes = body.collect().await.expect("a body in memory").to_bytes().to_vec();
        Answered { status: parts.status, headers: parts.headers, bytes }
    }

    /// Sends JSON.
    pub async fn call(&self, method: &str, path: &str, body: &Value) -> Answered {
        self.call_with(method, path, body, &[]).await
    }

    /// Sends JSON with header fields.
    pub async fn call_with(
        &self,
        method: &str,
        path: &str,
        body: &Value,
        headers: &[(&str, &str)],
    ) -> Answered {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = match body {
            Value::Null => Body::empty(),
            _ => {
                request = request.header(header::CONTENT_TYPE, "application/json");
                Body::from(body.to_string())
            }
        };
        self.send(request.body(body).expect("a request")).await
    }

    /// Gets.
    pub async fn get(&self, path: &str) -> Answered {
        self.call("GET", path, &Value::Null).await
    }

    /// Posts.
    pub async fn post(&self, path: &str, body: Value) -> Answered {
        self.call("POST", path, &body).await
    }

    /// Patches.
    pub async fn patch(&self, path: &str, body: Value) -> Answered {
        self.call("PATCH", path, &body).await
    }

    /// Deletes.
    pub async fn delete(&self, path: &str) -> Answered {
        self.call("DELETE", path, &Value::Null).await
    }

    /// Creates a task and gives it.
    pub async fn create(&self, body: Value) -> Value {
        self.post("/api/tasks", body).await.ok()
    }

    /// Delivers every event, and every event that those cause.
    pub async fn settle(&self) {
        while self.outbox.drain().await.expect("the database is there") > 0 {}
    }

    /// Turns the clock and does all that is due: announces reminders, delivers events.
    pub async fn advance_to(&self, now: &str) {
        self.clock.set(now.parse::<DateTime<Utc>>().expect("an instant"));
        self.scan().await;
    }

    /// Announces the reminders that are due and delivers every event.
    pub async fn scan(&self) {
        self.announce().await;
        self.settle().await;
    }

    /// Creates a task, makes it recur and completes it, and creates another one whose reminder is due `soon`;
    /// then turns the clock and announces it.
    pub async fn work(&self, number: u64, soon: Duration) {
        let due = (self.clock.now() + soon).to_rfc3339();
        let recurring = json!({"title": format!("recurring {number}"), "due_date": due,
                               "recurrence_rule": {"pattern": "daily"}});
        let task = self.create(recurring).await;
        self.patch(&path_of(&task), json!({"priority": "high"})).await.ok();
        self.post(&format!("{}/complete", path_of(&task)), Value::Null).await.ok();
        let reminded = json!({"title": format!("reminded {number}"), "due_date": due,
                              "reminder_config": {"lead_time": "0m", "destination": "amna@example.org"}});
        self.create(reminded).await;
        self.clock.advance(soon);
        self.announce().await;
    }

    /// Announces the reminders that are due; nothing is sent yet.
    pub async fn announce(&self) {
        assert_eq!(triggers::tick(&self.scan).await, Disposition::Done);
    }

    /// Gives the mails that were written, sorted by their content.
    pub fn mails(&self) -> Vec<String> {
        let folder = fs::read_dir(self.mail.path().join("mail"));
        let paths = folder.into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
        let whole = paths.filter(|path| path.extension().is_some_and(|extension| extension == "eml"));
        let mut mails: Vec<_> = whole.filter_map(|path| fs::read_to_string(path).ok()).collect();
        mails.sort();
        mails
    }
}

/// Gives what makes the links in mails of every world.
pub fn links() -> Links {
    Links::new("http://localhost:8000", "a secret of the tests, and of nobody else").expect("sound settings")
}

async fn new_database() -> String {
    let migrate = async |url: &str| {
        store::migrate(url).await?;
        roles::make(url).await
    };
    testing::database(migrate).await.url
}

/// A chat that remembers in the database, and asks nobody.
fn backing() -> Backing {
    Backing { memory: Memory::in_postgresql(), model: None }
}
