//! A Knative sink (`K_SINK`): one POST for each CloudEvent, in structured JSON mode, with TLS where its address asks for it.
//!
//! The rules are those of Knative's "Event Delivery" and "Data Plane" specifications: 2xx means that the sink has the event; 404,
//! 408, 409, 429 and 5xx that it may take it later; every other 4xx that it never will.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::DateTime;
use events::Event;
use events::cloud_event::{CONTENT_TYPE, is_attribute_name};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{self, HeaderMap};
use hyper::{Request, Response, StatusCode, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Map, Value};
use tokio::time::timeout;

use crate::feed::{Bus, Feed, Outgoing};
use crate::keys::in_order_of_keys;
use crate::{Published, chain, feed, unavailable};

/// How long one event may take, from the connection to the end of the answer.
const DEADLINE: Duration = Duration::from_secs(10);
/// No wait that a sink wishes for is longer: a mistake there must not hold events for days.
const LONGEST_WISH: Duration = Duration::from_secs(3_600);
/// How long a connection is kept for the next event; below the 10 s after which Kaam's own servers close an idle one.
const IDLE: Duration = Duration::from_secs(5);
/// How long the body of an answer may take.
const REST_DEADLINE: Duration = Duration::from_secs(1);
/// How much of an answer is read, so that its connection can serve again.
const ANSWER_BYTES: usize = 64 * 1024;

/// What is wrong with the address of a sink or with what is to be added to its events.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// It is no URL, or of another scheme.
    #[error(
        "it must be an http:// or https:// URL such as http://broker-ingress.knative-eventing/kaam/default"
    )]
    Url,
    /// What should be certificates is not.
    #[error("there is no certificate in PEM, or a malformed one")]
    Certificates,
    /// The TLS library does not have the protocol versions that it says it has.
    #[error("there is no TLS")]
    Tls(#[source] rustls::Error),
    /// The additions are no such JSON.
    #[error(r#"it must be JSON such as {{"extensions":{{"tenant":"home"}}}}, names in lower-case letters and digits"#)]
    Overrides,
}

/// A sink; clones share its connections.
#[derive(Debug, Clone)]
pub struct Sink {
    uri: Uri,
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    /// Extension attributes that every event gets.
    extensions: Arc<Map<String, Value>>,
    deadline: Duration,
    feed: Feed,
}

impl Sink {
    /// Makes the sink of an `http://` or `https://` URL (`K_SINK`), without connecting. Redirects are not followed. With https its
    /// certificate has to be of this name and of an authority that the web trusts, or of one of [`Sink::with_authorities`].
    ///
    /// # Errors
    /// [`SinkError::Url`].
    pub fn parse(url: &str) -> Result<Self, SinkError> {
        let uri: Uri = url.parse().map_err(|_| SinkError::Url)?;
        match uri.scheme_str() {
            Some("http" | "https") if uri.host().is_some_and(|host| !host.is_empty()) => {}
            _ => return Err(SinkError::Url),
        }
        let (client, extensions, feed) = (client(None)?, Arc::default(), Feed::default());
        Ok(Self { uri, client, extensions, deadline: DEADLINE, feed })
    }

    /// Trusts certificates (PEM) beside those of the web: those of `K_CA_CERTS`, which Knative gives along with the address of a
    /// sink inside the cluster.
    ///
    /// # Errors
    /// [`SinkError::Certificates`].
    pub fn with_authorities(self, pem: &str) -> Result<Self, SinkError> {
        Ok(Self { client: client(Some(pem))?, ..self })
    }

    /// Adds extension attributes to every event, from the JSON of `K_CE_OVERRIDES` (Knative's `ceOverrides`). They do not replace
    /// what an event has of itself.
    ///
    /// # Errors
    /// [`SinkError::Overrides`]: names must be of lower-case letters and digits (CloudEvents 1.0.2, "Naming Conventions").
    pub fn with_overrides(mut self, json: &str) -> Result<Self, SinkError> {
        let overrides: Value = serde_json::from_str(json).map_err(|_| SinkError::Overrides)?;
        let extensions = match overrides.get("extensions") {
            None if overrides.is_object() => Map::new(),
            Some(Value::Object(extensions)) => extensions.clone(),
            _ => return Err(SinkError::Overrides),
        };
        let is_sound = |(name, value): (&String, &Value)| {
            is_attribute_name(name) && (value.is_string() || value.is_boolean())
        };
        if !extensions.iter().all(is_sound) {
            return Err(SinkError::Overrides);
        }
        self.extensions = Arc::new(extensions);
        Ok(self)
    }

    /// Sends events, the keys beside each other, the events of one key in order.
    pub(crate) async fn publish(&self, events: &[Event]) -> Vec<Published> {
        feed::publish(self, events).await
    }

