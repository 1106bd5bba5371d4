//! Ticks: a job of the Jobs API, which is due once for all replicas, or a cron binding.

use std::time::Duration;

use axum::{
    Router,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::post,
};

use crate::{
    backoff, clock::random_fraction, dapr::Sidecar, disposition::Disposition, problem::Problem,
    triggers::tick,
};

/// The route of a cron binding; its component must name it.
const CRON: &str = "/dapr/cron";
/// The first wait before a job is registered once more is at most this long; each next one at most twice as long.
const BACKOFF_BASE: Duration = Duration::from_millis(500);
const BACKOFF_CAP: Duration = Duration::from_secs(30);

/// Gives the routes of a function that takes ticks. Whatever is posted, a tick is a tick.
pub(super) fn router(function: &str, trigger: &Router) -> Router {
    let take = {
        let trigger = trigger.clone();
        move || {
            let trigger = trigger.clone();
            async move { answer(tick(&trigger).await) }
        }
    };
    // OPTIONS is how the sidecar finds out whether a binding is wanted.
    let binding = post(take.clone()).options(async || StatusCode::NO_CONTENT);
    Router::new().route(&format!("/job/{function}"), post(take)).route(CRON, binding)
}

/// Tells the scheduler, or the policy of the binding, whether to tick again.
fn answer(disposition: Disposition) -> Response {
    match disposition {
        Disposition::Done => StatusCode::OK.into_response(),
        failed => {
            tracing::warn!(?failed, "tick to be repeated");
            Problem::internal().into_response()
        }
    }
}

/// Registers the job of a function, however long the scheduler is away.
pub(super) async fn schedule(sidecar: &Sidecar, function: &str, schedule: &str) {
    for attempt in 0.. {
        match sidecar.schedule(function, schedule).await {
            Ok(()) => {
                tracing::info!(job = function, schedule, "job registered");
                return;
            }
            Err(error) => {
                tracing::warn!(job = function, schedule, error = %error, "the job is not registered yet, trying again");
            }
        }
        let wait = backoff::delay(attempt, BACKOFF_BASE, BACKOFF_CAP, 0.5 + 0.5 * random_fraction());
        tokio::time::sleep(wait).await;
    }
}
