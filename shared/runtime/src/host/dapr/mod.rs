//! Beside a Dapr sidecar: the same HTTP server, with the routes that the sidecar calls.
//!
//! | route | what |
//! |---|---|
//! | `GET /dapr/config`, `GET /dapr/subscribe` | what is asked at the start: one subscription for each topic |
//! | `POST /dapr/events/{topic}` | an event or several, answered with `SUCCESS`, `RETRY` or `DROP`; of declared subscriptions, too |
//! | `POST /job/{function}`, `POST /dapr/cron` | a tick, from the Jobs API or from a cron binding with that route |
//!
//! They are for the sidecar alone: what comes by way of an invocation, from another app, is refused, and with `APP_API_TOKEN`
//! whatever does not bear it.

mod delivery;
mod guard;
mod settings;
mod ticks;
mod topics;

use axum::{Json, Router, middleware, routing::get};
use serde_json::{Value, json};

use crate::{
    function::{Check, Function},
    limits::Limits,
    metrics::Metrics,
};

use delivery::Deliveries;
pub use settings::Settings;

/// What the functions of a process are to the sidecar when there are several.
const SEVERAL: &str = "dapr";
/// Where the events of a topic are posted to.
const EVENTS: &str = "/dapr/events/";

/// Adds what a sidecar calls, for the topics of all these functions together: a process is one consumer group. One that is alone also
/// takes ticks, and has a job made for them; of several the process itself knows when it is time.
///
/// `/ready` shows whether the sidecar answers; nothing but the bus is missing without it.
pub fn attach(mut functions: Vec<Function>, settings: &Settings, metrics: &Metrics) -> Vec<Function> {
    let deliveries = Deliveries::new(&functions, metrics);
    let mut routes = Router::new()
        .route("/dapr/config", get(async || Json(json!({}))))
        .route("/dapr/subscribe", get(subscriptions(&deliveries, settings)))
        .merge(deliveries.router());
    let mut job = None;
    if let [function] = functions.as_mut_slice() {
        if function.topics.is_empty() {
            if let Some(trigger) = &function.triggers {
                routes = routes.merge(ticks::router(function.name, trigger));
                job = settings.schedule.clone().map(|schedule| (function.name, schedule));
            }
        } else {
            // What any app may invoke must bring no events.
            function.triggers = None;
        }
    }
    let guard = guard::Guard::new(settings.token.as_ref());
    let routes = routes.layer(middleware::from_fn_with_state(guard, guard::admit));
    let sidecar = settings.sidecar.clone();
    let is_there = move || {
        let sidecar = sidecar.clone();
        async move { sidecar.is_there().await }
    };
    let bearer = match functions.len() {
        1 => functions.pop().expect("there is one"),
        _ => {
            let timeouts = functions.iter().filter_map(|function| function.timeout);
            let longest = timeouts.fold(Limits::default().request_deadline, std::cmp::Ord::max);
            Function::new(SEVERAL).timeout(longest)
        }
    };
    // They are guarded by themselves.
    let mut bearer = bearer.public(routes.into()).ready_when(Check::optional("dapr", is_there));
    if let Some((name, schedule)) = job {
        let sidecar = settings.sidecar.clone();
        bearer = bearer.background(move |stop| async move {
            stop.run_until_cancelled(ticks::schedule(&sidecar, name, &schedule)).await;
        });
    }
    functions.push(bearer);
    functions
}

/// Answers what the app subscribes to.
fn subscriptions(
    deliveries: &Deliveries,
    settings: &Settings,
) -> impl Clone + Send + Sync + 'static + Fn() -> std::future::Ready<Json<Value>> {
    let list = deliveries.topics().map(|topic| topics::subscription(topic, settings)).collect::<Vec<_>>();
    let list = Value::from(list);
    move || std::future::ready(Json(list.clone()))
}

#[cfg(test)]
mod tests;
