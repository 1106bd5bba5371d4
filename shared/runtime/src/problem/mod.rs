//! One shape for every error: problem details (RFC 9457) that also carry `error` and `message`.
//!
//! A handler returns a [`Problem`]; it travels to the outermost layer as an extension of the response, and that layer
//! writes the body, because only there the correlation id is at hand. Internals never go into a problem: whoever meets
//! the cause logs it.

mod render;

use std::{borrow::Cow, fmt};

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub(crate) use render::render;

/// The media type of every error body.
pub const CONTENT_TYPE: &str = "application/problem+json";
const DEFAULT_RETRY_AFTER_S: u32 = 1;

/// How many wrong fields a problem names, and how many characters of where each is and why: an answer does not grow with what was sent.
const MOST_ERRORS: usize = 100;
const LONGEST_FIELD: usize = 200;
const LONGEST_MESSAGE: usize = 500;

/// One wrong field of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldError {
    /// Where: `title`, `tags[0]`, `reminder_config.lead_time`.
    pub field: String,
    /// What is wrong, in the user's words.
    pub message: String,
}

impl FieldError {
    /// Says that `field` is wrong because of `message`.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> FieldError {
        FieldError { field: cut(field.into(), LONGEST_FIELD), message: cut(message.into(), LONGEST_MESSAGE) }
    }
}

fn cut(mut text: String, longest: usize) -> String {
    if let Some((end, _)) = text.char_indices().nth(longest) {
        text.truncate(end);
        text.push('…');
    }
    text
}

/// An error as the caller sees it.
///
/// ```
/// use runtime::problem::Problem;
/// let problem = Problem::not_found("there is no such task");
/// assert_eq!((problem.status().as_u16(), problem.title()), (404, "Not Found"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    status: StatusCode,
    kind: &'static str,
    title: Cow<'static, str>,
    detail: Cow<'static, str>,
    errors: Vec<FieldError>,
    retry_after_s: Option<u32>,
}

impl Problem {
    /// Makes a problem of type `about:blank`.
    pub fn new(
        status: StatusCode,
        title: impl Into<Cow<'static, str>>,
        detail: impl Into<Cow<'static, str>>,
    ) -> Problem {
        let (title, detail) = (title.into(), detail.into());
        let retry_after_s = needs_retry_after(status).then_some(DEFAULT_RETRY_AFTER_S);
        Problem { status, kind: "about:blank", title, detail, errors: Vec::new(), retry_after_s }
    }

    /// 400: the request cannot be read.
    pub fn bad_request(detail: impl Into<Cow<'static, str>>) -> Problem {
        Problem::standard(StatusCode::BAD_REQUEST, detail)
    }

    /// 403: the caller may not do this.
    pub fn forbidden(detail: impl Into<Cow<'static, str>>) -> Problem {
        Problem::standard(StatusCode::FORBIDDEN, detail)
    }

    /// 404: it does not exist, or is another user's, which must look the same.
    pub fn not_found(detail: impl Into<Cow<'static, str>>) -> Problem {
        Problem::standard(StatusCode::NOT_FOUND, detail)
    }

    /// 409: it cannot be done in the present state.
    pub fn conflict(detail: impl Into<Cow<'static, str>>) -> Problem {
        Problem::standard(StatusCode::CONFLICT, detail)
    }

    /// 412: the state is no longer the one the caller saw (`If-Match`).
    pub fn precondition_failed(detail: impl Into<Cow<'static, str>>) -> Problem {
        Problem::standard(StatusCode::PRECONDITION_FAILED, detail)
    }

    /// 413: the body is too large.
    pub fn too_large(limit_bytes: usize) -> Problem {
        Problem::standard(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("the body is larger than {limit_bytes} bytes"),
        )
    }

    /// 415: the body is of a kind that this path does not read.
    pub fn unsupported_media_type(detail: impl Into<Cow<'static, str>>) -> Problem {
        Problem::standard(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail)
    }

    /// 422: readable but not valid, for a reason that is in no single field.
    pub fn unprocessable(detail: impl Into<Cow<'static, str>>) -> Problem {
        Problem::standard(StatusCode::UNPROCESSABLE_ENTITY, detail)
    }

