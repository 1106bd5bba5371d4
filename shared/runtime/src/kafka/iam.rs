//! Amazon MSK's sign-in by IAM: in place of a password, a URL that is signed for a quarter of an hour.
//!
//! As AWS's own signers make it: a GET of the action `kafka-cluster:Connect`, presigned by Signature Version 4, with the name of the
//! program appended, all of it in base64url.

use std::{iter, sync::Arc, thread, time::Duration};

use aws_config::{BehaviorVersion, Region};
use aws_credential_types::{Credentials, provider::ProvideCredentials};
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign},
    sign::v4::SigningParams,
};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, rustls_provider::CryptoMode},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use tokio::time::timeout;

use super::Tokens;
use crate::{ask::chain, clock::Clock, percent::encode};

/// The name that AWS knows the cluster's rights by.
const SERVICE: &str = "kafka-cluster";
/// How long a token may be shown.
const LIFE: Duration = Duration::from_secs(900);
/// How long AWS may take to give credentials.
const PATIENCE: Duration = Duration::from_secs(5);
/// The program, as AWS's log of its calls has it.
const USER_AGENT: &str = concat!("kaam/", env!("CARGO_PKG_VERSION"));

/// Gives tokens for a cluster in `region`, by credentials that are found as every AWS program finds them.
pub(super) fn tokens(region: String) -> Tokens {
    let asked = region.clone();
    tokens_by(region, Clock::system(), move || credentials(&asked))
}

fn tokens_by(
    region: String,
    clock: Clock,
    credentials: impl Fn() -> Result<Credentials, String> + Send + Sync + 'static,
) -> Tokens {
    Arc::new(move || {
        let token = credentials().and_then(|credentials| token(&region, &credentials, clock.now()));
        if let Err(error) = &token {
            tracing::warn!(error, "AWS gives no credentials to sign in to Kafka by; trying again");
        }
        token
    })
}

/// Signs a token; gives when it expires, too.
fn token(region: &str, credentials: &Credentials, now: DateTime<Utc>) -> Result<(String, i64), String> {
    let unsigned =
        format!("https://kafka.{region}.amazonaws.com/?Action={}", encode("kafka-cluster:Connect"));
    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(LIFE);
    let identity = credentials.clone().into();
    let params = SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(SERVICE)
        .time(now.into())
        .settings(settings)
        .build()
        .map_err(|error| chain(&error))?
        .into();
    let request = SignableRequest::new("GET", &unsigned, iter::empty(), SignableBody::Bytes(&[]))
        .map_err(|error| chain(&error))?;
    let (instructions, _) = sign(request, &params).map_err(|error| chain(&error))?.into_parts();
    let mut url = unsigned.clone();
    for (name, value) in instructions.params() {
        url.push_str(&format!("&{name}={}", encode(value)));
    }
    url.push_str(&format!("&User-Agent={}", encode(USER_AGENT)));
    // Credentials for a time take the token with them.
    let ends = now + LIFE;
    let ends = credentials.expiry().map_or(ends, |expiry| ends.min(expiry.into()));
    Ok((BASE64_URL_SAFE_NO_PAD.encode(url), ends.timestamp_millis()))
}

/// Finds credentials, on a thread of its own: whoever asks is a thread of the Kafka client's or one of Tokio's.
fn credentials(region: &str) -> Result<Credentials, String> {
    let region = Region::new(region.to_owned());
    let asked = thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        runtime.block_on(async {
            timeout(PATIENCE, provided(region)).await.map_err(|_| "AWS took too long".to_owned())?
        })
    });
    asked.join().map_err(|_| "what asks for them panicked".to_owned())?
}