    /// Sends a message; notes when the sink turns out to be away.
    async fn send_one(&self, message: &Outgoing<'_>, is_away: &AtomicBool) -> Published {
        match timeout(self.deadline, self.post(self.body(&message.text))).await {
            Ok(Ok(mut response)) => {
                // The status has decided; the rest is read for the sake of the connection alone.
                let rest = Limited::new(response.body_mut(), ANSWER_BYTES).collect();
                let _ = timeout(REST_DEADLINE, rest).await;
                judge(response.status(), response.headers())
            }
            Ok(Err(error)) => {
                // One that hangs up may still be there for the others.
                is_away.fetch_or(error.is_connect(), Ordering::Relaxed);
                unavailable(format!("the sink can not be reached: {}", chain(&error)))
            }
            Err(_) => {
                is_away.store(true, Ordering::Relaxed);
                unavailable("the sink did not answer in time")
            }
        }
    }

    fn body(&self, text: &str) -> Bytes {
        if self.extensions.is_empty() {
            return text.to_owned().into();
        }
        let mut attributes: Map<String, Value> = serde_json::from_str(text).expect("an event is an object");
        for (name, value) in self.extensions.iter() {
            attributes.entry(name).or_insert_with(|| value.clone());
        }
        Value::from(attributes).to_string().into()
    }

    async fn post(&self, body: Bytes) -> Result<Response<Incoming>, hyper_util::client::legacy::Error> {
        let request = Request::post(self.uri.clone()).header(header::CONTENT_TYPE, CONTENT_TYPE);
        let request = request.body(Full::new(body)).expect("a parsed URL and a header are a request");
        self.client.request(request).await
    }
}

impl Bus for Sink {
    /// Once the sink turns out to be away, what has not been sent waits with the rest instead of running into the same deadline.
    async fn send(&self, messages: &[Outgoing<'_>]) -> Vec<Published> {
        let is_away = AtomicBool::new(false);
        let is_away = &is_away;
        in_order_of_keys(messages, |message| async move {
            if is_away.load(Ordering::Relaxed) {
                return unavailable("the sink is away");
            }
            self.send_one(message, is_away).await
        })
        .await
    }

    fn feed(&self) -> &Feed {
        &self.feed
    }
}

fn client(
    authorities: Option<&str>,
) -> Result<Client<HttpsConnector<HttpConnector>, Full<Bytes>>, SinkError> {
    let mut trusted = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(pem) = authorities {
        let read = CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<Vec<_>, _>>();
        let certificates = read.map_err(|_| SinkError::Certificates)?;
        if certificates.is_empty() {
            return Err(SinkError::Certificates);
        }
        for certificate in certificates {
            trusted.add(certificate).map_err(|_| SinkError::Certificates)?;
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let tls = tls.map_err(SinkError::Tls)?.with_root_certificates(trusted).with_no_client_auth();
    let https = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().build();
    let mut client = Client::builder(TokioExecutor::new());
    Ok(client.pool_timer(TokioTimer::new()).pool_idle_timeout(IDLE).build(https))
}

/// Says what a sink's answer means. Trouble of the way there (429, 502, 503, 504) is no fault of the event's; a redirect is a wrong
/// address, which may be mended.
fn judge(status: StatusCode, headers: &HeaderMap) -> Published {
    let (after, why) = (retry_after(headers), format!("the sink answered {}", status.as_u16()));
    match status.as_u16() {
        200..=299 => Published::Done,
        429 | 502 | 503 | 504 => Published::Unavailable { after, why },
        404 | 408 | 409 => Published::Retry { after, why },
        400..=499 => Published::Never { why },
        _ => Published::Retry { after, why },
    }
}

/// Reads `Retry-After` (RFC 9110 §10.2.3): seconds, or an instant, which is compared with the answer's own `Date`.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name| headers.get(name)?.to_str().ok().map(str::trim);
    let wish = text(header::RETRY_AFTER)?;
    let wait = match wish.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let instant = |text| DateTime::parse_from_rfc2822(text).ok();
            (instant(wish)? - instant(text(header::DATE)?)?).to_std().ok()?
        }
    };
    Some(wait.min(LONGEST_WISH))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use serde_json::json;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use uuid::Uuid;

    use super::*;
    use crate::sample::event;

    /// What a sink got: the head and the event.
    type Got = Arc<Mutex<Vec<(String, Value)>>>;

    /// Serves one request a connection; `answer` gives the whole answer to an event, or nothing to hang up.
    async fn sink(answer: impl Fn(&Value) -> String + Send + 'static) -> (Sink, Got) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/kaam/default", listener.local_addr().expect("it listens"));
        let got = Got::default();
        let kept = Arc::clone(&got);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (head, event) = read(&mut stream).await;
                let answer = answer(&event);
                kept.lock().expect("nobody panicked").push((head, event));
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        (Sink::parse(&url).expect("a URL"), got)
    }

