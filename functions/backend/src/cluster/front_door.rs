//! Routes requests to the functions by path and method, as an ingress does; what each serves it says itself.

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderName, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::HttpClient;

/// Headers that are about one connection (RFC 9110 §7.6.1).
const HOP_BY_HOP: [HeaderName; 6] = [
    header::CONNECTION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("keep-alive"),
];
/// Who answers what no function serves: with its page, or with a 404.
const REST: &str = "web";

/// Where what goes.
#[derive(Clone, Debug)]
pub(super) struct FrontDoor {
    routes: Vec<Route>,
    rest: u16,
    document: Value,
    client: HttpClient,
}

#[derive(Clone, Debug)]
struct Route {
    path: Vec<String>,
    method: Method,
    port: u16,
}

impl FrontDoor {
    /// Makes it from the functions: names, ports, and their OpenAPI documents.
    pub(super) fn new(
        functions: impl IntoIterator<Item = (impl AsRef<str>, u16, Value)>,
        client: HttpClient,
    ) -> Self {
        let (mut routes, mut rest, mut whole) = (Vec::new(), 0, json!({}));
        for (name, port, document) in functions {
            if name.as_ref() == REST {
                rest = port;
            }
            for (path, methods) in document["paths"].as_object().into_iter().flatten() {
                for method in methods.as_object().into_iter().flatten().map(|(method, _)| method) {
                    let Ok(method) = method.to_uppercase().parse() else { continue };
                    routes.push(Route { path: segments(path).map(str::to_owned).collect(), method, port });
                }
            }
            join(&mut whole, document);
        }
        Self { routes, rest, document: whole, client }
    }

    pub(super) fn router(self) -> Router {
        let document = self.document.clone();
        Router::new()
            .route("/openapi.json", axum::routing::get(async move || axum::Json(document)))
            .fallback(pass_on)
            .with_state(self)
    }

    /// Gives the function that serves a request; with a method that nobody serves, one that serves the path, to say so.
    fn port_of(&self, method: &Method, path: &str) -> u16 {
        let method = if method == Method::HEAD { &Method::GET } else { method };
        let asked: Vec<_> = segments(path).collect();
        let mut fitting = self.routes.iter().filter(|route| fits(&route.path, &asked)).peekable();
        let first = fitting.peek().map(|route| route.port);
        fitting.find(|route| route.method == *method).map(|route| route.port).or(first).unwrap_or(self.rest)
    }
}

fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.trim_matches('/').split('/')
}

fn fits(route: &[String], asked: &[&str]) -> bool {
    route.len() == asked.len()
        && route.iter().zip(asked).all(|(route, asked)| route.starts_with('{') || route == asked)
}

/// Puts a document into another one: objects are joined, what is there already stays.
fn join(whole: &mut Value, part: Value) {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => {
            for (name, value) in part {
                join(whole.entry(name).or_insert(Value::Null), value);
            }
        }
        (whole @ Value::Null, part) => *whole = part,
        _ => {}
    }
}

async fn pass_on(State(door): State<FrontDoor>, mut request: Request) -> Response {
    let port = door.port_of(request.method(), request.uri().path());
    let rest = request.uri().path_and_query().map_or("/", |rest| rest.as_str());
    let Ok(uri) = format!("http://127.0.0.1:{port}{rest}").parse::<Uri>() else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    *request.uri_mut() = uri;
    *request.version_mut() = axum::http::Version::HTTP_11;
    for name in &HOP_BY_HOP {
        request.headers_mut().remove(name);
    }
    match door.client.request(request).await {
        Ok(mut response) => {
            for name in &HOP_BY_HOP {
                response.headers_mut().remove(name);
            }
            response.map(Body::new)
        }
        Err(_) => (StatusCode::BAD_GATEWAY, "the function does not answer\n").into_response(),
    }
}

#[cfg(test)]
mod tests {
    use hyper_util::client::legacy::Client;
    use hyper_util::rt::TokioExecutor;

    use super::*;

    #[tokio::test]
    async fn path_and_method_decide_where_a_request_goes() {
        let serves = |paths: &[(&str, &[&str])]| {
            let methods = |methods: &[&str]| -> Value {
                methods.iter().map(|method| ((*method).to_owned(), json!({}))).collect()
            };
            let paths: Value =
                paths.iter().map(|(path, known)| ((*path).to_owned(), methods(known))).collect();
            json!({"paths": paths})
        };
        let door = FrontDoor::new(
            [
                ("create-task", 1, serves(&[("/api/tasks", &["post"]), ("/health", &["get"])])),
                ("query-tasks", 2, serves(&[("/api/tasks", &["get"]), ("/api/tasks/{id}", &["get"])])),
                ("delete-task", 3, serves(&[("/api/tasks/{id}", &["delete"])])),
                ("web", 4, serves(&[("/health", &["get"])])),
            ],
            Client::builder(TokioExecutor::new()).build_http(),
        );
        for (method, path, port) in [
            (Method::POST, "/api/tasks", 1),
            (Method::POST, "/api/tasks/", 1),
            (Method::GET, "/api/tasks", 2),
            (Method::HEAD, "/api/tasks/7", 2),
            (Method::DELETE, "/api/tasks/7", 3),
            (Method::PUT, "/api/tasks", 1),
            (Method::GET, "/health", 1),
            (Method::GET, "/", 4),
            (Method::GET, "/api/tasks/7/8", 4),
        ] {
            assert_eq!(door.port_of(&method, path), port, "{method} {path}");
        }
        assert!(door.document["paths"]["/api/tasks"]["get"].is_object());
        assert!(door.document["paths"]["/api/tasks"]["post"].is_object());
    }
}
