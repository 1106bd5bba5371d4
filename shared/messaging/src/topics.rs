//! Makes the topics that a cluster has to have.

use std::time::Duration;

use events::Topic;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

/// How long the cluster may take.
const DEADLINE: Duration = Duration::from_secs(20);

/// Why the topics could not be made.
#[derive(Debug, thiserror::Error)]
pub enum TopicsError {
    /// The cluster is away, or the client refuses its settings.
    #[error("the cluster can not be asked for topics")]
    Cluster(#[source] KafkaError),
    /// The cluster refuses one.
    #[error("the cluster does not make the topic {topic}: {code}")]
    Refused {
        /// Which.
        topic: String,
        /// Why.
        code: RDKafkaErrorCode,
    },
}

/// Makes every topic, and the dead-letter topic beside it, that a cluster does not have yet, with one replica each.
///
/// # Errors
/// [`TopicsError`]: some of them may be there all the same.
pub async fn create<'a>(properties: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<(), TopicsError> {
    let mut config = ClientConfig::new();
    for (name, value) in properties {
        config.set(name, value);
    }
    let admin: AdminClient<DefaultClientContext> = config.create().map_err(TopicsError::Cluster)?;
    let names: Vec<_> =
        Topic::ALL.iter().flat_map(|topic| [topic.as_str().to_owned(), topic.dead_letters()]).collect();
    let partitions = i32::from(Topic::PARTITIONS);
    let topics: Vec<_> =
        names.iter().map(|name| NewTopic::new(name, partitions, TopicReplication::Fixed(1))).collect();
    let options = AdminOptions::new().operation_timeout(Some(DEADLINE)).request_timeout(Some(DEADLINE));
    for made in admin.create_topics(&topics, &options).await.map_err(TopicsError::Cluster)? {
        match made {
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((topic, code)) => return Err(TopicsError::Refused { topic, code }),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_cluster_that_is_away_is_told() {
        let away = [("bootstrap.servers", "127.0.0.1:1"), ("socket.timeout.ms", "100")];
        let wrong = [("security.protocol", "nonsense")];
        assert!(matches!(create(wrong).await, Err(TopicsError::Cluster(_))));
        let asked = tokio::time::timeout(Duration::from_millis(200), create(away)).await;
        assert!(!matches!(asked, Ok(Ok(()))));
    }
}