    async fn read(stream: &mut (impl AsyncReadExt + Unpin)) -> (String, Value) {
        let mut bytes = Vec::new();
        loop {
            let mut some = [0; 4096];
            let count = stream.read(&mut some).await.expect("the client is there");
            bytes.extend_from_slice(&some[..count]);
            let text = String::from_utf8_lossy(&bytes);
            if let Some((head, body)) = text.split_once("\r\n\r\n")
                && let Ok(event) = serde_json::from_str(body)
            {
                return (head.to_owned(), event);
            }
        }
    }

    fn answer(status: &str) -> String {
        format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
    }

    #[tokio::test]
    async fn an_event_is_one_post_in_structured_mode_with_the_extensions_asked_for() {
        let (sink, got) = sink(|_| answer("202 Accepted")).await;
        let sink = sink.with_overrides(r#"{"extensions":{"tenant":"home","subject":"x"}}"#).expect("JSON");
        assert_eq!(sink.publish(&[event("a", 1)]).await, [Published::Done]);
        let got = got.lock().expect("nobody panicked").clone();
        let (head, event) = &got[0];
        assert!(head.starts_with("POST /kaam/default HTTP/1.1"), "{head}");
        assert!(head.contains("content-type: application/cloudevents+json"), "{head}");
        assert_eq!(
            (&event["tenant"], &event["subject"], &event["data"]["topic_name"]),
            (&json!("home"), &json!("a"), &json!("reminders"))
        );
    }

    #[tokio::test]
    async fn after_an_event_that_is_to_come_again_the_later_ones_of_its_key_are_not_sent() {
        let second = Uuid::from_u128(2).to_string();
        let (sink, got) = sink(move |event| {
            answer(if event["id"] == second.as_str() { "500 Oops" } else { "204 No Content" })
        })
        .await;
        let events = [event("a", 1), event("b", 2), event("b", 3), event("a", 4)];
        let retry = Published::Retry { after: None, why: "the sink answered 500".to_owned() };
        assert_eq!(sink.publish(&events).await, [Published::Done, retry, Published::Waits, Published::Done]);
        let sent = got.lock().expect("nobody panicked").len();
        assert_eq!(sent, 3);
    }

    #[tokio::test]
    async fn a_sink_that_hangs_up_is_away_and_that_is_no_fault_of_the_event() {
        let (sink, _) = sink(|_| String::new()).await;
        let published = sink.publish(&[event("a", 1), event("a", 2)]).await;
        assert!(matches!(published[..], [Published::Unavailable { .. }, Published::Waits]), "{published:?}");
        let nobody = Sink::parse("http://127.0.0.1:1/").expect("a URL");
        let published = nobody.publish(&[event("a", 1)]).await;
        assert!(
            matches!(&published[..], [Published::Unavailable { why, .. }] if why.contains("reached")),
            "{published:?}"
        );
    }

    #[tokio::test]
    async fn a_sink_that_is_silent_is_away_after_the_deadline() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/", listener.local_addr().expect("it listens"));
        let sink = Sink { deadline: Duration::from_millis(50), ..Sink::parse(&url).expect("a URL") };
        // The second key is not even tried once the first has run out of time.
        let events: Vec<_> = (0..200).map(|number| event(&number.to_string(), number)).collect();
        let published = timeout(Duration::from_secs(5), sink.publish(&events)).await.expect("it gives up");
        assert!(published.iter().all(|one| matches!(one, Published::Unavailable { .. })), "{published:?}");
    }