    /// 422: readable but not valid, naming every wrong field at once, up to a hundred. The type is `urn:kaam:problem:validation`.
    pub fn validation(mut errors: Vec<FieldError>) -> Problem {
        errors.truncate(MOST_ERRORS);
        let shown = errors.iter().take(5).map(|error| format!("{}: {}", error.field, error.message));
        let detail = shown.collect::<Vec<_>>().join("; ");
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "Validation Failed", detail)
            .with_type("urn:kaam:problem:validation")
            .with_errors(errors)
    }

    /// 429: too many of something, which `detail` names; try again after `retry_after_s` seconds.
    pub fn too_many_requests(detail: impl Into<Cow<'static, str>>, retry_after_s: u32) -> Problem {
        Problem::standard(StatusCode::TOO_MANY_REQUESTS, detail).with_retry_after(retry_after_s)
    }

    /// 503: something that is needed is away, try again after `retry_after_s` seconds.
    pub fn unavailable(retry_after_s: u32) -> Problem {
        Problem::standard(StatusCode::SERVICE_UNAVAILABLE, "the service is not available, try again later")
            .with_retry_after(retry_after_s)
    }

    /// 500: our fault. The cause belongs into the log, never in here.
    pub fn internal() -> Problem {
        Problem::of_status(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// Gives the same problem with another `type`, a URI such as `urn:kaam:problem:key-reused`.
    #[must_use]
    pub fn with_type(mut self, kind: &'static str) -> Problem {
        self.kind = kind;
        self
    }

    /// Gives the same problem with another `detail`.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<Cow<'static, str>>) -> Problem {
        self.detail = detail.into();
        self
    }

    /// Gives the same problem with these wrong fields.
    #[must_use]
    pub fn with_errors(mut self, errors: Vec<FieldError>) -> Problem {
        self.errors = errors;
        self
    }

    /// Gives the same problem with `Retry-After`, in seconds.
    #[must_use]
    pub fn with_retry_after(mut self, seconds: u32) -> Problem {
        self.retry_after_s = Some(seconds);
        self
    }

    /// Gives the status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Gives the title: the same for every problem of its type.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// Gives the detail: what was wrong this time.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// Gives the wrong fields, if it was about fields.
    pub fn errors(&self) -> &[FieldError] {
        &self.errors
    }

    /// Gives the problem with the title that HTTP has for the status.
    fn standard(status: StatusCode, detail: impl Into<Cow<'static, str>>) -> Problem {
        Problem::new(status, status.canonical_reason().unwrap_or("Error"), detail)
    }

    /// Gives the problem for a status alone, as when axum answered by itself.
    fn of_status(status: StatusCode) -> Problem {
        let detail = match status {
            StatusCode::NOT_FOUND => "there is nothing at this path",
            StatusCode::METHOD_NOT_ALLOWED => "this path does not answer to this method",
            StatusCode::REQUEST_TIMEOUT => "the request took too long to arrive",
            StatusCode::PAYLOAD_TOO_LARGE => "the body is too large",
            StatusCode::UNSUPPORTED_MEDIA_TYPE => "the body is of a kind that this path does not read",
            StatusCode::SERVICE_UNAVAILABLE => "the service is not available, try again later",
            status if status.is_server_error() => "something went wrong on our side",
            _ => "the request cannot be handled",
        };
        Problem::standard(status, detail)
    }
}

/// Tells whether a response of this status must say when to come back.
fn needs_retry_after(status: StatusCode) -> bool {
    matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS)
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.status.as_u16(), self.title, self.detail)
    }
}

impl std::error::Error for Problem {}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        if let Some(seconds) = self.retry_after_s {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// The body of every error. Functions need not mention it in their OpenAPI: the server adds it to every operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// What kind of problem, a URI; `about:blank` when the status says it all.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What was wrong this time.
    pub detail: String,
    /// Same as `title`.
    pub error: String,
    /// Same as `detail`.
    pub message: String,
    /// The id under which the request stands in the logs.
    pub correlation_id: String,
    /// Every wrong field.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}
