//! Several functions as one router.

use std::{
    net::SocketAddr,
    sync::{Arc, Once},
};

use axum::{Extension, Router, middleware, routing::get};
use tower::Layer;
use utoipa_axum::router::OpenApiRouter;

use super::{
    Origins,
    door::{Door, For},
    health,
    layers::{self, Guarded, Shell},
    openapi,
};
use crate::{
    address::TrustedProxies,
    auth::Authenticator,
    clock::Clock,
    config::{Auth, Config},
    function::{Background, Function},
    limits::Limits,
    metrics::Metrics,
    problem::Problem,
    rate_limit::{RateLimits, Rates},
    triggers::Counted,
};

/// The functions of a process with everything around them, ready to be served.
///
/// It answers the functions' own paths, `/health`, `/ready` and `/openapi.json`; a process of one function also takes its
/// events or ticks at `POST /`. With several functions those routes are not public: they are called in the process
/// ([`crate::triggers::deliver`]). With `AUTH=jwt` a function's paths want the token of a user, unless the function says that they are
/// [public](Function::public), and `POST /` wants what may bring events.
#[derive(Debug)]
#[must_use]
pub struct App {
    pub(super) address: SocketAddr,
    pub(super) metrics_address: Option<SocketAddr>,
    pub(super) metrics: Metrics,
    pub(super) limits: Limits,
    origins: Origins,
    auth: Auth,
    trusted_proxies: TrustedProxies,
    rates: Option<Rates>,
    clock: Clock,
    functions: Vec<Function>,
}

impl App {
    /// Composes `functions`; paths that two of them have are a mistake of the programmer and panic in [`App::router`].
    pub fn new(config: &Config, functions: Vec<Function>) -> App {
        App {
            address: SocketAddr::new(config.host, config.port),
            metrics_address: config.metrics_port.map(|port| SocketAddr::new(config.host, port)),
            metrics: Metrics::new(),
            limits: Limits::default(),
            origins: config.cors_origins.clone(),
            auth: config.auth.clone(),
            trusted_proxies: config.trusted_proxies.clone(),
            rates: config.rates,
            clock: Clock::system(),
            functions,
        }
    }

    /// Looks at the times of tokens by another clock than the system's.
    pub fn clock(mut self, clock: Clock) -> App {
        self.clock = clock;
        self
    }

    /// Counts in `metrics`, so that functions and server share them.
    pub fn metrics(mut self, metrics: Metrics) -> App {
        self.metrics = metrics;
        self
    }

    /// Sets what one request may cost.
    pub fn limits(mut self, limits: Limits) -> App {
        self.limits = limits;
        self
    }

    /// Gives the router with every layer, to be called without a network; work in the background is left out.
    pub fn router(self) -> Router {
        self.into_parts().0
    }

    /// Gives the one function of a process that has one.
    #[cfg(feature = "lambda")]
    pub(crate) fn only_function(&self) -> &Function {
        self.functions.first().expect("a process has a function")
    }

