//! Any request to where events are taken, in every mode: decided, or refused; a handler sees only what has a name.
#![no_main]

use std::sync::OnceLock;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Request};
use libfuzzer_sys::fuzz_target;
use runtime::disposition::Disposition;
use runtime::triggers::{Incoming, on_events};
use tokio::runtime::{Builder, Runtime};
use tower::ServiceExt;

fn stage() -> &'static (Runtime, Router) {
    static STAGE: OnceLock<(Runtime, Router)> = OnceLock::new();
    STAGE.get_or_init(|| {
        let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
        let trigger = on_events(&["task-events"], async |events: Vec<Incoming>| {
            events
                .iter()
                .map(|event| {
                    assert!(!event.id.is_empty() && !event.source.is_empty());
                    Disposition::Done
                })
                .collect()
        });
        (runtime, trigger.router)
    })
}

fuzz_target!(|input: &[u8]| {
    let Some((mode, rest)) = input.split_first() else { return };
    let mut request = Request::post("/");
    let mut body = rest;
    match mode % 3 {
        0 => request = request.header("content-type", "application/cloudevents+json"),
        1 => request = request.header("content-type", "application/cloudevents-batch+json"),
        _ => {
            // Lines of headers, an empty one, and the body.
            for line in rest.split(|byte| *byte == b'\n') {
                body = &body[(line.len() + 1).min(body.len())..];
                let Some(at) = line.iter().position(|byte| *byte == b':') else { break };
                let name = HeaderName::from_bytes(&line[..at]);
                if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(&line[at + 1..])) {
                    request = request.header(name, value);
                }
            }
        }
    }
    let (runtime, router) = stage();
    let request = request.body(Body::from(body.to_vec())).expect("a request");
    let response = runtime.block_on(router.clone().oneshot(request)).expect("a router never fails");
    assert!([200, 204, 400, 413, 415, 422].contains(&response.status().as_u16()), "{}", response.status());
});
