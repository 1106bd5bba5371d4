//! What leads to a Kafka cluster, read from the environment.

#[cfg(feature = "aws")]
mod iam;
#[cfg(feature = "kafka")]
pub(crate) mod sign_in;

use std::{fmt, sync::Arc};

use crate::{
    address::is_local,
    config::{ConfigError, Environment},
};

const BROKERS: &str = "addresses such as kafka-1:9092,kafka-2:9092";

/// What leads to a Kafka cluster, as properties by librdkafka's names.
///
/// | variable | default | allowed |
/// |---|---|---|
/// | `KAFKA_BROKERS` | none: no Kafka | `host:port`, several with commas between |
/// | `KAFKA_SECURITY_PROTOCOL` | `PLAINTEXT` where all brokers are on this machine; else none | `PLAINTEXT`, `SSL`, `SASL_PLAINTEXT`, `SASL_SSL` |
/// | `KAFKA_SASL_MECHANISM` | – | `PLAIN`, `SCRAM-SHA-256`, `SCRAM-SHA-512`; with `SASL_…`, and only then. `AWS_MSK_IAM`, which means `SASL_SSL`, with the Cargo feature `aws` |
/// | `KAFKA_SASL_USERNAME`, `KAFKA_SASL_PASSWORD` | – | with `SASL_…`, and only then; not with `AWS_MSK_IAM` |
/// | `AWS_REGION` | – | where the cluster is; with `AWS_MSK_IAM` |
/// | `KAFKA_CA_FILE` | those of the system | certificates (PEM) to trust; with `SSL` or `SASL_SSL` |
/// | `KAFKA_CERT_FILE`, `KAFKA_KEY_FILE` | none | a certificate of our own and its key (PEM), both or neither; likewise |
///
/// ```
/// use runtime::{config::Environment, kafka::Settings};
/// let environment = Environment::from_pairs([("KAFKA_BROKERS", "localhost:9092")]);
/// let settings = Settings::from_environment(&environment)?.expect("there are brokers");
/// assert!(settings.properties().any(|property| property == ("bootstrap.servers", "localhost:9092")));
/// # Ok::<_, runtime::config::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct Settings {
    properties: Properties,
    tokens: Option<Tokens>,
}

/// Makes what a client shows to the cluster in place of a password, and says when that expires, in milliseconds since 1970. It may
/// wait some seconds for whoever gives the credentials.
pub type Tokens = Arc<dyn Fn() -> Result<(String, i64), String> + Send + Sync>;

/// Amazon MSK's sign-in by IAM.
const IAM: &str = "AWS_MSK_IAM";

#[derive(Clone, Copy)]
struct Protocol {
    name: &'static str,
    has_tls: bool,
    has_sasl: bool,
}

impl Settings {
    /// Reads the settings; `None` without `KAFKA_BROKERS`. Where a client uses OpenSSL, that is set up before anybody has what one is made
    /// of.
    ///
    /// # Errors
    /// The first variable that is wrong, missing beside another, or of no use beside another.
    pub fn from_environment(environment: &Environment) -> Result<Option<Settings>, ConfigError> {
        let Some(brokers) = environment.get("KAFKA_BROKERS")? else { return Ok(None) };
        if !brokers.split(',').all(is_address) {
            return Err(invalid("KAFKA_BROKERS", brokers, BROKERS));
        }
        let mechanism = mechanism(environment)?;
        let protocol = protocol(environment, mechanism, &brokers)?;
        let tokens = if mechanism == Some(IAM) { Some(tokens(environment, &brokers)?) } else { None };
        let mut properties =
            vec![("bootstrap.servers", brokers), ("security.protocol", protocol.name.to_owned())];
        sasl(environment, protocol, mechanism, &mut properties)?;
        tls(environment, protocol, &mut properties)?;
        #[cfg(feature = "kafka")]
        if protocol.has_tls || protocol.has_sasl {
            keep_openssl();
        }
        Ok(Some(Settings { properties, tokens }))
    }

    /// Gives each property by its name.
    pub fn properties(&self) -> impl Iterator<Item = (&str, &str)> {
        self.properties.iter().map(|(name, value)| (*name, value.as_str()))
    }

    /// Gives what makes tokens, if clients sign in by them (`OAUTHBEARER`).
    pub fn tokens(&self) -> Option<Tokens> {
        self.tokens.clone()
    }
}

/// Shows the names alone: some values are secret.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.properties.iter().map(|(name, _)| name)).finish()
    }
}

