//! AWS Lambda: requests of its front doors, Kafka's batches and the ticks of a schedule, into the same router with the same
//! layers as everywhere else.
//!
//! | event | becomes | answer |
//! |---|---|---|
//! | HTTP API (payload 2.0 and 1.0), REST API, function URL, load balancer | the request | the response, of whatever status |
//! | Kafka (MSK or self-managed) | one batch for each partition, in order | the first record of each partition that was not done |
//! | EventBridge Scheduler, or a rule on a schedule | a tick | nothing, or an error |
//! | anything else | – | an error |
//!
//! Lambda takes whatever is answered for a success, so an event that failed is never answered: it is an error. A record that
//! was rejected counts as failed like one to be retried, because nothing here could park it; the event source mapping does
//! that, with a bound on its retries and a destination for what is over it.
//!
//! Between two invocations a function is frozen, so work in the background is left out: what relay-events and scan-reminders
//! do by themselves elsewhere, a schedule does here.

mod event;
mod http;
mod kafka;

use std::{sync::Arc, time::Duration};

use axum::Router;
use chrono::DateTime;
use futures::future::BoxFuture;
use lambda_http::{
    lambda_runtime::{Diagnostic, LambdaInvocation, Runtime},
    {Context, Error, LambdaEvent},
};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use tokio::sync::watch;
use tower::{Service, layer::layer_fn, service_fn};
use tracing::Instrument;

use crate::{
    clock::Clock,
    config::{ConfigError, Environment},
    disposition::Disposition,
    host::server::App,
    invocation::{BroughtByHost, TimeLeft},
    limits::Limits,
    trace, triggers,
};

use event::Event;

/// What is kept of the time that Lambda gives, so that an answer still gets through. Of short times it is a fifth.
const RESERVE: Duration = Duration::from_millis(500);

/// The variables that Lambda sets, without which there is no Lambda.
const NEEDED: [(&str, &str); 4] = [
    ("AWS_LAMBDA_RUNTIME_API", "the address of Lambda's runtime API, such as 127.0.0.1:9001"),
    ("AWS_LAMBDA_FUNCTION_NAME", "the name of the function, as Lambda sets it"),
    ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "the megabytes of the function, as Lambda sets them"),
    ("AWS_LAMBDA_FUNCTION_VERSION", "the version of the function, as Lambda sets it"),
];

/// Why an event was not handled. The reason goes to Lambda's log and to the destination of the event.
#[derive(Debug, thiserror::Error)]
enum EventError {
    /// It is none of ours.
    #[error("the event is neither an HTTP request nor a batch of Kafka records nor a tick of a schedule")]
    Unknown,
    /// It is one of ours, but not as it should be.
    #[error("the event of {kind} can not be read: something is wrong before byte {byte}")]
    Unreadable {
        /// Whose event.
        kind: &'static str,
        /// Where in its text. What stands there may be what somebody wrote.
        byte: usize,
    },
    /// The event source is connected to the wrong function.
    #[error("{function} takes no {what}")]
    NotTaken { function: &'static str, what: String },
    /// The function did not do it.
    #[error("{0}")]
    Failed(String),
    /// The answer can not be written.
    #[error("the answer can not be written: {0}")]
    Answer(serde_json::Error),
}

impl From<EventError> for Diagnostic {
    fn from(error: EventError) -> Diagnostic {
        let error_type = match error {
            EventError::Unknown => "UnknownEvent",
            EventError::Unreadable { .. } => "UnreadableEvent",
            EventError::NotTaken { .. } => "EventNotTaken",
            EventError::Failed(_) => "EventFailed",
            EventError::Answer(_) => "Answer",
        };
        Diagnostic { error_type: error_type.to_owned(), error_message: error.to_string() }
    }
}

/// Checks what Lambda must have set.
///
/// # Errors
/// The first variable that is missing or wrong.
pub(crate) fn check(environment: &Environment) -> Result<(), ConfigError> {
    for (name, allowed) in NEEDED {
        let value = environment.require(name, allowed)?;
        let is_sound = match name {
            // An emulator's has a scheme and a path as well.
            "AWS_LAMBDA_RUNTIME_API" => value
                .parse::<hyper::Uri>()
                .is_ok_and(|uri| uri.authority().is_some_and(|authority| authority.port().is_some())),
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE" => value.parse::<i32>().is_ok(),
            _ => true,
        };
        if !is_sound {
            let (name, allowed) = (name.to_owned(), allowed.to_owned());
            return Err(ConfigError::Invalid { name, value, allowed });
        }
    }
    Ok(())
}

/// Serves the one function of `app` until `shutdown` resolves; an invocation that is under way then is answered first, within
/// 10 s.
///
/// # Errors
/// The runtime API is not there, or refuses us.
pub(crate) async fn serve(app: App, clock: Clock, shutdown: impl Future<Output = ()>) -> anyhow::Result<()> {
    let deadline = Limits::default().drain_deadline;
    let handler = Arc::new(Handler::new(app, clock));
    let (busy, mut is_busy) = watch::channel(false);
    let invoke = service_fn(move |event: LambdaEvent<Box<RawValue>>| {
        let handler = Arc::clone(&handler);
        async move { handler.handle(event).await }
    });
    let runtime = Runtime::new(invoke).layer(layer_fn(move |inner| Watched { inner, busy: busy.clone() }));
    tracing::info!("serving invocations of Lambda");
    let stopped = async {
        shutdown.await;
        tracing::info!("stopping");
        // The runtime, which holds the other end, is there as long as this is waited for.
        let idle = is_busy.wait_for(|is_busy| !is_busy);
        if tokio::time::timeout(deadline, idle).await.is_err() {
            tracing::error!("an invocation still under way after the deadline is dropped");
        }
    };
    tokio::select! {
        served = runtime.run() => served.map_err(|error| anyhow::anyhow!("Lambda's runtime API: {error}")),
        () = stopped => Ok(()),
    }
}

/// Tells when an invocation is under way, its answer to Lambda included.
struct Watched<S> {
    inner: S,
    busy: watch::Sender<bool>,
}

impl<S> Service<LambdaInvocation> for Watched<S>
where
    S: Service<LambdaInvocation, Response = (), Error = Error>,
    S::Future: Send + 'static,
{
    type Response = ();
    type Error = Error;
    type Future = BoxFuture<'static, Result<(), Error>>;

    fn poll_ready(&mut self, context: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, invocation: LambdaInvocation) -> Self::Future {
        let busy = self.busy.clone();
        busy.send_replace(true);
        let answered = self.inner.call(invocation);
        Box::pin(async move {
            let answered = answered.await;
            busy.send_replace(false);
            answered
        })
    }
}

/// What answers invocations: a function behind its layers.
struct Handler {
    function: &'static str,
    topics: &'static [&'static str],
    takes_triggers: bool,
    router: Router,
    clock: Clock,
}

