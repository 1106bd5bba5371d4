//! Writing the body of an error, whoever found it.

use axum::{
    body::Body,
    http::{HeaderValue, header},
    response::Response,
};

use super::{CONTENT_TYPE, DEFAULT_RETRY_AFTER_S, Problem, ProblemBody, needs_retry_after};

/// Gives the response as the caller shall see it: a problem, ours or axum's bare one, gets its body; all else passes.
pub(crate) fn render(response: Response, correlation_id: &str) -> Response {
    let (mut parts, body) = response.into_parts();
    let problem = match parts.extensions.remove::<Problem>() {
        Some(problem) => problem,
        None if is_bare_error(&parts) => Problem::of_status(parts.status),
        None => return Response::from_parts(parts, body),
    };
    let (title, detail) = (problem.title.into_owned(), problem.detail.into_owned());
    let rendered = serde_json::to_vec(&ProblemBody {
        kind: problem.kind.to_owned(),
        title: title.clone(),
        status: problem.status.as_u16(),
        detail: detail.clone(),
        error: title,
        message: detail,
        correlation_id: correlation_id.to_owned(),
        errors: problem.errors,
    })
    .expect("strings and numbers can be written as JSON");
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
    if needs_retry_after(parts.status) && !parts.headers.contains_key(header::RETRY_AFTER) {
        parts.headers.insert(header::RETRY_AFTER, HeaderValue::from(DEFAULT_RETRY_AFTER_S));
    }
    Response::from_parts(parts, Body::from(rendered))
}

/// Tells an error that axum wrote by itself (no body, or a sentence) from one that a handler wrote on purpose.
fn is_bare_error(parts: &axum::http::response::Parts) -> bool {
    if !parts.status.is_client_error() && !parts.status.is_server_error() {
        return false;
    }
    match parts.headers.get(header::CONTENT_TYPE) {
        None => true,
        Some(kind) => kind.as_bytes().starts_with(b"text/plain"),
    }
}

#[cfg(test)]
mod tests {
    use axum::{
        http::StatusCode,
        response::{Html, IntoResponse},
    };
    use http_body_util::BodyExt;
    use serde_json::{Value, json};

    use super::*;
    use crate::problem::FieldError;

    async fn body(response: Response) -> Value {
        let bytes = response.into_body().collect().await.expect("a body").to_bytes();
        serde_json::from_slice(&bytes).expect("JSON")
    }

    #[tokio::test]
    async fn a_problem_carries_every_field_of_the_contract() {
        let errors =
            vec![FieldError::new("title", "must not be blank"), FieldError::new("tags[0]", "too long")];
        let response = render(Problem::validation(errors).into_response(), "order-66");
        assert_eq!(response.status(), 422);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
        let detail = "title: must not be blank; tags[0]: too long";
        assert_eq!(
            body(response).await,
            json!({
                "type": "urn:kaam:problem:validation", "title": "Validation Failed", "status": 422,
                "detail": detail, "error": "Validation Failed", "message": detail, "correlation_id": "order-66",
                "errors": [{"field": "title", "message": "must not be blank"},
                           {"field": "tags[0]", "message": "too long"}],
            })
        );
    }

    #[tokio::test]
    async fn an_answer_does_not_grow_with_what_was_sent() {
        let long = "ے".repeat(10_000);
        let errors: Vec<_> =
            (0..1_000).map(|number| FieldError::new(format!("{number}{long}"), long.as_str())).collect();
        let body = body(render(Problem::validation(errors).into_response(), "x")).await;
        let errors = body["errors"].as_array().expect("a list");
        assert_eq!(errors.len(), 100);
        let chars = |value: &Value| value.as_str().map_or(0, |text| text.chars().count());
        assert!(errors.iter().all(|error| (chars(&error["field"]), chars(&error["message"])) == (201, 501)));
        assert!(errors[0]["field"].as_str().is_some_and(|field| field.ends_with("ے…")));
        // The five that the detail tells of, twice.
        assert!(chars(&body["detail"]) < 5 * 720, "{}", chars(&body["detail"]));
        let short = FieldError::new("tags[0]", "is too long");
        assert_eq!((short.field.as_str(), short.message.as_str()), ("tags[0]", "is too long"));
    }

    #[tokio::test]
    async fn a_bare_error_becomes_a_problem_and_keeps_its_headers() {
        let response = (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "GET,HEAD")]).into_response();
        let response = render(response, "x");
        assert_eq!(response.headers()[header::ALLOW], "GET,HEAD");
        assert_eq!(body(response).await["title"], "Method Not Allowed");
    }

    #[tokio::test]
    async fn every_503_says_when_to_come_back() {
        let response = render(StatusCode::SERVICE_UNAVAILABLE.into_response(), "x");
        assert_eq!(response.headers()[header::RETRY_AFTER], "1");
        let response = render(Problem::unavailable(7).into_response(), "x");
        assert_eq!(response.headers()[header::RETRY_AFTER], "7");
    }

    #[tokio::test]
    async fn an_error_written_on_purpose_and_a_success_pass_untouched() {
        let page = render((StatusCode::NOT_FOUND, Html("<p>gone")).into_response(), "x");
        assert_eq!(page.headers()[header::CONTENT_TYPE], "text/html; charset=utf-8");
        let fine = render("fine".into_response(), "x");
        assert_eq!(fine.into_body().collect().await.expect("a body").to_bytes(), "fine");
    }
}
