//! Who may call the routes of the sidecar.

use axum::{
    extract::{Request, State},
    http::{HeaderMap, StatusCode},
    middleware::Next,
    response::{IntoResponse, Response},
};
use sha2::{Digest as _, Sha256};

use super::settings::Token;
use crate::problem::Problem;

/// What the sidecar shows.
const TOKEN: &str = "dapr-api-token";
/// What browsers add to a request that a page makes of whoever runs on the same machine; no sidecar does.
const OF_BROWSERS: [&str; 2] = ["origin", "sec-fetch-site"];
/// What the sidecar adds to a request that another app, or itself, was asked to invoke here.
const INVOKED: [&str; 2] = ["dapr-caller-app-id", "dapr-callee-app-id"];

/// The token's digest: comparing digests takes as long whatever was guessed right.
#[derive(Clone)]
pub(super) struct Guard(Option<[u8; 32]>);

impl Guard {
    pub(super) fn new(token: Option<&Token>) -> Self {
        Self(token.map(|Token(token)| Sha256::digest(token).into()))
    }

    fn is_shown(&self, headers: &HeaderMap) -> bool {
        let Self(Some(expected)) = self else { return true };
        let shown = headers.get(TOKEN).map(|token| <[u8; 32]>::from(Sha256::digest(token.as_bytes())));
        shown.is_some_and(|shown| shown == *expected)
    }
}

/// Lets the sidecar's own calls in.
pub(super) async fn admit(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    if !guard.is_shown(headers) {
        let detail = "the header dapr-api-token must be what APP_API_TOKEN is";
        return Problem::new(StatusCode::UNAUTHORIZED, "Unauthorized", detail).into_response();
    }
    if OF_BROWSERS.iter().any(|name| headers.contains_key(*name)) {
        return Problem::forbidden("this is for the sidecar, not for a page in a browser").into_response();
    }
    // The sidecar shows its token then, too: whoever may invoke this app would be able to make up events.
    if INVOKED.iter().any(|name| headers.contains_key(*name)) {
        return Problem::forbidden("this is for the sidecar itself, not to be invoked").into_response();
    }
    next.run(request).await
}
