//! `/openapi.json`: what is served, from the code that serves it.

use std::sync::{Arc, OnceLock};

use axum::http::header;
use bytes::Bytes;
use utoipa::{OpenApi as _, openapi::OpenApi};

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
            let mut document =
                serde_json::to_value(document).expect("an OpenAPI document can be written as JSON");
            answers::complete(&mut document);
            Bytes::from(document.to_string())
        });
        std::future::ready(([(header::CONTENT_TYPE, "application/json")], text.clone()))
    }
}

type Answer = std::future::Ready<([(header::HeaderName, &'static str); 1], Bytes)>;
