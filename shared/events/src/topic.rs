//! The topics of the bus.

/// What a dead-letter topic is called after that of its records.
pub const DEAD_LETTERS: &str = ".dlq";

/// Gives the name of the dead-letter topic of any topic.
pub fn dead_letters_of(topic: &str) -> String {
    format!("{topic}{DEAD_LETTERS}")
}

/// A Kafka topic: 3 partitions, and a dead-letter topic beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Topic {
    /// What happened to tasks; keyed by task.
    TaskEvents,
    /// Reminders due, sent and failed; keyed by task.
    Reminders,
    /// The slim change feed for frontends; keyed by user.
    TaskUpdates,
    /// What else is audited; keyed by user.
    AuditEvents,
}

impl Topic {
    /// Every topic.
    pub const ALL: [Self; 4] = [Self::TaskEvents, Self::Reminders, Self::TaskUpdates, Self::AuditEvents];

    /// How many partitions each topic has.
    pub const PARTITIONS: u8 = 3;

    /// Gives the topic's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TaskEvents => "task-events",
            Self::Reminders => "reminders",
            Self::TaskUpdates => "task-updates",
            Self::AuditEvents => "audit-events",
        }
    }

    /// Gives the name of the topic beside it, where a record goes that can not be handled.
    pub fn dead_letters(self) -> String {
        dead_letters_of(self.as_str())
    }

    /// Parses a topic's name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|topic| topic.as_str() == name)
    }
}
