//! Why a start was refused.

/// A variable that stops the start; its `Display` is one line.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The value is not one of those allowed.
    #[error("{name} is {value:?}; it must be {allowed}")]
    Invalid {
        /// The variable.
        name: String,
        /// What it says.
        value: String,
        /// What it may say.
        allowed: String,
    },
    /// The value is not allowed and too secret to be shown.
    #[error("{name} must be {allowed}")]
    InvalidSecret {
        /// The variable.
        name: String,
        /// What it may say.
        allowed: String,
    },
    /// Something is needed that was not given.
    #[error("{name} is not set; it must be {allowed}")]
    Missing {
        /// The variable.
        name: String,
        /// What it may say.
        allowed: String,
    },
    /// The value is given twice.
    #[error("{name} and {name}_FILE are both set; one of them must go")]
    Both {
        /// The variable.
        name: String,
    },
    /// Two are given of which one says it all.
    #[error("{name} and {other} are both set; one of them must go")]
    Several {
        /// One.
        name: String,
        /// The other.
        other: String,
    },
    /// The value is given by the environment, and by a secret.
    #[error("{name} and {other} both say it; one of them must go")]
    InBoth {
        /// The variable.
        name: String,
        /// The secret.
        other: String,
    },
    /// Two secrets have a login for the database.
    #[error(
        "AWS_SECRETS names {first:?} and {second:?}, each with a user of DATABASE_URL; one of them must go"
    )]
    TwoLogins {
        /// The secret that was named first.
        first: String,
        /// The other one.
        second: String,
    },
    /// The file that holds the value cannot be read.
    #[error("{name}_FILE is {path:?}, which cannot be read: {reason}")]
    File {
        /// The variable without `_FILE`.
        name: String,
        /// The file.
        path: String,
        /// What the system says.
        reason: std::io::Error,
    },
    /// The value is not Unicode.
    #[error("{name} is not valid UTF-8")]
    NotUnicode {
        /// The variable.
        name: String,
    },
    /// The value asks for what a later version does.
    #[error("{name} is {value:?}, which is not in this version; {instead}")]
    NotInThisVersion {
        /// The variable.
        name: String,
        /// What it says.
        value: String,
        /// What to do now.
        instead: String,
    },
}
