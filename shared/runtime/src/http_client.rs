//! Calls of services outside: one deadline for the whole of a call, no redirect followed, and no more read of an answer than is used.

use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::HeaderMap;
use hyper::{Request, StatusCode};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::rt::TokioExecutor;
use rustls::pki_types::{CertificateDer, pem::PemObject};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::lookup_host;
use tokio::time::timeout;
use tower::Service;

use crate::ask::chain;

/// Which hosts may be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Those with a public address; for URLs that come from users, who must not reach into the network that Kaam runs in.
    Public,
    /// All of them; for URLs that come from whoever runs Kaam, and for tests.
    Anywhere,
}

impl Reach {
    fn includes(self, address: IpAddr) -> bool {
        self == Reach::Anywhere || is_public(address)
    }
}

const NOT_PUBLIC: &str = "the host has no public address";

/// Calls HTTP services.
#[derive(Clone)]
pub struct HttpClient {
    client: Client<HttpsConnector<HttpConnector<Resolver>>, Full<Bytes>>,
    reach: Reach,
    deadline: Duration,
    answer_bytes: usize,
}

/// What a service answered.
#[derive(Debug)]
pub struct Answer {
    /// Whatever it is: of a redirect, too.
    pub status: StatusCode,
    /// All of them.
    pub headers: HeaderMap,
    /// Empty when it is longer than the client reads, and when the connection breaks in the middle of it.
    pub body: Bytes,
}

/// Certificates to trust beside those of the web.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Authorities(Vec<CertificateDer<'static>>);

impl Authorities {
    /// Reads certificates (PEM), one at least; `None` if it is anything else.
    pub(crate) fn parse(pem: &str) -> Option<Self> {
        let read = CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<Vec<_>, _>>().ok()?;
        let mut trusted = RootCertStore::empty();
        let are_sound = read.iter().all(|certificate| trusted.add(certificate.clone()).is_ok());
        (are_sound && !read.is_empty()).then_some(Self(read))
    }
}

impl HttpClient {
    /// Makes a client of which each call takes at most `deadline`, and which reads at most `answer_bytes` of a body.
    ///
    /// # Errors
    /// When the TLS library does not have the protocol versions that it says it has.
    pub fn new(reach: Reach, deadline: Duration, answer_bytes: usize) -> Result<Self, rustls::Error> {
        Self::trusting(None, reach, deadline, answer_bytes)
    }

    /// As [`HttpClient::new`], one that trusts more authorities than those of the web.
    pub(crate) fn trusting(
        authorities: Option<&Authorities>,
        reach: Reach,
        deadline: Duration,
        answer_bytes: usize,
    ) -> Result<Self, rustls::Error> {
        let mut tcp = HttpConnector::new_with_resolver(Resolver(reach));
        tcp.enforce_http(false);
        tcp.set_connect_timeout(Some(deadline / 2));
        let mut trusted = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        for certificate in authorities.map_or(&[][..], |authorities| &authorities.0) {
            trusted.add(certificate.clone())?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        let tls = tls.with_root_certificates(trusted).with_no_client_auth();
        let https = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        Ok(Self { client: Client::builder(TokioExecutor::new()).build(https), reach, deadline, answer_bytes })
    }

    /// Sends a request and gives the answer, whatever its status.
    ///
    /// # Errors
    /// Why there is no answer, in words.
    pub async fn send(&self, request: Request<Full<Bytes>>) -> Result<Answer, String> {
        // An address is connected to without being looked up.
        let host = request.uri().host().map(|host| host.trim_matches(['[', ']']));
        if host.and_then(|host| host.parse().ok()).is_some_and(|address| !self.reach.includes(address)) {
            return Err(NOT_PUBLIC.to_owned());
        }
        let call = async {
            let response = self.client.request(request).await.map_err(|error| chain(&error))?;
            let (parts, body) = response.into_parts();
            let body = Limited::new(body, self.answer_bytes).collect().await;
            let body = body.map(|body| body.to_bytes()).unwrap_or_default();
            Ok(Answer { status: parts.status, headers: parts.headers, body })
        };
        timeout(self.deadline, call).await.unwrap_or_else(|_| Err("no answer in time".to_owned()))
    }
}

/// Looks names up, and gives only the addresses within reach. What it gives is what is connected to: a name can not be public when
/// it is checked and private when it is used.
#[derive(Clone)]
struct Resolver(Reach);

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let Self(reach) = *self;
        Box::pin(async move {
            let found = lookup_host((name.as_str(), 0)).await?;
            let within: Vec<_> = found.filter(|address| reach.includes(address.ip())).collect();
            if within.is_empty() {
                return Err(io::Error::new(io::ErrorKind::PermissionDenied, NOT_PUBLIC));
            }
            Ok(within.into_iter())
        })
    }
}