impl Handler {
    fn new(app: App, clock: Clock) -> Handler {
        let function = app.only_function();
        let (name, topics, takes_triggers) = (function.name, function.topics, function.triggers.is_some());
        Handler { function: name, topics, takes_triggers, router: app.router(), clock }
    }

    async fn handle(&self, event: LambdaEvent<Box<RawValue>>) -> Result<Box<RawValue>, EventError> {
        let (payload, context) = event.into_parts();
        let span = tracing::error_span!("invocation", aws_request_id = context.request_id);
        async {
            let answered = self.answer(&payload, context).await;
            if let Err(error) = &answered {
                tracing::error!(error = %error, "invocation failed");
            }
            answered
        }
        .instrument(span)
        .await
    }

    async fn answer(&self, payload: &RawValue, context: Context) -> Result<Box<RawValue>, EventError> {
        let around = Around {
            time_left: self.time_left(&context),
            traceparent: context.xray_trace_id.as_deref().and_then(trace::from_xray),
        };
        match Event::parse(payload.get())? {
            Event::Http(request) => http::answer(&self.router, request, context, around).await,
            Event::Tick => self.tick(around).await,
            Event::Kafka(batch) => {
                let foreign = batch.topics().find(|topic| !self.topics.contains(topic));
                if let Some(topic) = foreign {
                    return Err(self.takes_no(format!("events of the topic {topic}")));
                }
                written(&kafka::answer(&self.router, batch, &around).await)
            }
        }
    }

    /// Lambda has no word for a tick that did not work but an error, which it repeats.
    async fn tick(&self, around: Around) -> Result<Box<RawValue>, EventError> {
        if !self.takes_triggers || !self.topics.is_empty() {
            return Err(self.takes_no("ticks".to_owned()));
        }
        match triggers::tick_with(&self.router, |request| around.put_on_event(request)).await {
            Disposition::Done => written(&()),
            Disposition::Retry { why, .. }
            | Disposition::Unavailable { why }
            | Disposition::Reject { why } => Err(EventError::Failed(format!("the tick did not work: {why}"))),
        }
    }

    fn takes_no(&self, what: String) -> EventError {
        EventError::NotTaken { function: self.function, what }
    }

    /// Gives how long the function may take; `None` when Lambda sets no sound deadline.
    fn time_left(&self, context: &Context) -> Option<TimeLeft> {
        let deadline = DateTime::from_timestamp_millis(i64::try_from(context.deadline).ok()?)?;
        let left = (deadline - self.clock.now()).to_std().ok()?;
        Some(TimeLeft(left - RESERVE.min(left / 5)))
    }
}

fn written(answer: &impl Serialize) -> Result<Box<RawValue>, EventError> {
    to_raw_value(answer).map_err(EventError::Answer)
}

/// What an invocation says about every request that is made of it.
#[derive(Clone, Debug, Default)]
struct Around {
    time_left: Option<TimeLeft>,
    /// X-Ray's trace, as W3C writes it.
    traceparent: Option<String>,
}

impl Around {
    /// Adds it to events or a tick, which Lambda was allowed to bring.
    fn put_on_event<B>(&self, request: &mut axum::http::Request<B>) {
        request.extensions_mut().insert(BroughtByHost);
        self.put_on(request);
    }

    /// Adds it to a request. A trace that the caller has begun goes on, whatever X-Ray says.
    fn put_on<B>(&self, request: &mut axum::http::Request<B>) {
        if let Some(time_left) = self.time_left {
            request.extensions_mut().insert(time_left);
        }
        let trace = self.traceparent.as_ref().and_then(|trace| trace.parse().ok());
        if let Some(trace) = trace.filter(|_| !request.headers().contains_key(trace::HEADER)) {
            request.headers_mut().insert(trace::HEADER, trace);
        }
    }
}

#[cfg(test)]
mod tests;
