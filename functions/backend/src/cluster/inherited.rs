//! What each part gets of the environment that the cluster was started in.
//!
//! A laptop that is set up for another cluster has variables that would lead a function there, or have it show a password to a broker
//! that knows none. So a part gets what it would be told where it is deployed, and nothing else that names a bus or a cloud.

use std::ffi::{OsStr, OsString};

use runtime::config::{ConfigError, Environment};

use super::ON_THE_BUS;

/// Who sends mails and notifications.
pub(super) const SENDS_MAILS: &str = "send-reminder";
/// What the cluster tells its functions itself, or none of them is to be told. A name that ends in `_` stands for all that begin so.
const WITHHELD: [&str; 15] = [
    "PORT",
    "HOST",
    "METRICS_PORT",
    "DATABASE_URL",
    "RELAY_",
    "CONVERSATION_STATE",
    "APP_API_TOKEN",
    "SIGNING_",
    "VAPID_PRIVATE_KEY",
    "VAPID_PUBLIC_KEY",
    "EVENTS_",
    "DAPR_",
    "K_",
    "AWS_LAMBDA_",
    "AWS_SECRETS",
];
/// What a program that is no function of Kaam gets.
const OF_THE_MACHINE: [&str; 4] = ["PATH", "HOME", "TMPDIR", "LANG"];

/// The environment, and what of it means something here.
#[derive(Clone, Debug)]
pub(super) struct Surroundings {
    names: Vec<OsString>,
    /// Whether functions reach the brokers of `KAFKA_BROKERS` by themselves.
    has_kafka: bool,
    has_sidecars: bool,
    /// Whether mails leave through Amazon SES.
    sends_by_ses: bool,
}

/// Who is to get something.
#[derive(Clone, Copy, Debug)]
pub(super) enum Recipient<'a> {
    /// A function, by its name.
    Function(&'a str),
    /// A program of somebody else's.
    Other,
}

impl Surroundings {
    /// Reads it, for a cluster with or without sidecars.
    ///
    /// # Errors
    /// A value that can not be read.
    pub(super) fn new(environment: &Environment, has_sidecars: bool) -> Result<Self, ConfigError> {
        let has_kafka = !has_sidecars && environment.get("KAFKA_BROKERS")?.is_some();
        Ok(Self {
            names: environment.names().map(OsStr::to_owned).collect(),
            has_kafka,
            has_sidecars,
            sends_by_ses: environment.get("MAIL")?.as_deref() == Some("ses"),
        })
    }

    /// Gives the names of the variables that somebody is not to get.
    pub(super) fn withheld_from(&self, recipient: Recipient<'_>) -> impl Iterator<Item = &OsStr> {
        let is_withheld =
            move |name: &&OsStr| !name.to_str().is_some_and(|name| self.is_for(recipient, name));
        self.names.iter().map(OsString::as_os_str).filter(is_withheld)
    }

    fn is_for(&self, recipient: Recipient<'_>, name: &str) -> bool {
        let name = name.strip_suffix("_FILE").unwrap_or(name);
        let function = match recipient {
            Recipient::Function(function) => function,
            Recipient::Other => return OF_THE_MACHINE.contains(&name),
        };
        match name {
            "DAPR_BULK" => self.has_sidecars,
            _ if is_one_of(&WITHHELD, name) => false,
            _ if name.starts_with("KAFKA_") => self.has_kafka && ON_THE_BUS.contains(&function),
            _ if name.starts_with("AWS_") => self.sends_by_ses && function == SENDS_MAILS,
            _ => true,
        }
    }
}

fn is_one_of(names: &[&str], name: &str) -> bool {
    names.iter().any(|known| name == *known || known.ends_with('_') && name.starts_with(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAILER: Recipient<'_> = Recipient::Function(SENDS_MAILS);
    const CREATOR: Recipient<'_> = Recipient::Function("create-task");

    /// Says which of these a part gets in a place where they are all set.
    fn given(set: &[(&str, &str)], has_sidecars: bool, recipient: Recipient<'_>) -> Vec<String> {
        let surroundings = Surroundings::new(&Environment::from_pairs(set.iter().copied()), has_sidecars);
        let surroundings = surroundings.expect("they can be read");
        let withheld: Vec<_> = surroundings.withheld_from(recipient).map(OsStr::to_owned).collect();
        let names = set.iter().map(|(name, _)| (*name).to_owned());
        names.filter(|name| !withheld.contains(&OsString::from(name))).collect()
    }

    #[test]
    fn what_leads_to_another_cluster_or_cloud_is_withheld_from_everybody() {
        let set = [
            ("KAFKA_SECURITY_PROTOCOL", "SASL_SSL"),
            ("KAFKA_SASL_MECHANISM", "AWS_MSK_IAM"),
            ("KAFKA_SASL_PASSWORD_FILE", "/run/secrets/kafka"),
            ("KAFKA_CA", "-----BEGIN"),
            ("DAPR_SECRET_STORE", "vault"),
            ("DAPR_HTTP_PORT", "3500"),
            ("APP_API_TOKEN_FILE", "/run/secrets/token"),
            ("AWS_SECRET_ACCESS_KEY", "x"),
            ("AWS_LAMBDA_RUNTIME_API", "x"),
            ("K_SINK", "http://broker"),
            ("CONVERSATION_STATE", "dapr"),
            ("METRICS_PORT", "9091"),
            ("RELAY_TOKEN", "x"),
        ];
        for recipient in [MAILER, CREATOR, Recipient::Other] {
            for has_sidecars in [false, true] {
                assert_eq!(given(&set, has_sidecars, recipient), Vec::<String>::new(), "{recipient:?}");
            }
        }
    }

    #[test]
    fn brokers_of_somebody_elses_are_reached_by_whoever_is_on_the_bus_and_by_nobody_behind_sidecars() {
        let set = [("KAFKA_BROKERS", "kafka:9093"), ("KAFKA_SASL_PASSWORD_FILE", "/run/secrets/kafka")];
        let all: Vec<_> = set.iter().map(|(name, _)| (*name).to_owned()).collect();
        assert_eq!(given(&set, false, MAILER), all);
        assert!(given(&set, false, CREATOR).is_empty());
        assert!(given(&set, true, MAILER).is_empty());
    }

    #[test]
    fn credentials_of_aws_are_for_whoever_sends_mails_by_it() {
        let credentials = ("AWS_SECRET_ACCESS_KEY", "x");
        let ses = [("MAIL", "ses"), credentials, ("AWS_SECRETS", "kaam/production")];
        assert_eq!(given(&ses, false, MAILER), ["MAIL", "AWS_SECRET_ACCESS_KEY"]);
        assert_eq!(given(&ses, false, CREATOR), ["MAIL"]);
    }

    #[test]
    fn other_settings_are_for_every_function_and_for_no_program_of_somebody_elses() {
        let set = [("LOG_LEVEL", "debug"), ("SMTP_URL_FILE", "/run/secrets/smtp"), ("DAPR_BULK", "50")];
        assert_eq!(given(&set, false, CREATOR), ["LOG_LEVEL", "SMTP_URL_FILE"]);
        assert_eq!(given(&set, true, CREATOR).len(), 3);
        assert_eq!(given(&[("PATH", "/bin"), set[0], set[1]], true, Recipient::Other), ["PATH"]);
    }
}
