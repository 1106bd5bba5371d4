//! A front door's event as a request to the router, and the answer in the front door's words.

use std::{convert::Infallible, net::IpAddr};

use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{HeaderMap, Uri, uri::PathAndQuery},
};
use lambda_http::{
    Adapter, Context, LambdaEvent, RequestExt,
    request::{LambdaRequest, RequestContext},
};
use serde_json::value::RawValue;
use tower::{Service, ServiceExt, service_fn};

use super::{Around, EventError, written};
use crate::invocation::CallerAddress;

/// Answers a request; a status of 500 is an answer too.
pub(super) async fn answer(
    router: &Router,
    request: Box<LambdaRequest>,
    context: Context,
    around: Around,
) -> Result<Box<RawValue>, EventError> {
    let call = service_fn(|request: lambda_http::Request| {
        let router = router.clone();
        let mut request = into_ours(request);
        around.put_on(&mut request);
        async move {
            let Ok(response) = router.oneshot(request).await;
            Ok::<_, Infallible>(response)
        }
    });
    // The adapter, which can not be sent between threads, ends with this line; what it gives can.
    let answered = Adapter::from(call).call(LambdaEvent::new(*request, context));
    let Ok(response) = answered.await;
    written(&response)
}

fn into_ours(request: lambda_http::Request) -> Request {
    let uri = without_stage(&request);
    let caller = CallerAddress(caller_address(&request));
    let (parts, body) = request.into_parts();
    let mut ours = Request::new(Body::from(body.to_vec()));
    *ours.method_mut() = parts.method;
    *ours.uri_mut() = uri;
    *ours.headers_mut() = parts.headers;
    ours.extensions_mut().insert(caller);
    ours
}

/// Gives the URI as the API knows it: without the name of the stage, which `lambda_http` puts before the path.
fn without_stage(request: &lambda_http::Request) -> Uri {
    let uri = request.uri();
    let stage = match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV2(context)) => context.stage.as_deref(),
        // Its path never has the stage; one that begins alike is an API's own.
        Some(RequestContext::ApiGatewayV1(context)) => {
            context.stage.as_deref().filter(|stage| below(request.raw_http_path(), stage).is_none())
        }
        _ => None,
    };
    let Some(path) = stage.and_then(|stage| below(uri.path(), stage)) else { return uri.clone() };
    let path = if path.is_empty() { "/" } else { path };
    let target = uri.query().map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = PathAndQuery::try_from(target).ok();
    // A part of a path that was sound is one as well.
    Uri::from_parts(parts).unwrap_or_else(|_| uri.clone())
}

/// Gives what of a path is below `/stage`.
fn below<'a>(path: &'a str, stage: &str) -> Option<&'a str> {
    let rest = path.strip_prefix('/')?.strip_prefix(stage)?;
    (rest.is_empty() || rest.starts_with('/')).then_some(rest)
}

/// Gives the address of the caller as the front door saw it, never one that the caller names.
fn caller_address(request: &lambda_http::Request) -> Option<IpAddr> {
    match request.request_context_ref()? {
        RequestContext::ApiGatewayV2(context) => context.http.source_ip.as_deref()?.parse().ok(),
        RequestContext::ApiGatewayV1(context) => context.identity.source_ip.as_deref()?.parse().ok(),
        RequestContext::Alb(_) => last_forwarded(request.headers()),
        _ => None,
    }
}

/// Gives the last entry of `X-Forwarded-For`, which is the load balancer's own; those before it are the caller's word.
fn last_forwarded(headers: &HeaderMap) -> Option<IpAddr> {
    let last = headers.get_all("x-forwarded-for").iter().next_back()?;
    last.to_str().ok()?.rsplit(',').next()?.trim().parse().ok()
}
