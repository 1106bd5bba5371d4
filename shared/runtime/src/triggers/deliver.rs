//! Calling a function's trigger in the same process, through the same router as the network does.

use std::panic::AssertUnwindSafe;

use axum::{
    Router,
    body::Body,
    http::{Request, StatusCode, header},
    response::Response,
};
use futures::FutureExt;
use http_body_util::BodyExt;
use serde::Deserialize;
use tower::ServiceExt;

use crate::{
    disposition::{Disposition, Wire},
    limits::Limits,
};

/// Hands events (CloudEvents in structured JSON mode, one per element) to a function as one batch.
///
/// Gives one disposition per event, in order. When the function fails as a whole, all are to be retried. No limit of
/// size holds for the batch: the events are in memory already. One that is larger than an event may be is rejected.
pub async fn deliver(router: &Router, events: &[impl AsRef<[u8]>]) -> Vec<Disposition> {
    deliver_with(router, events, |_| {}).await
}

/// Does the same with a request that a host adds to.
pub(crate) async fn deliver_with(
    router: &Router,
    events: &[impl AsRef<[u8]>],
    add: impl FnOnce(&mut Request<Body>),
) -> Vec<Disposition> {
    match try_deliver(router, events, add).await {
        Ok(dispositions) => dispositions,
        Err(why) => vec![Disposition::retry(why); events.len()],
    }
}

/// Does the same; the error says why the function failed as a whole.
pub(crate) async fn try_deliver(
    router: &Router,
    events: &[impl AsRef<[u8]>],
    add: impl FnOnce(&mut Request<Body>),
) -> Result<Vec<Disposition>, String> {
    let mut body = Vec::with_capacity(events.iter().map(|event| event.as_ref().len() + 1).sum::<usize>() + 2);
    body.push(b'[');
    for (position, event) in events.iter().enumerate() {
        if position > 0 {
            body.push(b',');
        }
        body.extend_from_slice(event.as_ref());
    }
    body.push(b']');
    let mut request = post(Body::from(body));
    let kind = header::HeaderValue::from_static("application/cloudevents-batch+json");
    request.headers_mut().insert(header::CONTENT_TYPE, kind);
    request.extensions_mut().insert(Limits { batch_bytes: usize::MAX, ..Limits::default() });
    add(&mut request);
    decided(call(router, request).await, events.len()).await
}

/// Hands a tick to a function.
pub async fn tick(router: &Router) -> Disposition {
    tick_with(router, |_| {}).await
}

/// Does the same with a request that a host adds to.
pub(crate) async fn tick_with(router: &Router, add: impl FnOnce(&mut Request<Body>)) -> Disposition {
    let mut request = post(Body::empty());
    add(&mut request);
    match call(router, request).await.map(|response| response.status()) {
        Some(status) if status.is_success() => Disposition::Done,
        Some(status) => Disposition::retry(format!("the function answered {}", status.as_u16())),
        None => Disposition::retry("the handler panicked"),
    }
}

#[derive(Deserialize)]
struct Answer {
    dispositions: Vec<Wire>,
}

async fn decided(response: Option<Response>, count: usize) -> Result<Vec<Disposition>, String> {
    let response = response.ok_or("the handler panicked")?;
    if response.status() != StatusCode::OK {
        return Err(format!("the function answered {}", response.status().as_u16()));
    }
    let body = response.into_body().collect().await.map_err(|error| error.to_string())?.to_bytes();
    let answer: Answer = serde_json::from_slice(&body).map_err(|error| error.to_string())?;
    if answer.dispositions.len() != count {
        return Err("the function did not decide about every event".to_owned());
    }
    Ok(answer.dispositions.into_iter().map(Wire::into_disposition).collect())
}

fn post(body: Body) -> Request<Body> {
    Request::post("/").body(body).expect("a method, a path and a body are a request")
}