fn mechanism(environment: &Environment) -> Result<Option<&'static str>, ConfigError> {
    let known = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", IAM].map(|name| (name, name));
    environment.one_of("KAFKA_SASL_MECHANISM", &known)
}

fn protocol(
    environment: &Environment,
    mechanism: Option<&str>,
    brokers: &str,
) -> Result<Protocol, ConfigError> {
    let protocol = |name, has_tls, has_sasl| (name, Protocol { name, has_tls, has_sasl });
    let known = [
        protocol("PLAINTEXT", false, false),
        protocol("SSL", true, false),
        protocol("SASL_PLAINTEXT", false, true),
        protocol("SASL_SSL", true, true),
    ];
    let given = environment.one_of("KAFKA_SECURITY_PROTOCOL", &known)?;
    if mechanism != Some(IAM) {
        let is_here = || brokers.split(',').all(|address| host(address).is_some_and(is_local));
        return given.or_else(|| is_here().then_some(known[0].1)).ok_or_else(|| ConfigError::Missing {
            name: "KAFKA_SECURITY_PROTOCOL".to_owned(),
            allowed: "SASL_SSL or SSL for brokers on other machines; or, where that network is to be trusted, SASL_PLAINTEXT or PLAINTEXT"
                .to_owned(),
        });
    }
    match given {
        Some(other) if other.name != "SASL_SSL" => {
            let allowed = format!("SASL_SSL or unset with KAFKA_SASL_MECHANISM={IAM}");
            Err(invalid("KAFKA_SECURITY_PROTOCOL", other.name.to_owned(), &allowed))
        }
        _ => Ok(known[3].1),
    }
}

#[cfg(not(feature = "aws"))]
fn tokens(_: &Environment, _: &str) -> Result<Tokens, ConfigError> {
    Err(ConfigError::NotInThisVersion {
        name: "KAFKA_SASL_MECHANISM".to_owned(),
        value: IAM.to_owned(),
        instead: "build with the Cargo feature `aws`".to_owned(),
    })
}

#[cfg(feature = "aws")]
fn tokens(environment: &Environment, brokers: &str) -> Result<Tokens, ConfigError> {
    let region = environment.require("AWS_REGION", "the region of the cluster, such as eu-west-1")?;
    let is_region = !region.is_empty()
        && region.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if !is_region {
        return Err(invalid("AWS_REGION", region, "a region such as eu-west-1"));
    }
    // Signed for another region a token is refused, and the cluster does not say why.
    let elsewhere = brokers.split(',').find_map(region_of).filter(|other| *other != region);
    match elsewhere {
        Some(other) => {
            let allowed = format!("{other}, where KAFKA_BROKERS is");
            Err(invalid("AWS_REGION", region, &allowed))
        }
        None => Ok(iam::tokens(region)),
    }
}

/// Gives the region in the address of one of MSK's brokers: `b-1.name.id.c2.kafka.eu-west-1.amazonaws.com:9098`.
#[cfg(feature = "aws")]
fn region_of(address: &str) -> Option<&str> {
    let host = address.trim().rsplit_once(':')?.0;
    let mut labels = host.strip_suffix(".amazonaws.com")?.rsplit('.');
    let region = labels.next()?;
    labels.next().filter(|service| ["kafka", "kafka-serverless"].contains(service))?;
    Some(region)
}

