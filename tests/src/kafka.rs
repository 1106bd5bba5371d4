//! A real Kafka broker on the loopback interface.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use devkit::kafka::{self, Broker, Files};
use devkit::testing::TestDirectory;
use events::Topic;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Headers as _, Message as _};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use serde_json::Value;
use tokio::sync::OnceCell;

use crate::process::eventually;

/// How many partitions each topic has, as the contract says.
pub const PARTITIONS: i32 = Topic::PARTITIONS as i32;
/// How long the broker may take to answer.
const PATIENCE: Duration = Duration::from_secs(20);
/// A running broker, which ends when this is dropped.
#[derive(Debug)]
pub struct Kafka {
    /// `KAFKA_BROKERS`.
    pub brokers: String,
    broker: Broker,
    _files: TestDirectory,
}

/// How a broker is reached that believes nobody without a password or a certificate.
#[derive(Debug)]
pub struct Secured {
    /// Where TLS and a password (SCRAM-SHA-512) are asked for.
    pub by_password: String,
    /// Where TLS and a certificate are asked for.
    pub by_certificate: String,
    /// The certificates that the broker's is to be believed by; it is that of `localhost` alone.
    pub ca: String,
    /// A certificate that the broker believes, and its key.
    pub client: (String, String),
}

/// The user whom the broker knows.
pub const USER: &str = "kaam";
/// The user's password.
pub const PASSWORD: &str = "never-in-a-log-line";

/// A record as it lies in a topic.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// Its partition.
    pub partition: i32,
    /// Its place there.
    pub offset: i64,
    /// Its key, as text.
    pub key: String,
    /// Its value.
    pub value: Vec<u8>,
    /// Its headers, as text.
    pub headers: Vec<(String, String)>,
}

impl Record {
    /// Gives the value as JSON; null when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.value).unwrap_or_default()
    }

    /// Gives a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