    /// Gives the router and the work that runs beside it.
    pub(super) fn into_parts(self) -> (Router, Vec<Background>) {
        let App {
            address, metrics, limits, auth, origins, trusted_proxies, rates, clock, mut functions, ..
        } = self;
        let rates = rates.map(|rates| Arc::new(RateLimits::new(rates, &clock)));
        let authenticator = match &auth {
            Auth::Local => None,
            Auth::Jwt(settings) => {
                Some(Arc::new(Authenticator::new(settings, address.ip().is_loopback(), &clock)))
            }
        };
        let needs_tokens = authenticator.is_some();
        let shell = Shell {
            metrics,
            origins,
            limits,
            trusted_proxies,
            needs_tokens,
            is_for_this_machine: !needs_tokens,
            told_of_proxy: Arc::new(Once::new()),
        };
        let takes_triggers = functions.len() == 1;
        let checks = functions.iter_mut().flat_map(|function| function.readiness.drain(..));
        let health = health::router(checks.collect(), limits.check_deadline);
        let mut background = Vec::new();
        let (mut routes, mut document) =
            guarded(OpenApiRouter::with_openapi(openapi::frame()).merge(health), &shell, Door::default());
        for function in functions {
            background.extend(function.background);
            let request_deadline = function.timeout.unwrap_or(limits.request_deadline);
            let shell = Shell { limits: Limits { request_deadline, ..limits }, ..shell.clone() };
            let asks = |whom| authenticator.clone().map(|known| (known, whom));
            let for_all = Door { rates: rates.clone(), asks: None };
            let for_users = Door { asks: asks(For::Users), ..for_all.clone() };
            let (router, paths) = guarded(function.http, &shell, for_users);
            let (public, public_paths) = guarded(function.public, &shell, for_all);
            routes = routes.merge(router).merge(public);
            document.merge(openapi::for_users(paths, needs_tokens));
            document.merge(public_paths);
            if let Some(triggers) = function.triggers.filter(|_| takes_triggers) {
                let triggers = triggers.layer(Extension(Counted::new(&shell.metrics)));
                // Where nothing has to be shown, only this machine may bring events and ticks.
                let is_for_this_machine = authenticator.as_ref().is_none_or(|known| known.events_are_open());
                let shell = Shell { is_for_this_machine, ..shell };
                let for_events = Door { rates: None, asks: asks(For::Events) };
                routes = routes.merge(guarded(triggers.into(), &shell, for_events).0);
            }
        }
        let document = Router::new().route("/openapi.json", get(openapi::serve(document)));
        let routes = routes
            .merge(guarded(document.into(), &shell, Door::default()).0)
            .fallback(async || Problem::not_found("there is nothing at this path"));
        let observed = middleware::from_fn_with_state(Arc::new(shell), layers::observe).layer(routes);
        (Router::new().fallback_service(observed), background)
    }
}