/// Says whether an address is one of the public internet (the special-purpose registries of RFC 6890).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(mapped) => is_public_v4(mapped),
            None => is_public_v6(address),
        },
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let is_shared = a == 100 && (64..128).contains(&b);
    // Protocols, and the relays of 6to4.
    let is_for_protocols = matches!((a, b, c), (192, 0, 0) | (192, 88, 99));
    let is_for_benchmarks = a == 198 && (18..20).contains(&b);
    let is_reserved = a == 0 || a >= 224;
    !(address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || address.is_documentation()
        || is_shared
        || is_for_protocols
        || is_for_benchmarks
        || is_reserved)
}

/// Only 2000::/3 is given out, and parts of that lead elsewhere: Teredo (of 2001::/23, which is for protocols) and 6to4 into IPv4, what
/// is for documentation nowhere. An address of NAT64 (64:ff9b::/96) is as public as the IPv4 address in it.
fn is_public_v6(address: Ipv6Addr) -> bool {
    match address.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
            is_public_v4(Ipv4Addr::new(a, b, c, d))
        }
        [0x2001, 0..=0x1ff | 0xdb8, ..] | [0x2002, ..] | [0x3fff, 0..=0xfff, ..] => false,
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    #[test]
    fn an_address_inside_somebodys_network_is_not_public() {
        for address in [
            "0.0.0.0",
            "10.0.0.1",
            "100.64.0.1",
            "127.0.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "192.0.0.8",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:10.0.0.1",
            "64:ff9b::a00:1",
            "fc00::1",
            "fe80::1",
            "ff02::1",
            "2002:a00:1::1",
            "2001:0:1::1",
            "2001:2::1",
            "2001:10::1",
            "2001:1ff::1",
            "2001:db8::1",
            "3fff::1",
            "3fff:fff::1",
            "5f00::1",
            "64:ff9b:1::808:808",
            "::127.0.0.1",
            "fec0::1",
        ] {
            assert!(!is_public(address.parse().expect(address)), "{address}");
        }
        for address in [
            "8.8.8.8",
            "142.250.1.95",
            "2a00:1450:4001::1",
            "2001:4860::8888",
            "2001:200::1",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
        ] {
            assert!(is_public(address.parse().expect(address)), "{address}");
        }
    }

    #[tokio::test]
    async fn a_name_that_leads_to_this_machine_is_out_of_reach() {
        let name = || "localhost".parse::<Name>().expect("a name");
        assert!(Resolver(Reach::Public).call(name()).await.is_err());
        assert!(Resolver(Reach::Anywhere).call(name()).await.is_ok());
    }
    /// Answers one request with `answer`, and holds the connection open.
    async fn service(answer: &'static str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/", listener.local_addr().expect("an address"));
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            stream.read_exact(&mut [0; 16]).await.expect("a request");
            stream.write_all(answer.as_bytes()).await.expect("the client listens");
            std::future::pending::<()>().await;
        });
        url
    }

    async fn get(url: &str, deadline: Duration, answer_bytes: usize) -> Result<Answer, String> {
        let client = HttpClient::new(Reach::Anywhere, deadline, answer_bytes).expect("a client");
        client.send(Request::get(url).body(Full::default()).expect("a request")).await
    }

    #[tokio::test]
    async fn no_more_is_read_of_an_answer_than_is_used() {
        let answer = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";
        for (answer_bytes, body) in [(5, "hello"), (4, "")] {
            let got =
                get(&service(answer).await, Duration::from_secs(10), answer_bytes).await.expect("an answer");
            assert_eq!((got.status, got.body.as_ref()), (StatusCode::OK, body.as_bytes()));
        }
    }

    #[tokio::test]
    async fn a_redirect_is_an_answer_and_is_not_followed() {
        let url =
            service("HTTP/1.1 307 Temporary Redirect\r\nlocation: /\r\ncontent-length: 0\r\n\r\n").await;
        let got = get(&url, Duration::from_secs(10), 0).await.expect("an answer");
        assert_eq!(got.status, StatusCode::TEMPORARY_REDIRECT);
    }

    #[tokio::test]
    async fn the_deadline_is_for_the_whole_of_a_call() {
        for answer in ["", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhell"] {
            let got = get(&service(answer).await, Duration::from_millis(50), 5).await;
            assert_eq!(got.expect_err("no answer"), "no answer in time");
        }
    }
}
