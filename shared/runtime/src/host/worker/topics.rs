//! The topics of a cluster, made by an operator's command.

use std::time::Duration;

use events::Topic;
use rdkafka::{
    ClientConfig,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
    error::RDKafkaErrorCode,
};

use super::{dead_letters::MAX_BYTES, parked::ClusterError};
use crate::kafka::Settings;

/// How long the cluster may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Creates each topic of Kaam that is not there, and its dead-letter topic, whose records have room for the headers that say why;
/// gives all by name, with whether it was created. `replication` is how many brokers have each, by default as the cluster has it.
///
/// # Errors
/// [`ClusterError`]: those before it are there.
pub async fn create_topics(
    settings: &Settings,
    replication: Option<i32>,
) -> Result<Vec<(String, bool)>, ClusterError> {
    if settings.tokens().is_some() {
        // The client for such requests never asks for one (rdkafka 0.39).
        return Err(ClusterError::of_ours(
            "topics can not be created by those who sign in by tokens (KAFKA_SASL_MECHANISM); create them by Kafka's own tools",
        ));
    }
    let mut config = ClientConfig::new();
    for (name, value) in settings.properties() {
        config.set(name, value);
    }
    let admin: AdminClient<DefaultClientContext> = config.create()?;
    let names: Vec<_> = Topic::ALL.iter().map(|topic| topic.as_str().to_owned()).collect();
    let dead: Vec<_> = Topic::ALL.iter().map(|topic| topic.dead_letters()).collect();
    let partitions = i32::from(Topic::PARTITIONS);
    let replication = || TopicReplication::Fixed(replication.unwrap_or(-1));
    let topics = names.iter().map(|name| NewTopic::new(name, partitions, replication()));
    let dead = dead
        .iter()
        .map(|name| NewTopic::new(name, partitions, replication()).set("max.message.bytes", MAX_BYTES));
    let options = AdminOptions::new().request_timeout(Some(PATIENCE)).operation_timeout(Some(PATIENCE));
    let topics: Vec<_> = topics.chain(dead).collect();
    let mut created = Vec::new();
    for outcome in admin.create_topics(&topics, &options).await? {
        match outcome {
            Ok(name) => created.push((name, true)),
            Err((name, RDKafkaErrorCode::TopicAlreadyExists)) => created.push((name, false)),
            Err((name, error)) => return Err(ClusterError::of(&name, error)),
        }
    }
    Ok(created)
}