type Properties = Vec<(&'static str, String)>;

/// Has OpenSSL keep its tables until the process is gone. By itself it frees them when `main` has returned, unless whoever comes first
/// says `OPENSSL_INIT_NO_ATEXIT` (OPENSSL_init_crypto(3)), as openssl-sys 0.9 does; and a client of librdkafka's that still connects or
/// is being closed by then, since a stop does not wait for that, would use them: a SIGSEGV at the end of a sound stop. Without TLS,
/// too, librdkafka computes SCRAM by it.
#[cfg(feature = "kafka")]
fn keep_openssl() {
    openssl_sys::init();
}

fn sasl(
    environment: &Environment,
    protocol: Protocol,
    mechanism: Option<&str>,
    to: &mut Properties,
) -> Result<(), ConfigError> {
    if mechanism == Some(IAM) {
        for name in ["KAFKA_SASL_USERNAME", "KAFKA_SASL_PASSWORD"] {
            if environment.get(name)?.is_some() {
                let allowed = format!("unset with KAFKA_SASL_MECHANISM={IAM}");
                return Err(ConfigError::InvalidSecret { name: name.to_owned(), allowed });
            }
        }
        to.push(("sasl.mechanism", "OAUTHBEARER".to_owned()));
        return Ok(());
    }
    let given = [
        ("KAFKA_SASL_MECHANISM", "sasl.mechanism", mechanism.map(str::to_owned)),
        ("KAFKA_SASL_USERNAME", "sasl.username", environment.get("KAFKA_SASL_USERNAME")?),
        ("KAFKA_SASL_PASSWORD", "sasl.password", environment.get("KAFKA_SASL_PASSWORD")?),
    ];
    for (name, property, value) in given {
        match value {
            Some(value) if protocol.has_sasl => to.push((property, value)),
            Some(_) => return Err(useless(name, protocol, "SASL_SSL or SASL_PLAINTEXT")),
            None if protocol.has_sasl => {
                let allowed = format!("set with KAFKA_SECURITY_PROTOCOL={}", protocol.name);
                return Err(ConfigError::Missing { name: name.to_owned(), allowed });
            }
            None => {}
        }
    }
    Ok(())
}

fn tls(environment: &Environment, protocol: Protocol, to: &mut Properties) -> Result<(), ConfigError> {
    // By the rule for secrets: KAFKA_CA, or the file that KAFKA_CA_FILE names.
    let given =
        [("KAFKA_CA", "ssl.ca.pem"), ("KAFKA_CERT", "ssl.certificate.pem"), ("KAFKA_KEY", "ssl.key.pem")];
    for (name, property) in given {
        let Some(pem) = environment.get(name)? else { continue };
        let name = format!("{name}_FILE");
        if !protocol.has_tls {
            return Err(useless(&name, protocol, "SSL or SASL_SSL"));
        }
        if !pem.contains("-----BEGIN ") {
            let allowed = "a file in PEM, which begins with -----BEGIN".to_owned();
            return Err(ConfigError::InvalidSecret { name, allowed });
        }
        to.push((property, pem));
    }
    let has = |property| to.iter().any(|(known, _)| *known == property);
    let half = match (has("ssl.certificate.pem"), has("ssl.key.pem")) {
        (true, false) => ("KAFKA_KEY_FILE", "the file of the key to the certificate of KAFKA_CERT_FILE"),
        (false, true) => ("KAFKA_CERT_FILE", "the file of the certificate to the key of KAFKA_KEY_FILE"),
        _ => return Ok(()),
    };
    Err(ConfigError::Missing { name: half.0.to_owned(), allowed: half.1.to_owned() })
}

fn useless(name: &str, protocol: Protocol, wanted: &str) -> ConfigError {
    let allowed = format!("unset, or KAFKA_SECURITY_PROTOCOL {wanted} instead of {}", protocol.name);
    ConfigError::InvalidSecret { name: name.to_owned(), allowed }
}

fn invalid(name: &str, value: String, allowed: &str) -> ConfigError {
    ConfigError::Invalid { name: name.to_owned(), value, allowed: allowed.to_owned() }
}

/// Gives the host of `host:port`.
fn host(address: &str) -> Option<&str> {
    address.trim().rsplit_once(':').map(|(host, _)| host)
}

/// Tells whether it is `host:port`; an IPv6 address stands in brackets.
fn is_address(text: &str) -> bool {
    let Some((host, port)) = text.trim().rsplit_once(':') else { return false };
    let is_host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || ".-_".contains(c)),
    };
    is_host && port.parse::<u16>().is_ok_and(|port| port != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Option<Settings>, ConfigError> {
        Settings::from_environment(&Environment::from_pairs(pairs.iter().copied()))
    }

    #[test]
    fn without_brokers_there_is_no_kafka() {
        assert!(read(&[("KAFKA_SASL_USERNAME", "kaam")]).expect("nothing is wrong").is_none());
    }

    #[test]
    fn s32_brokers_on_other_machines_are_spoken_to_in_the_clear_only_where_that_is_said() {
        for here in ["localhost:9092", "127.0.0.1:1,[::1]:2", "127.9.9.9:1"] {
            let settings =
                read(&[("KAFKA_BROKERS", here)]).expect("nothing is wrong").expect("there are brokers");
            assert!(settings.properties().any(|property| property == ("security.protocol", "PLAINTEXT")));
        }
        for elsewhere in
            ["kafka:9092", "localhost:1,10.0.0.7:1", "[2001:db8::1]:9092", "localhost.example.org:1"]
        {
            let said = read(&[("KAFKA_BROKERS", elsewhere)]).expect_err(elsewhere).to_string();
            assert!(
                said.contains("KAFKA_SECURITY_PROTOCOL is not set") && said.contains("SASL_SSL"),
                "{said}"
            );
        }
    }

    #[test]
    fn brokers_are_addresses_with_ports() {
        for sound in ["kafka:9092", "a:1,b.example.org:65535", "127.0.0.1:9092", "[::1]:9092", "a:1, b:2"] {
            let told = ("KAFKA_SECURITY_PROTOCOL", "PLAINTEXT");
            assert!(read(&[("KAFKA_BROKERS", sound), told]).is_ok(), "{sound}");
        }
        for wrong in
            ["kafka", "kafka:", ":9092", "a:1,,b:2", "a:0", "a:70000", "PLAINTEXT://a:1", "::1:9092x"]
        {
            let said = read(&[("KAFKA_BROKERS", wrong)]).expect_err(wrong).to_string();
            assert!(said.contains("KAFKA_BROKERS") && said.contains(wrong), "{said}");
        }
    }

    #[test]
    fn a_cluster_with_passwords_and_certificates_is_reached_by_all_of_them() {
        let settings = read(&[
            ("KAFKA_BROKERS", "kafka:9093"),
            ("KAFKA_SECURITY_PROTOCOL", "SASL_SSL"),
            ("KAFKA_SASL_MECHANISM", "SCRAM-SHA-512"),
            ("KAFKA_SASL_USERNAME", "kaam"),
            ("KAFKA_SASL_PASSWORD", "hunter2"),
            ("KAFKA_CA", "-----BEGIN CERTIFICATE-----"),
        ]);
        let settings = settings.expect("nothing is wrong").expect("there are brokers");
        let found: Vec<_> = settings.properties().collect();
        assert_eq!(
            found,
            [
                ("bootstrap.servers", "kafka:9093"),
                ("security.protocol", "SASL_SSL"),
                ("sasl.mechanism", "SCRAM-SHA-512"),
                ("sasl.username", "kaam"),
                ("sasl.password", "hunter2"),
                ("ssl.ca.pem", "-----BEGIN CERTIFICATE-----"),
            ]
        );
        assert!(!format!("{settings:?}").contains("hunter2"));
    }

    #[test]
    fn what_is_wrong_missing_or_of_no_use_is_named_and_no_secret_shown() {
        const KEY: &str = "-----BEGIN PRIVATE KEY----- hunter2";
        let (sasl, ssl) = (("KAFKA_SECURITY_PROTOCOL", "SASL_SSL"), ("KAFKA_SECURITY_PROTOCOL", "SSL"));
        let (plain, user) = (("KAFKA_SASL_MECHANISM", "PLAIN"), ("KAFKA_SASL_USERNAME", "kaam"));
        let wrong: [(&str, &[(&str, &str)]); 10] = [
            ("KAFKA_SECURITY_PROTOCOL", &[("KAFKA_SECURITY_PROTOCOL", "TLS")]),
            ("KAFKA_SASL_MECHANISM", &[sasl]),
            ("KAFKA_SASL_MECHANISM", &[sasl, ("KAFKA_SASL_MECHANISM", "GSSAPI")]),
            ("KAFKA_SASL_USERNAME", &[sasl, plain]),
            ("KAFKA_SASL_PASSWORD", &[sasl, plain, user]),
            ("KAFKA_SASL_PASSWORD", &[("KAFKA_SASL_PASSWORD", "hunter2")]),
            ("KAFKA_CA_FILE", &[("KAFKA_CA", KEY)]),
            ("KAFKA_CA_FILE", &[ssl, ("KAFKA_CA", "hunter2")]),
            ("KAFKA_CA_FILE", &[ssl, ("KAFKA_CA_FILE", "/nowhere")]),
            ("KAFKA_CERT_FILE", &[ssl, ("KAFKA_KEY", KEY)]),
        ];
        for (name, pairs) in wrong {
            let pairs: Vec<_> = [("KAFKA_BROKERS", "localhost:1")].iter().chain(pairs).copied().collect();
            let said = read(&pairs).expect_err(name).to_string();
            assert!(said.contains(name) && !said.contains("hunter2"), "{pairs:?}: {said}");
        }
    }

    #[cfg(feature = "kafka")]
    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "this very program, which is told by a variable of its own"
    )]
    fn a_process_ends_in_peace_while_clients_over_tls_are_being_closed() {
        use std::{env, process, sync::mpsc, thread};

        use rdkafka::{ClientConfig, producer::BaseProducer};

        const ENDS: &str = "KAAM_TEST_ENDS";
        const THIS: &str = "kafka::tests::a_process_ends_in_peace_while_clients_over_tls_are_being_closed";
        if env::var_os(ENDS).is_none() {
            // With OpenSSL left to itself about two in three end by a signal.
            for _ in 0..10 {
                let mut this = process::Command::new(env::current_exe().expect("it runs"));
                let ended = this.args(["--exact", THIS]).env(ENDS, "1").output().expect("it runs");
                let said = String::from_utf8_lossy(&ended.stdout);
                assert!(ended.status.success() && said.contains("running 1 test"), "{ended:?}");
            }
            return;
        }
        let settings = read(&[("KAFKA_BROKERS", "127.0.0.1:1"), ("KAFKA_SECURITY_PROTOCOL", "SSL")]);
        let settings = settings.expect("nothing is wrong").expect("there are brokers");
        let config: ClientConfig =
            settings.properties().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let (closed, count) = mpsc::channel();
        for closed in [closed.clone(), closed] {
            let config = config.clone();
            thread::spawn(move || {
                loop {
                    drop(config.create::<BaseProducer>().expect("sound settings"));
                    closed.send(()).expect("it is counted");
                }
            });
        }
        assert_eq!(count.iter().take(10).count(), 10);
        process::exit(0);
    }

    #[cfg(not(feature = "aws"))]
    #[test]
    fn a_build_without_iam_says_so() {
        let said = read(&[("KAFKA_BROKERS", "a:1"), ("KAFKA_SASL_MECHANISM", "AWS_MSK_IAM")]);
        let said = said.expect_err("it can not").to_string();
        assert!(said.contains("KAFKA_SASL_MECHANISM") && said.contains("aws"), "{said}");
    }

    #[cfg(feature = "aws")]
    mod iam {
        use super::*;

        /// The variable that is named, what is said of it, and what is set.
        type Wrong = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

        const MSK: &str = "b-1.kaam.x1.c2.kafka.eu-west-1.amazonaws.com:9098";

        fn read_with(pairs: &[(&str, &str)]) -> Result<Option<Settings>, ConfigError> {
            read(&[&[("KAFKA_BROKERS", MSK), ("KAFKA_SASL_MECHANISM", "AWS_MSK_IAM")], pairs].concat())
        }

        #[test]
        fn a_cluster_of_msk_is_reached_over_tls_by_tokens() {
            for protocol in [None, Some(("KAFKA_SECURITY_PROTOCOL", "SASL_SSL"))] {
                let pairs: Vec<_> = protocol.into_iter().chain([("AWS_REGION", "eu-west-1")]).collect();
                let settings = read_with(&pairs).expect("nothing is wrong").expect("there are brokers");
                let found: Vec<_> = settings.properties().collect();
                let expected = [
                    ("bootstrap.servers", MSK),
                    ("security.protocol", "SASL_SSL"),
                    ("sasl.mechanism", "OAUTHBEARER"),
                ];
                assert_eq!(found, expected);
                assert!(settings.tokens().is_some());
            }
        }

        #[test]
        fn a_region_that_is_missing_no_region_or_not_the_clusters_is_named() {
            const REGION: (&str, &str) = ("AWS_REGION", "eu-west-1");
            let wrong: [Wrong; 6] = [
                ("AWS_REGION", "eu-west-1", &[]),
                ("AWS_REGION", "eu-west-1", &[("AWS_REGION", "Ireland/x")]),
                ("AWS_REGION", "must be eu-west-1, where", &[("AWS_REGION", "us-east-1")]),
                (
                    "KAFKA_SECURITY_PROTOCOL",
                    "SASL_SSL",
                    &[REGION, ("KAFKA_SECURITY_PROTOCOL", "SASL_PLAINTEXT")],
                ),
                ("KAFKA_SASL_USERNAME", "unset", &[REGION, ("KAFKA_SASL_USERNAME", "kaam")]),
                ("KAFKA_SASL_PASSWORD", "unset", &[REGION, ("KAFKA_SASL_PASSWORD", "hunter2")]),
            ];
            for (name, hint, pairs) in wrong {
                let said = read_with(pairs).expect_err(name).to_string();
                assert!(said.contains(name) && said.contains(hint), "{pairs:?}: {said}");
                assert!(!said.contains("hunter2") && said.lines().count() == 1, "{said}");
            }
        }

        #[test]
        fn the_region_of_a_broker_is_in_its_address_if_it_is_msks() {
            for (address, region) in [
                (MSK, Some("eu-west-1")),
                ("boot-x.c1.kafka-serverless.us-east-2.amazonaws.com:9098", Some("us-east-2")),
                ("kafka.example.org:9098", None),
                ("bucket.s3.eu-west-1.amazonaws.com:443", None),
            ] {
                assert_eq!(region_of(address), region, "{address}");
            }
        }
    }
}