async fn call(router: &Router, request: Request<Body>) -> Option<Response> {
    match AssertUnwindSafe(router.clone().oneshot(request)).catch_unwind().await {
        Ok(Ok(response)) => Some(response),
        Ok(Err(never)) => match never {},
        Err(_) => {
            tracing::error!("the handler of a trigger panicked");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use serde_json::{Value, json};

    use super::*;
    use crate::triggers::{Incoming, on_events, on_tick};

    fn event(id: &str) -> String {
        json!({"specversion": "1.0", "id": id, "source": "/kaam/x", "type": "t", "data": {}}).to_string()
    }

    async fn decide(events: Vec<Incoming>) -> Vec<Disposition> {
        let decide = |event: &Incoming| match event.id.as_str() {
            "later" => Disposition::retry("not yet"),
            "never" => Disposition::reject("no"),
            "boom" => panic!("a bad event"),
            _ => Disposition::Done,
        };
        events.iter().map(decide).collect()
    }

    #[tokio::test]
    async fn a_batch_is_decided_event_by_event() {
        let trigger = on_events(&["reminders"], decide);
        assert_eq!(trigger.topics, ["reminders"]);
        let events =
            [event("a"), event("later"), "{\"id\":\"broken\"}".to_owned(), event("never"), event("z")];
        let dispositions = deliver(&trigger.router, &events).await;
        assert_eq!(dispositions[0], Disposition::Done);
        assert_eq!(dispositions[1], Disposition::retry("not yet"));
        assert_eq!(dispositions[2], Disposition::reject("the specversion is missing"));
        assert_eq!(dispositions[3], Disposition::reject("no"));
        assert_eq!(dispositions[4], Disposition::Done);
        assert_eq!(deliver(&trigger.router, &[""; 0]).await, []);
    }

    #[tokio::test]
    async fn an_event_that_panics_holds_up_only_itself() {
        let trigger = on_events(&["t"], decide);
        let dispositions = deliver(&trigger.router, &[event("a"), event("boom"), event("never")]).await;
        let expected =
            [Disposition::Done, Disposition::retry("the handler panicked"), Disposition::reject("no")];
        assert_eq!(dispositions, expected);
    }

    #[tokio::test]
    async fn an_event_that_is_larger_than_one_may_be_is_rejected_in_a_batch_too() {
        let trigger = on_events(&["t"], decide);
        let of_bytes = |bytes: usize| {
            let text = event("a");
            format!("{}{}}}", &text[..text.len() - 1], " ".repeat(bytes - text.len()))
        };
        let largest = Limits::default().body_bytes;
        let decided = deliver(&trigger.router, &[of_bytes(largest), of_bytes(largest + 1), event("z")]).await;
        assert!(matches!(decided[..], [Disposition::Done, Disposition::Reject { .. }, Disposition::Done]));
    }

    #[tokio::test]
    async fn events_that_the_handler_forgets_are_retried() {
        let trigger = on_events(&["t"], async |_| vec![Disposition::Done]);
        let dispositions = deliver(&trigger.router, &[event("a"), event("b")]).await;
        assert!(matches!(dispositions[..], [Disposition::Done, Disposition::Retry { .. }]));
    }

    #[tokio::test]
    async fn a_tick_needs_no_body_and_a_panic_is_retried() {
        let ticks = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&ticks);
        let trigger = on_tick(move || {
            let ticks = counted.fetch_add(1, Ordering::SeqCst);
            async move { if ticks == 0 { Disposition::Done } else { panic!("no more") } }
        });
        assert_eq!(tick(&trigger.router).await, Disposition::Done);
        assert!(matches!(tick(&trigger.router).await, Disposition::Retry { .. }));
    }

    async fn post_event(headers: &[(&str, &str)], body: String) -> (u16, Option<Value>) {
        let mut request = Request::post("/");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body)).expect("a request");
        let response = on_events(&["t"], decide).router.oneshot(request).await.expect("a response");
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.expect("a body").to_bytes();
        (status, serde_json::from_slice(&body).ok())
    }

    #[tokio::test]
    async fn an_event_of_up_to_one_mebibyte_is_taken() {
        let of_bytes = |bytes: usize| {
            let event =
                json!({"specversion": "1.0", "id": "a", "source": "/x", "type": "t", "data": ""}).to_string();
            event.replace("\"data\":\"\"", &format!("\"data\":\"{}\"", "x".repeat(bytes - event.len())))
        };
        let structured = [("content-type", "application/cloudevents+json")];
        // CloudEvents 1.0.2, "Size Limits", wants the first.
        for (bytes, status) in [(64 << 10, 204), ((64 << 10) + 1, 204), (1 << 20, 204), ((1 << 20) + 1, 413)]
        {
            let body = of_bytes(bytes);
            assert_eq!(body.len(), bytes);
            assert_eq!(post_event(&structured, body).await.0, status, "{bytes}");
        }
    }

    #[tokio::test]
    async fn a_single_event_is_answered_by_status() {
        let structured = [("content-type", "application/cloudevents+json; charset=utf-8")];
        assert_eq!(post_event(&structured, event("a")).await, (204, None));
        assert_eq!(post_event(&structured, event("later")).await.0, 503);
        assert_eq!(post_event(&structured, event("never")).await.0, 422);
        assert_eq!(post_event(&structured, "{".to_owned()).await.0, 422);
        assert_eq!(post_event(&[("content-type", "text/plain")], event("a")).await.0, 415);
        let binary = [
            ("ce-specversion", "1.0"),
            ("ce-id", "a"),
            ("ce-source", "/x"),
            ("ce-type", "t"),
            ("content-type", "application/json"),
        ];
        assert_eq!(post_event(&binary, "{}".to_owned()).await, (204, None));
        assert_eq!(post_event(&binary[..4], String::new()).await, (204, None));
        assert_eq!(post_event(&binary, " ".repeat((1 << 20) + 1)).await.0, 413);
        assert_eq!(post_event(&binary[..4], "{}".to_owned()).await, (204, None));
        // Structured, whatever the headers say; and a structured mode that nobody here can read.
        let (mut both, mut avro) = (binary, binary);
        both[1] = ("ce-id", "never");
        both[4] = structured[0];
        avro[4] = ("content-type", "application/cloudevents+avro");
        assert_eq!(post_event(&both, event("a")).await, (204, None));
        assert_eq!(post_event(&both, event("later")).await.0, 503);
        assert_eq!(post_event(&avro, event("a")).await.0, 415);
        let mut latin = binary;
        latin[4] = ("content-type", "application/json; charset=iso-8859-1");
        assert_eq!(post_event(&latin, "{}".to_owned()).await.0, 415);
        latin[4] = ("content-type", "application/json; charset=UTF-8");
        assert_eq!(post_event(&latin, "{}".to_owned()).await, (204, None));
        let batch = [("content-type", "application/cloudevents-batch+json; charset=utf-8")];
        let (status, body) = post_event(&batch, format!("[{}]", event("never"))).await;
        let expected = json!({"dispositions": [{"id": "never", "status": "reject", "why": "no"}]});
        assert_eq!((status, body), (200, Some(expected)));
        assert_eq!(post_event(&batch, "{}".to_owned()).await.0, 400);
    }
}