impl Kafka {
    /// Gives the one broker of this test process, which the first call starts; `None`, having said so, when this machine has no
    /// Kafka. Whoever uses it has topics and groups of their own: [`unique`].
    ///
    /// # Panics
    /// When there is none and `KAAM_REQUIRE_KAFKA` is 1, or when it does not start.
    pub async fn shared() -> Option<&'static Self> {
        static SHARED: OnceCell<Option<Kafka>> = OnceCell::const_new();
        // Each test that goes without says so.
        installed()?;
        SHARED.get_or_init(Self::start).await.as_ref()
    }

    /// Starts a broker of the test's own, for programs, whose topics and groups have the names that the contract gives them.
    ///
    /// # Panics
    /// As [`Kafka::shared`].
    pub async fn start() -> Option<Self> {
        let installed = installed()?;
        let files = TestDirectory::new();
        let broker = Broker::start(&installed, files.path(), Files::Removed).await;
        let broker = broker.unwrap_or_else(|error| panic!("{error:#}"));
        let kafka = Self { brokers: broker.address.clone(), broker, _files: files };
        kafka.has_coordinator().await;
        Some(kafka)
    }

    /// Waits until groups can be asked for what they have settled: a new broker makes the topic for that when it is asked first, and
    /// for a moment says that it does not do it.
    async fn has_coordinator(&self) {
        let consumer: BaseConsumer =
            self.client().set("group.id", "nobody").create().expect("sound settings");
        let mut asked = TopicPartitionList::new();
        asked.add_partition("nothing", 0);
        eventually("the broker has what groups have settled", async || {
            let answered = consumer.committed_offsets(asked.clone(), Duration::from_secs(1)).ok()?;
            answered.elements().iter().all(|element| element.error().is_ok()).then_some(())
        })
        .await;
    }

    /// Starts a broker that is reached over TLS as well, with a password or with a certificate.
    ///
    /// # Panics
    /// As [`Kafka::shared`].
    pub async fn start_secured() -> Option<(Self, Secured)> {
        let installed = installed()?;
        let files = TestDirectory::new();
        let (ca, [server, client]) = certificates();
        // In a file of properties a line ends where its value does.
        let line = |pem: &str| pem.replace('\n', "\\n");
        let properties = format!(
            "\
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL,SSL:SSL
sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
ssl.keystore.type=PEM
ssl.keystore.certificate.chain={}
ssl.keystore.key={}
ssl.truststore.type=PEM
ssl.truststore.certificates={}
listener.name.ssl.ssl.client.auth=required
",
            line(&server.0),
            line(&server.1),
            line(&ca)
        );
        let secured = kafka::Secured {
            protocols: vec!["SASL_SSL", "SSL"],
            properties,
            user: (USER.to_owned(), PASSWORD.to_owned()),
        };
        let broker = Broker::start_secured(&installed, files.path(), Files::Removed, &secured).await;
        let broker = broker.unwrap_or_else(|error| panic!("{error:#}"));
        let [by_password, by_certificate] = &broker.secured[..] else { panic!("as many as protocols") };
        let (by_password, by_certificate) = (by_password.clone(), by_certificate.clone());
        let kafka = Self { brokers: broker.address.clone(), broker, _files: files };
        kafka.has_coordinator().await;
        Some((kafka, Secured { by_password, by_certificate, ca, client }))
    }

    /// Kills it (SIGKILL), and waits until it is gone; what it has acknowledged is kept.
    pub fn kill(&self) {
        self.broker.kill();
    }

    /// Starts it again at the same place after it was killed, and waits until it is ready.
    pub async fn restart(&self) {
        self.broker.restart().await.unwrap_or_else(|error| panic!("{error:#}"));
    }

    /// Creates every topic of the contract, and their dead-letter topics.
    pub async fn create_contract_topics(&self) {
        let topics: Vec<_> = Topic::ALL.iter().map(|topic| topic.as_str().to_owned()).collect();
        let dead = topics.iter().map(|topic| format!("{topic}.dlq")).collect::<Vec<_>>();
        self.create_topics(&[topics, dead].concat()).await;
    }

    /// Creates topics, and waits until they are there.
    pub async fn create_topics<N: AsRef<str>>(&self, names: &[N]) {
        let admin: AdminClient<DefaultClientContext> = self.client().create().expect("sound settings");
        let topics: Vec<_> = names
            .iter()
            .map(|name| NewTopic::new(name.as_ref(), PARTITIONS, TopicReplication::Fixed(1)))
            .collect();
        let options = AdminOptions::new().operation_timeout(Some(PATIENCE));
        for outcome in admin.create_topics(&topics, &options).await.expect("the broker is there") {
            outcome.expect("the topic is new");
        }
    }

    /// Gives what lies in a topic, each partition in order, one partition after the other.
    pub fn records(&self, topic: &str) -> Vec<Record> {
        let consumer: BaseConsumer = self
            .client()
            .set("group.id", "nobody")
            .set("enable.auto.commit", "false")
            .create()
            .expect("sound settings");
        let mut records = Vec::new();
        for partition in 0..PARTITIONS {
            let (first, end) =
                consumer.fetch_watermarks(topic, partition, PATIENCE).expect("the topic is there");
            if first == end {
                continue;
            }
            let mut place = TopicPartitionList::new();
            place.add_partition_offset(topic, partition, Offset::Beginning).expect("an offset");
            consumer.assign(&place).expect("a partition");
            while records
                .last()
                .is_none_or(|last: &Record| last.partition < partition || last.offset + 1 < end)
            {
                let message = match consumer.poll(PATIENCE).expect("there is more") {
                    // A topic that was made a moment ago: librdkafka asks for its leader again.
                    Err(KafkaError::MessageConsumption(RDKafkaErrorCode::NotLeaderForPartition)) => continue,
                    polled => polled.expect("the broker is there"),
                };
                let headers = message.headers().into_iter().flat_map(|headers| headers.iter());
                let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                let headers = headers
                    .map(|header| (header.key.to_owned(), text(header.value.unwrap_or_default())))
                    .collect();
                records.push(Record {
                    partition,
                    offset: message.offset(),
                    key: text(message.key().unwrap_or_default()),
                    value: message.payload().unwrap_or_default().to_vec(),
                    headers,
                });
            }
        }
        records
    }

    /// Says how many records of a topic a group has not settled yet.
    pub fn lag(&self, group: &str, topic: &str) -> i64 {
        let consumer: BaseConsumer = self.client().set("group.id", group).create().expect("sound settings");
        let mut asked = TopicPartitionList::new();
        (0..PARTITIONS).for_each(|partition| _ = asked.add_partition(topic, partition));
        let committed = consumer.committed_offsets(asked, PATIENCE).expect("the broker is there");
        committed
            .elements()
            .iter()
            .map(|element| {
                let (first, end) = consumer
                    .fetch_watermarks(topic, element.partition(), PATIENCE)
                    .expect("the topic is there");
                end - element.offset().to_raw().filter(|offset| *offset >= 0).unwrap_or(first)
            })
            .sum()
    }

    /// Says how many members a group has; `None` while its partitions are being shared out.
    pub fn members(&self, group: &str) -> Option<usize> {
        let consumer: BaseConsumer = self.client().create().expect("sound settings");
        let groups = consumer.fetch_group_list(Some(group), PATIENCE).expect("the broker is there");
        let found = groups.groups().iter().find(|found| found.name() == group)?;
        (found.state() == "Stable").then(|| found.members().len())
    }

    /// Has a group, of which no member runs, begin a topic anew.
    pub fn rewind(&self, group: &str, topic: &str) {
        let consumer: BaseConsumer = self.client().set("group.id", group).create().expect("sound settings");
        let mut start = TopicPartitionList::new();
        for partition in 0..PARTITIONS {
            start.add_partition_offset(topic, partition, Offset::Offset(0)).expect("an offset");
        }
        consumer.commit(&start, CommitMode::Sync).expect("the group is empty");
    }

    /// Gives the settings of a client of it.
    pub fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.brokers);
        config
    }
}

