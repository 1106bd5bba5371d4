//! What the code says of its functions, in place of what anybody wrote down of them.

use std::collections::{BTreeMap, BTreeSet};

use application::{Application, Connection};
use backend::{Parts, compose};
use chat_command::Backing;
use events::Topic;
use events::asyncapi::SENT;
use runtime::auth::SigningKeys;
use runtime::config::{Config, Environment};
use runtime::limits::Limits;
use runtime::main::Start;
use send_reminder::Courier;
use serde_json::Value;
use sign_in::Signing;
use store::grants::ROLES;
use tests::world::links;

/// A function as it is built.
#[derive(Debug)]
pub(crate) struct Function {
    /// Method and path of each operation.
    pub(crate) routes: BTreeSet<String>,
    /// The topics whose events it takes.
    pub(crate) receives: Vec<&'static str>,
    /// Whether a clock wakes it.
    pub(crate) ticks: bool,
    pub(crate) timeout_seconds: i64,
    /// Whether it has an answer without an end: events, as its document says.
    pub(crate) is_endless: bool,
    /// Its role in the database.
    pub(crate) role: Option<&'static str>,
}

/// Everything.
#[derive(Debug)]
pub(crate) struct Code {
    pub(crate) functions: BTreeMap<&'static str, Function>,
    /// Topics that have rows in the outbox.
    pub(crate) outbox: BTreeSet<Topic>,
}

impl Code {
    /// Builds every function, without a database. With a model, chat-command may take longer.
    pub(crate) async fn read() -> Self {
        Self::read_with(Some("http://127.0.0.1:1")).await
    }

    /// Builds every function likewise, with such an `OLLAMA_URL`.
    pub(crate) async fn read_with(model: Option<&str>) -> Self {
        let key = SigningKeys::generate();
        let settings = [
            ("AUTH", "jwt"),
            ("SIGNING_KEY", &key),
            ("JWT_ISSUER", "https://kaam.example"),
            ("JWT_AUDIENCE", "kaam"),
        ];
        let model = model.map(|url| ("OLLAMA_URL", url));
        let environment = Environment::from_pairs(settings.into_iter().chain(model));
        let config = Config::from_environment(&environment).expect("sound settings");
        let signing = Signing::from_environment(&config, &environment).expect("a sound key");
        let courier = Courier::from_environment(&environment).await.expect("sound settings");
        let start = Start::from_environment(environment).expect("sound settings");
        let backing = Backing::from_start(&start).expect("sound settings");
        let connection = Connection::new("postgres://nobody@127.0.0.1:1/none", "test", 1);
        let application = Application::new(&connection, config.time_zone, || {}).expect("a URL");
        let parts = Parts {
            courier,
            links: Some(links()),
            backing,
            signing,
            streams: Default::default(),
            retention: Default::default(),
        };
        let composed = compose(&application, &start.clock, parts, &start.metrics);
        let function = |built: runtime::function::Function| {
            let documents = [built.http.into_openapi(), built.public.into_openapi()];
            let documents = documents.map(|document| serde_json::to_value(document).expect("it is JSON"));
            let timeout = built.timeout.unwrap_or(Limits::default().request_deadline);
            let is_stream = |document: &Value| document.to_string().contains("\"text/event-stream\":");
            let function = Function {
                is_endless: documents.iter().any(is_stream),
                routes: documents.iter().flat_map(routes).collect(),
                receives: built.topics.to_vec(),
                ticks: built.triggers.is_some() && built.topics.is_empty(),
                timeout_seconds: i64::try_from(timeout.as_secs()).expect("not that long"),
                role: ROLES.iter().find(|role| role.of == built.name).map(|role| role.name),
            };
            (built.name, function)
        };
        let functions = composed.functions.into_iter().map(function).collect();
        Self { functions, outbox: SENT.iter().map(|(_, topic, _)| *topic).collect() }
    }
}

fn routes(document: &Value) -> Vec<String> {
    let paths = document["paths"].as_object().into_iter().flatten();
    let of_path = |(path, methods): (&String, &Value)| {
        let methods = methods.as_object().into_iter().flatten().map(|(method, _)| method.to_uppercase());
        methods.map(|method| format!("{method} {path}")).collect::<Vec<_>>()
    };
    paths.flat_map(of_path).collect()
}