/// Puts a door before every route, and the deadline and the net for panics around it.
fn guarded(router: OpenApiRouter, shell: &Shell, door: Door) -> (Router, utoipa::openapi::OpenApi) {
    let (router, document) = router.split_for_parts();
    let guarded = Arc::new(Guarded { shell: shell.clone(), door });
    (router.layer(middleware::from_fn_with_state(guarded, layers::guard)), document)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::{
        body::Body,
        http::{Request, header},
        response::Response,
        routing::post,
    };
    use http_body_util::BodyExt;
    use serde_json::{Value, json};
    use tower::ServiceExt;

    use super::*;
    use crate::{
        config::Environment,
        disposition::Disposition,
        function::Check,
        json::JsonBody,
        path::Id,
        request::RequestContext,
        triggers::{Incoming, on_events, on_tick},
    };

    fn config() -> Config {
        Config::from_environment(&Environment::default()).expect("the defaults are sound")
    }

    /// A function with one route of each temper.
    fn sample() -> Function {
        let routes = Router::new()
            .route("/api/tasks", post(async |JsonBody(body, _): JsonBody| axum::Json(body)))
            .route("/api/tasks/{id}", get(async |Id(id): Id| id.to_string()))
            .route(
                "/panic",
                get(async || {
                    if true {
                        panic!("a test of panics")
                    }
                }),
            )
            .route("/slow", get(async || std::future::pending::<()>().await))
            .route("/who", get(async |context: RequestContext| context.correlation_id));
        Function::new("sample").http(routes.into()).on(on_tick(async || Disposition::Done))
    }

    async fn send(app: App, request: Request<Body>) -> (Response<()>, String) {
        let response = app.router().oneshot(request).await.expect("a response");
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("a body").to_bytes();
        (Response::from_parts(parts, ()), String::from_utf8(body.to_vec()).expect("UTF-8"))
    }

    async fn request(method: &str, path: &str) -> (Response<()>, String) {
        let request = Request::builder().method(method).uri(path).body(Body::empty()).expect("a request");
        send(App::new(&config(), vec![sample()]), request).await
    }

    fn problem(body: &str) -> Value {
        serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {body:?}"))
    }

    #[tokio::test]
    async fn what_becomes_of_each_event_that_comes_is_counted_by_its_topic() {
        let decide = async |events: Vec<Incoming>| {
            let decide = |event: &Incoming| match event.id.as_str() {
                "never" => Disposition::reject("no"),
                "later" => Disposition::retry("not yet"),
                _ => Disposition::Done,
            };
            events.iter().map(decide).collect()
        };
        let metrics = Metrics::new();
        let function = Function::new("write-audit").on(on_events(&["task-events"], decide));
        let router = App::new(&config(), vec![function]).metrics(metrics.clone()).router();
        let event = |id: &str, r#type: &str| json!({"specversion": "1.0", "id": id, "source": "/kaam/x", "type": r#type, "data": {}});
        let post = async |kind: &str, body: String| {
            let request =
                Request::post("/").header(header::HOST, "localhost").header(header::CONTENT_TYPE, kind);
            let request = request.body(Body::from(body)).expect("a request");
            router.clone().oneshot(request).await.expect("a response").status().as_u16()
        };
        let structured = "application/cloudevents+json";
        assert_eq!(post(structured, event("a", "task.created").to_string()).await, 204);
        assert_eq!(post(structured, event("never", "reminder.due").to_string()).await, 422);
        assert_eq!(post(structured, "{}".to_owned()).await, 422);
        let several =
            json!([event("later", "task.created"), event("never", "task.created"), {}, event("b", "x")]);
        assert_eq!(post("application/cloudevents-batch+json", several.to_string()).await, 200);
        let text = metrics.render();
        for (topic, outcome, count) in [
            ("task-events", "done", 1),
            ("task-events", "retry", 1),
            ("task-events", "reject", 1),
            ("reminders", "reject", 1),
            ("unknown", "reject", 2),
            ("unknown", "done", 1),
        ] {
            let line =
                format!("kaam_requested_events_total{{topic=\"{topic}\",outcome=\"{outcome}\"}} {count}\n");
            assert!(text.contains(&line), "{line}{text}");
        }
    }

    #[tokio::test]
    async fn every_error_is_a_problem_with_the_correlation_id_of_the_response() {
        for (method, path, status) in [
            ("GET", "/nothing", 404),
            ("GET", "/nothing/", 404),
            ("GET", "/api/tasks/1", 400),
            ("PUT", "/api/tasks", 405),
            ("TRACE", "/api/tasks", 405),
            ("BREW", "/api/tasks", 405),
            ("POST", "/api/tasks", 415),
            ("GET", "/panic", 500),
            ("POST", "/health", 405),
            ("PUT", "/", 405),
        ] {
            let (response, body) = request(method, path).await;
            assert_eq!(response.status(), status, "{method} {path}");
            assert_eq!(
                response.headers()[header::CONTENT_TYPE],
                "application/problem+json",
                "{method} {path}"
            );
            let problem = problem(&body);
            assert_eq!(
                problem["correlation_id"],
                response.headers()["x-correlation-id"].to_str().expect("ASCII")
            );
            assert_eq!(problem["status"], status);
            assert_eq!(problem["error"], problem["title"]);
            assert_eq!(status == 405, response.headers().contains_key(header::ALLOW), "{method} {path}");
            assert!(!body.contains("a test of panics"));
        }
    }

    #[tokio::test]
    async fn a_panic_is_counted_and_the_next_request_is_served() {
        let metrics = Metrics::new();
        let router = App::new(&config(), vec![sample()]).metrics(metrics.clone()).router();
        for (path, status) in [("/panic", 500), ("/health", 200)] {
            let request = Request::get(path).body(Body::empty()).expect("a request");
            assert_eq!(router.clone().oneshot(request).await.expect("a response").status(), status);
        }
        let text = metrics.render();
        assert!(text.contains("handler_panics_total 1"), "{text}");
        assert!(
            text.contains(r#"http_requests_total{method="GET",route="/panic",status="500"} 1"#),
            "{text}"
        );
    }

    #[tokio::test]
    async fn an_operation_that_takes_too_long_is_a_503_that_says_when_to_come_back() {
        let limits = Limits { request_deadline: Duration::from_millis(5), ..Limits::default() };
        let slow = || Request::get("/slow").body(Body::empty()).expect("a request");
        let (response, _) = send(App::new(&config(), vec![sample()]).limits(limits), slow()).await;
        assert_eq!((response.status().as_u16(), &response.headers()["retry-after"]), (503, &1.into()));
        let function = sample().timeout(Duration::from_millis(5));
        assert_eq!(send(App::new(&config(), vec![function]), slow()).await.0.status(), 503);
    }

    #[tokio::test]
    async fn a_trailing_slash_is_accepted_everywhere() {
        let body = json!({"title": "buy milk"}).to_string();
        for path in ["/api/tasks/", "/api/tasks//", "/api/tasks/?a=b"] {
            let create = Request::post(path).header(header::CONTENT_TYPE, "application/json");
            let create = create.body(Body::from(body.clone())).expect("a request");
            let (response, answer) = send(App::new(&config(), vec![sample()]), create).await;
            assert_eq!((response.status().as_u16(), &answer), (200, &body), "{path}");
        }
        assert_eq!(request("GET", "/health/").await.0.status(), 200);
        assert_eq!(request("POST", "/").await.0.status(), 204);
    }

    #[tokio::test]
    async fn head_is_get_without_a_body() {
        let (response, body) = request("HEAD", "/health").await;
        assert_eq!((response.status().as_u16(), body.as_str()), (200, ""));
        let (response, body) = request("HEAD", "/nothing").await;
        assert_eq!((response.status().as_u16(), body.as_str()), (404, ""));
    }

    #[tokio::test]
    async fn the_correlation_id_of_the_caller_reaches_the_handler_and_comes_back() {
        let ask = Request::get("/who")
            .header("X-Correlation-ID", "order 66")
            .body(Body::empty())
            .expect("a request");
        let (response, body) = send(App::new(&config(), vec![sample()]), ask).await;
        assert_eq!(
            (&response.headers()["x-correlation-id"], body.as_str()),
            (&"order 66".parse().expect("ASCII"), "order 66")
        );
        let (response, body) = request("GET", "/who").await;
        assert_eq!(response.headers()["x-correlation-id"], body);
        assert_eq!(body.len(), 36);
    }

    #[tokio::test]
    async fn triggers_are_public_only_when_the_process_is_one_function() {
        let tick = || Request::post("/").body(Body::empty()).expect("a request");
        assert_eq!(send(App::new(&config(), vec![sample()]), tick()).await.0.status(), 204);
        let several = App::new(&config(), vec![sample(), Function::new("other")]);
        assert_eq!(send(several, tick()).await.0.status(), 404);
    }

    #[tokio::test]
    async fn readiness_names_everything_and_fails_with_what_is_required() {
        let (response, body) = request("GET", "/ready").await;
        let nothing = json!({
            "status": "ready", "database": "not_configured", "dapr": "not_configured",
            "ollama": "not_configured", "kafka": "not_configured",
        });
        assert_eq!((response.status().as_u16(), problem(&body)), (200, nothing));

        let ready = || Request::get("/ready").body(Body::empty()).expect("a request");
        let optional = sample().ready_when(Check::optional("ollama", async || false));
        let (response, body) = send(App::new(&config(), vec![optional]), ready()).await;
        assert_eq!((response.status().as_u16(), &problem(&body)["ollama"]), (200, &json!("unreachable")));

        let limits = Limits { check_deadline: Duration::from_millis(5), ..Limits::default() };
        let hanging = sample().ready_when(Check::required("database", std::future::pending));
        let (response, body) = send(App::new(&config(), vec![hanging]).limits(limits), ready()).await;
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/json");
        assert_eq!(problem(&body)["status"], "not_ready");
        assert_eq!(problem(&body)["database"], "unreachable");
    }

    #[tokio::test]
    async fn the_openapi_document_lists_what_is_served() {
        let (response, body) = request("GET", "/openapi.json").await;
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/json");
        let document = problem(&body);
        assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")), "{body}");
        assert_eq!(document["info"]["title"], "Kaam");
        assert!(
            document["paths"]["/health"]["get"].is_object() && document["paths"]["/ready"]["get"].is_object()
        );
        let schema = &document["components"]["schemas"]["Problem"];
        assert!(schema["properties"]["correlation_id"].is_object(), "{schema}");
        assert!(document["components"]["schemas"]["FieldError"].is_object());
        let misdirected = &document["paths"]["/ready"]["get"]["responses"]["421"]["content"];
        let reference = &misdirected["application/problem+json"]["schema"]["$ref"];
        assert_eq!(reference, "#/components/schemas/Problem", "{misdirected}");
    }
}