/// Gives a name that begins with `stem` and that no other test of this process has.
pub fn unique(stem: &str) -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    format!("{stem}-{}", NUMBER.fetch_add(1, Ordering::Relaxed))
}

/// Gives the folder where Kafka is installed; `None`, having said so, when it is not.
#[expect(clippy::disallowed_methods, reason = "whether Kafka is required is the tests' own setting")]
pub fn installed() -> Option<PathBuf> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../infra/local/install-kafka");
    let said = Command::new(script).arg("--path").output().expect("the script is there");
    let folder = PathBuf::from(String::from_utf8(said.stdout).expect("a path in UTF-8").trim_end());
    let has_java = || Command::new("java").arg("-version").output().is_ok_and(|said| said.status.success());
    if folder.join("classpath").is_file() && has_java() {
        return Some(folder);
    }
    let required = std::env::var_os("KAAM_REQUIRE_KAFKA").is_some_and(|required| required == "1");
    assert!(!required, "KAAM_REQUIRE_KAFKA is 1, and there is no Kafka or no Java; `make kafka` installs it");
    // Not by a macro, which would be heard of only when the test fails.
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    let _ = writeln!(std::io::stderr(), "{test}: left out what needs Kafka; `make kafka` installs it");
    None
}

/// Gives an authority, and by it a certificate of `localhost` and one of a client, each with its key; all in PEM.
pub fn certificates() -> (String, [(String, String); 2]) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "the authority of a test");
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("sound");
    let signed = ["localhost", "client"].map(|name| {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new([name.to_owned()]).expect("a name");
        params.distinguished_name.push(DnType::CommonName, name);
        let certificate = params.signed_by(&key, &authority).expect("sound");
        (certificate.pem(), key.serialize_pem())
    });
    (authority.pem(), signed)
}
