//! `/openapi.json`: what is served, from the code that serves it.

use std::sync::{Arc, OnceLock};

use axum::http::header;
use bytes::Bytes;
use utoipa::{
    OpenApi as _,
    openapi::{
        OpenApi, ResponseBuilder,
        path::Operation,
        security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
    },
};

use super::answers;
use crate::problem::{FieldError, ProblemBody};

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Kaam",
        description = "A to-do system that you run yourself, and talk to.",
        license(name = "Apache-2.0")
    ),
    components(schemas(ProblemBody, FieldError))
)]
struct Frame;

/// How callers show who they are.
const BEARER: &str = "bearer";

/// Gives the document without any path.
pub(super) fn frame() -> OpenApi {
    let mut document = Frame::openapi();
    let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT");
    let scheme = scheme.description(Some("An access token; with AUTH=local none is needed.")).build();
    document.components.get_or_insert_default().add_security_scheme(BEARER, SecurityScheme::Http(scheme));
    document
}

/// Says of operations that they are for callers who are known: with which token, and what others are answered.
pub(super) fn for_users(mut document: OpenApi, needs_tokens: bool) -> OpenApi {
    for operation in operations(&mut document) {
        if needs_tokens {
            operation.security = Some(vec![SecurityRequirement::new(BEARER, [""; 0])]);
        }
        let responses = &mut operation.responses.responses;
        for (status, description) in
            [("401", "Nobody is signed in, or the token is not valid"), ("403", "The caller may not do this")]
        {
            let response = ResponseBuilder::new().description(description).build();
            responses.entry(status.to_owned()).or_insert(response.into());
        }
    }
    document
}

fn operations(document: &mut OpenApi) -> impl Iterator<Item = &mut Operation> {
    document.paths.paths.values_mut().flat_map(|item| {
        let all =
            [&mut item.get, &mut item.put, &mut item.post, &mut item.delete, &mut item.patch, &mut item.head];
        all.into_iter().flatten()
    })
}

/// Gives the handler; the text is written when first asked for, so that a start does not pay for it.
pub(super) fn serve(document: OpenApi) -> impl Clone + Send + Sync + 'static + Fn() -> Answer {
    let text = Arc::new((document, OnceLock::<Bytes>::new()));
    move || {
        let (document, written) = &*text;
        let text = written.get_or_init(|| {
            let mut document =
                serde_json::to_value(document).expect("an OpenAPI document can be written as JSON");
            answers::complete(&mut document);
            Bytes::from(document.to_string())
        });
        std::future::ready(([(header::CONTENT_TYPE, "application/json")], text.clone()))
    }
}

type Answer = std::future::Ready<([(header::HeaderName, &'static str); 1], Bytes)>;
