//! What the code says of its functions, in place of what anybody wrote down of them.

use std::collections::{BTreeMap, BTreeSet};

use application::{Application, Connection};
use backend::compose;
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
pub(super) struct Function {
    /// Method and path of each operation.
    pub(super) routes: BTreeSet<String>,
    /// The topics whose events it takes.
    pub(super) receives: Vec<&'static str>,
    /// Whether a clock wakes it.
    pub(super) ticks: bool,
    pub(super) timeout_seconds: i64,
    /// Its role in the database.
    pub(super) role: Option<&'static str>,
}

/// Everything.
#[derive(Debug)]
pub(super) struct Code {
    pub(super) functions: BTreeMap<&'static str, Function>,
    /// Topics that have rows in the outbox.
    pub(super) outbox: BTreeSet<Topic>,
}

impl Code {
    /// Builds every function, without a database.
    pub(super) async fn read() -> Self {
        let key = SigningKeys::generate();
        let environment = Environment::from_pairs([
            ("AUTH", "jwt"),
            ("SIGNING_KEY", &key),
            ("JWT_ISSUER", "https://kaam.example"),
            ("JWT_AUDIENCE", "kaam"),
            // The function takes longer with a model.
            ("OLLAMA_URL", "http://127.0.0.1:1"),
        ]);
        let config = Config::from_environment(&environment).expect("sound settings");
        let signing = Signing::from_environment(&config, &environment).expect("a sound key");
        let courier = Courier::from_environment(&environment).await.expect("sound settings");
        let start = Start::from_environment(environment).expect("sound settings");
        let backing = Backing::from_start(&start).expect("sound settings");
        let connection = Connection::new("postgres://nobody@127.0.0.1:1/none", "test", 1);
        let application = Application::new(&connection, config.time_zone, || {}).expect("a URL");
        let composed =
            compose(&application, &start.clock, courier, Some(links()), backing, signing, &start.metrics);
        let function = |built: runtime::function::Function| {
            let documents = [built.http.into_openapi(), built.public.into_openapi()];
            let documents = documents.map(|document| serde_json::to_value(document).expect("it is JSON"));
            let timeout = built.timeout.unwrap_or(Limits::default().request_deadline);
            let function = Function {
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