    #[test]
    fn each_status_means_what_knative_says() {
        let judged = |status: u16, fields: &[(&'static str, &str)]| {
            let field = |(name, value): &(&'static str, &str)| {
                (header::HeaderName::from_static(name), value.parse().expect("a header value"))
            };
            let headers: HeaderMap = fields.iter().map(field).collect();
            judge(StatusCode::from_u16(status).expect("a status"), &headers)
        };
        for done in [200, 202, 204] {
            assert_eq!(judged(done, &[]), Published::Done);
        }
        for never in [400, 401, 403, 405, 413, 415, 422] {
            assert!(matches!(judged(never, &[]), Published::Never { .. }), "{never}");
        }
        for retry in [302, 404, 408, 409, 500, 501] {
            assert!(matches!(judged(retry, &[]), Published::Retry { after: None, .. }), "{retry}");
        }
        for away in [429, 502, 503, 504] {
            let wait = |fields: &[(&'static str, &str)]| match judged(away, fields) {
                Published::Unavailable { after, .. } => after,
                other => panic!("{away}: {other:?}"),
            };
            assert_eq!(wait(&[("retry-after", "7")]), Some(Duration::from_secs(7)));
            assert_eq!(wait(&[("retry-after", "99999999")]), Some(LONGEST_WISH));
            assert_eq!(wait(&[("retry-after", "soon")]), None);
            let (date, later) = ("Wed, 21 Oct 2015 07:28:00 GMT", "Wed, 21 Oct 2015 07:28:30 GMT");
            assert_eq!(wait(&[("date", date), ("retry-after", later)]), Some(Duration::from_secs(30)));
            assert_eq!(wait(&[("date", later), ("retry-after", date)]), None);
        }
    }

    #[test]
    fn a_wrong_address_and_wrong_overrides_are_told_apart() {
        for wrong in ["", "nonsense", "/path", "ftp://host/", "http://"] {
            assert!(matches!(Sink::parse(wrong), Err(SinkError::Url)), "{wrong}");
        }
        assert!(Sink::parse("https://host/").is_ok());
        let sink = || Sink::parse("http://host:8080/a/b").expect("a URL");
        for wrong in
            ["", "[]", r#"{"extensions":7}"#, r#"{"extensions":{"Big":"x"}}"#, r#"{"extensions":{"a":{}}}"#]
        {
            assert!(matches!(sink().with_overrides(wrong), Err(SinkError::Overrides)), "{wrong}");
        }
        assert!(sink().with_overrides("{}").is_ok());
        let empty = "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n";
        let broken = "-----BEGIN CERTIFICATE-----\ne30=\n-----END CERTIFICATE-----\n";
        for wrong in ["", "nonsense", empty, broken] {
            assert!(matches!(sink().with_authorities(wrong), Err(SinkError::Certificates)), "{wrong}");
        }
    }

    /// An authority, and a server with a certificate of it for `localhost` that answers every event with 202 and counts it.
    async fn tls_sink(authority_name: &str) -> (u16, String, Arc<Mutex<usize>>) {
        let key = || rcgen::KeyPair::generate().expect("a key");
        let mut authority = rcgen::CertificateParams::default();
        authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        authority.distinguished_name.push(rcgen::DnType::CommonName, authority_name);
        let authority = rcgen::CertifiedIssuer::self_signed(authority, key()).expect("a certificate");
        let key = key();
        let server = rcgen::CertificateParams::new(["localhost".to_owned()]).expect("a name");
        let server = server.signed_by(&key, &authority).expect("a certificate");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("TLS")
            .with_no_client_auth()
            .with_single_cert(
                vec![server.der().clone()],
                key.serialize_der().try_into().expect("a key in PKCS #8"),
            )
            .expect("a certificate and its key");
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("it listens").port();
        let count = Arc::new(Mutex::new(0));
        let counted = Arc::clone(&count);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // A client that does not trust it goes away here.
                let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                read(&mut stream).await;
                *counted.lock().expect("nobody panicked") += 1;
                let _ = stream.write_all(answer("202 Accepted").as_bytes()).await;
                let _ = stream.shutdown().await;
            }
        });
        (port, authority.pem(), count)
    }

    #[tokio::test]
    async fn a_sink_with_tls_gets_an_event_only_if_its_certificate_is_of_its_name_and_of_a_trusted_authority()
    {
        let (port, authority, count) = tls_sink("one").await;
        let (_, other_authority, _) = tls_sink("other").await;
        let url = |host: &str| format!("https://{host}:{port}/kaam/default");
        let sink = |host, pem: &str| Sink::parse(&url(host)).and_then(|sink| sink.with_authorities(pem));
        for (sink, said) in [
            (Sink::parse(&url("localhost")), "UnknownIssuer"),
            (sink("localhost", &other_authority), "UnknownIssuer"),
            (sink("127.0.0.1", &authority), "not valid for name"),
        ] {
            let published = sink.expect("sound settings").publish(&[event("a", 1)]).await;
            assert!(
                matches!(&published[..], [Published::Unavailable { why, .. }] if why.contains(said)),
                "{published:?}"
            );
        }
        assert_eq!(*count.lock().expect("nobody panicked"), 0);
        for pem in [authority.clone(), format!("# both\n{other_authority}\n{authority}")] {
            let sink = sink("localhost", &pem).expect("sound settings");
            assert_eq!(
                sink.publish(&[event("a", 1), event("a", 2)]).await,
                [Published::Done, Published::Done]
            );
        }
        assert_eq!(*count.lock().expect("nobody panicked"), 4);
    }

    #[tokio::test]
    async fn without_tls_the_certificates_change_nothing() {
        let (sink, _) = sink(|_| answer("202 Accepted")).await;
        let (_, authority, _) = tls_sink("other").await;
        let sink = sink.with_authorities(&authority).expect("a certificate");
        assert_eq!(sink.publish(&[event("a", 1)]).await, [Published::Done]);
    }
}