async fn provided(region: Region) -> Result<Credentials, String> {
    let https = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    let config =
        aws_config::defaults(BehaviorVersion::latest()).region(region).http_client(https).load().await;
    let provider = config.credentials_provider().ok_or("there is nobody to ask")?;
    provider.provide_credentials().await.map_err(|error| chain(&error))
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, time::SystemTime};

    use hmac::{Hmac, KeyInit, Mac};
    use sha2::{Digest, Sha256};

    use super::*;

    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
    const NOW: &str = "2026-11-21T14:05:09.123456Z";

    fn now() -> DateTime<Utc> {
        NOW.parse().expect("an instant")
    }

    fn lasting(session: Option<&str>, until: Option<DateTime<Utc>>) -> Credentials {
        let until = until.map(SystemTime::from);
        Credentials::new("AKIDEXAMPLE", SECRET, session.map(str::to_owned), until, "test")
    }

    /// Gives the URL in a token, and its parameters as they stand there.
    fn read(token: &str) -> (String, Vec<(String, String)>) {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(token).expect("base64url without padding");
        let url = String::from_utf8(bytes).expect("a text");
        let (address, query) = url.split_once('?').expect("it has parameters");
        let pairs = query.split('&').map(|pair| pair.split_once('=').expect("a value"));
        (address.to_owned(), pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    fn mac(key: &[u8], text: &str) -> Vec<u8> {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any length will do");
        mac.update(text.as_bytes());
        mac.finalize().into_bytes().to_vec()
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Signs as "Authenticating Requests: Using Query Parameters (AWS Signature Version 4)" has it.
    fn signature(parameters: &BTreeMap<&str, &str>) -> String {
        let query: Vec<_> = parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let empty = hex(&Sha256::digest(b""));
        let request =
            format!("GET\n/\n{}\nhost:kafka.eu-west-1.amazonaws.com\n\nhost\n{empty}", query.join("&"));
        let scope = "20261121/eu-west-1/kafka-cluster/aws4_request";
        let text = format!(
            "AWS4-HMAC-SHA256\n20261121T140509Z\n{scope}\n{}",
            hex(&Sha256::digest(request.as_bytes()))
        );
        let parts = ["20261121", "eu-west-1", "kafka-cluster", "aws4_request"];
        let key = parts.iter().fold(format!("AWS4{SECRET}").into_bytes(), |key, part| mac(&key, part));
        hex(&mac(&key, &text))
    }

    #[test]
    fn a_token_is_a_url_presigned_for_a_quarter_of_an_hour_with_the_program_named_after_its_signature() {
        for session in [None, Some("session/token+==")] {
            let (token, expires_at_ms) = token("eu-west-1", &lasting(session, None), now()).expect("signed");
            assert_eq!(expires_at_ms, (now() + LIFE).timestamp_millis());
            assert!(!token.contains('=') && !token.contains('+') && !token.contains('/'), "{token}");
            let (address, mut parameters) = read(&token);
            assert_eq!(address, "https://kafka.eu-west-1.amazonaws.com/");
            let agent = parameters.pop().expect("there are some");
            assert_eq!(agent, ("User-Agent".to_owned(), format!("kaam%2F{}", env!("CARGO_PKG_VERSION"))));
            let all: BTreeMap<_, _> =
                parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            assert_eq!(all.len(), parameters.len(), "none is there twice: {parameters:?}");
            let mut signed = all.clone();
            let found = signed.remove("X-Amz-Signature").expect("it is signed");
            let mut expected = BTreeMap::from([
                ("Action", "kafka-cluster%3AConnect"),
                ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
                ("X-Amz-Credential", "AKIDEXAMPLE%2F20261121%2Feu-west-1%2Fkafka-cluster%2Faws4_request"),
                ("X-Amz-Date", "20261121T140509Z"),
                ("X-Amz-Expires", "900"),
                ("X-Amz-SignedHeaders", "host"),
            ]);
            if session.is_some() {
                expected.insert("X-Amz-Security-Token", "session%2Ftoken%2B%3D%3D");
            }
            assert_eq!(signed, expected);
            assert_eq!(found, signature(&signed));
        }
    }

    #[test]
    fn a_token_ends_with_its_credentials() {
        let until = now() + Duration::from_secs(60);
        let (_, expires_at_ms) = token("eu-west-1", &lasting(None, Some(until)), now()).expect("signed");
        assert_eq!(expires_at_ms, until.timestamp_millis());
        let later = now() + Duration::from_secs(3_600);
        let (_, expires_at_ms) = token("eu-west-1", &lasting(None, Some(later)), now()).expect("signed");
        assert_eq!(expires_at_ms, (now() + LIFE).timestamp_millis());
    }

    #[cfg(feature = "kafka")]
    mod shown {
        use std::sync::{
            Mutex,
            atomic::{AtomicUsize, Ordering},
        };

        use rcgen::generate_simple_self_signed;
        use tokio::{
            io::{AsyncReadExt, AsyncWriteExt},
            net::TcpListener,
            sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
        };
        use tokio_rustls::{
            TlsAcceptor,
            rustls::{ServerConfig, crypto::ring, pki_types::PrivateKeyDer},
        };
        use tokio_util::sync::{CancellationToken, DropGuard};

        use super::*;
        use crate::{
            config::Environment,
            disposition::Disposition,
            function::Function,
            host::worker::attach,
            kafka::Settings,
            metrics::Metrics,
            triggers::{Incoming, on_events},
        };

        const PATIENCE: Duration = Duration::from_secs(20);

        /// Listens as a broker with TLS that knows how to sign somebody in, and nothing else; gives its address, its certificate, and
        /// what it is shown.
        async fn broker() -> (String, String, UnboundedReceiver<Vec<u8>>) {
            let made = generate_simple_self_signed(["localhost".to_owned()]).expect("a name");
            let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
            let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
                .with_safe_default_protocol_versions()
                .expect("ring knows them")
                .with_no_client_auth()
                .with_single_cert(vec![made.cert.der().clone()], key)
                .expect("they belong together");
            let acceptor = TlsAcceptor::from(Arc::new(config));
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
            let address = format!("localhost:{}", listener.local_addr().expect("it listens").port());
            let (shown, tokens) = unbounded_channel();
            tokio::spawn(async move {
                while let Ok((stream, _)) = listener.accept().await {
                    let (acceptor, shown) = (acceptor.clone(), shown.clone());
                    tokio::spawn(async move {
                        if let Ok(stream) = acceptor.accept(stream).await {
                            let _ = sign_in(stream, &shown).await;
                        }
                    });
                }
            });
            (address, made.cert.pem(), tokens)
        }

        /// Answers ApiVersions, SaslHandshake and SaslAuthenticate; passes over all else.
        async fn sign_in(
            mut stream: impl AsyncReadExt + AsyncWriteExt + Unpin,
            shown: &UnboundedSender<Vec<u8>>,
        ) -> std::io::Result<()> {
            loop {
                let mut request = vec![0; usize::try_from(stream.read_i32().await?).expect("a size")];
                stream.read_exact(&mut request).await?;
                let number = |at: usize| i16::from_be_bytes([request[at], request[at + 1]]);
                // The name of the client, which may be none, ends the head.
                let body = 10 + usize::try_from(number(8)).unwrap_or(0);
                let answer: Vec<u8> = match (number(0), number(2)) {
                    // No error, and three calls, each with its versions; from version 3 on in the compact form.
                    (18, version) => {
                        let calls = [(17, 1), (18, 3), (36, 0)];
                        let is_compact = version >= 3;
                        let mut answer = vec![0, 0];
                        answer.extend(if is_compact { vec![4] } else { vec![0, 0, 0, 3] });
                        for (call, newest) in calls {
                            answer.extend([0, call, 0, 0, 0, newest]);
                            answer.extend(is_compact.then_some(0));
                        }
                        answer.extend(if is_compact { vec![0; 5] } else { Vec::new() });
                        answer
                    }
                    // No error, and one mechanism.
                    (17, _) => [&[0, 0, 0, 0, 0, 1, 0, 11][..], b"OAUTHBEARER"].concat(),
                    // No error, no message, nothing more to say.
                    (36, _) => {
                        let _ = shown.send(request[body + 4..].to_vec());
                        vec![0, 0, 0xff, 0xff, 0, 0, 0, 0]
                    }
                    _ => continue,
                };
                let size = i32::try_from(answer.len() + 4).expect("it is short");
                stream.write_all(&size.to_be_bytes()).await?;
                stream.write_all(&request[4..8]).await?;
                stream.write_all(&answer).await?;
                stream.flush().await?;
            }
        }

        /// Gives the settings of that broker, with credentials that are found so.
        fn settings(
            address: &str,
            pem: &str,
            credentials: impl Fn() -> Result<Credentials, String> + Send + Sync + 'static,
        ) -> Settings {
            let environment = Environment::from_pairs([
                ("KAFKA_BROKERS", address),
                ("KAFKA_SASL_MECHANISM", "AWS_MSK_IAM"),
                ("AWS_REGION", "eu-west-1"),
                ("KAFKA_CA", pem),
            ]);
            let settings =
                Settings::from_environment(&environment).expect("sound").expect("there are brokers");
            let tokens = tokens_by("eu-west-1".to_owned(), Clock::system(), credentials);
            Settings { tokens: Some(tokens), ..settings }
        }

        /// Runs a worker on the settings until the test ends.
        fn work(settings: &Settings) -> DropGuard {
            let done = async |events: Vec<Incoming>| vec![Disposition::Done; events.len()];
            let function = Function::new("take-samples")
                .on(on_events(&["sample"], move |events| Box::pin(done(events))));
            let mut function = attach(function, settings, &Metrics::new(), PATIENCE).expect("it is sound");
            let stop = CancellationToken::new();
            tokio::spawn(function.background.remove(0)(stop.clone()));
            stop.drop_guard()
        }

        #[tokio::test(flavor = "multi_thread")]
        async fn the_consumer_and_the_producer_of_dead_letters_show_a_token_each_and_take_another_before_it_ends()
         {
            let (address, pem, mut tokens) = broker().await;
            let asked = Arc::new(AtomicUsize::new(0));
            let count = Arc::clone(&asked);
            let settings = settings(&address, &pem, move || {
                count.fetch_add(1, Ordering::SeqCst);
                let until = Clock::system().now() + Duration::from_secs(3);
                Ok(lasting(Some("session"), Some(until)))
            });
            let _running = work(&settings);
            let mut shown = 0;
            // Each of the two is asked for one at its start, and for the next before three seconds are over.
            let all = tokio::time::timeout(PATIENCE, async {
                while shown < 2 || asked.load(Ordering::SeqCst) < 4 {
                    tokio::select! {
                        said = tokens.recv() => {
                            let said = String::from_utf8(said.expect("the broker is there")).expect("a text");
                            // RFC 7628 §3.1.
                            let token = said.strip_prefix("n,,\x01auth=Bearer ").and_then(|rest| rest.strip_suffix("\x01\x01"));
                            let (address, parameters) = read(token.expect("a token"));
                            assert_eq!(address, "https://kafka.eu-west-1.amazonaws.com/");
                            assert!(parameters.iter().any(|(name, _)| name == "X-Amz-Signature"), "{parameters:?}");
                            shown += 1;
                        }
                        () = tokio::time::sleep(Duration::from_millis(20)) => {}
                    }
                }
            });
            assert!(all.await.is_ok(), "{shown} were shown, {} asked for", asked.load(Ordering::SeqCst));
        }

        #[tokio::test(flavor = "multi_thread")]
        async fn without_credentials_nothing_is_shown_and_the_client_says_that_it_could_not_sign_in() {
            let (address, pem, mut tokens) = broker().await;
            let asked = Arc::new(Mutex::new(0));
            let count = Arc::clone(&asked);
            let settings = settings(&address, &pem, move || {
                *count.lock().expect("nobody panicked") += 1;
                Err("no credentials in the chain".to_owned())
            });
            let error = settings.tokens().expect("there is what makes them")().expect_err("there are none");
            assert_eq!(error, "no credentials in the chain");
            let _running = work(&settings);
            let waited = tokio::time::timeout(PATIENCE, async {
                while *asked.lock().expect("nobody panicked") < 3 {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            });
            assert!(waited.await.is_ok(), "both clients ask");
            assert!(tokens.try_recv().is_err(), "nothing is shown");
        }
    }
}
