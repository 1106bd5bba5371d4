//! `/openapi.json`: what is served, from the code that serves it.

use std::sync::{Arc, OnceLock};

use axum::http::header;
use bytes::Bytes;
use utoipa::{
    OpenApi as _, ToSchema,
    openapi::{ContentBuilder, OpenApi, Ref, ResponseBuilder},
};

use crate::problem::{self, FieldError, ProblemBody};

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

/// Gives the document without any path.
pub(super) fn frame() -> OpenApi {
    Frame::openapi()
}

/// Gives the handler; the text is written when first asked for, so that a start does not pay for it.
pub(super) fn serve(document: OpenApi) -> impl Clone + Send + Sync + 'static + Fn() -> Answer {
    let text = Arc::new((document, OnceLock::<Bytes>::new()));
    move || {
        let (document, written) = &*text;
        let text = written.get_or_init(|| {
            Bytes::from(
                serde_json::to_vec(&with_problems(document.clone()))
                    .expect("an OpenAPI document can be written as JSON"),
            )
        });
        std::future::ready(([(header::CONTENT_TYPE, "application/json")], text.clone()))
    }
}

/// Adds the problem to every operation, as its `default` response: the one for every status not listed.
fn with_problems(mut document: OpenApi) -> OpenApi {
    let schema = Ref::from_schema_name(ProblemBody::name());
    let problem = ResponseBuilder::new()
        .description("What went wrong")
        .content(problem::CONTENT_TYPE, ContentBuilder::new().schema(Some(schema)).build())
        .build();
    for item in document.paths.paths.values_mut() {
        let operations =
            [&mut item.get, &mut item.put, &mut item.post, &mut item.delete, &mut item.patch, &mut item.head];
        for operation in operations.into_iter().flatten() {
            let responses = &mut operation.responses.responses;
            responses.entry("default".to_owned()).or_insert_with(|| problem.clone().into());
        }
    }
    document
}

type Answer = std::future::Ready<([(header::HeaderName, &'static str); 1], Bytes)>;
