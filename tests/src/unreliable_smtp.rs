//! A mail server that treats each recipient as the address says, and remembers every attempt.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use runtime::clock::Clock;

use crate::smtp::{MailServer, Reply};

/// What the server does with the mails of a recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Habit {
    /// Takes them.
    Takes,
    /// Takes them, says so, and hangs up at once.
    Leaves,
    /// Takes the first and hangs up before it says so; then takes them. The sender can not know that it has arrived.
    Silent,
    /// Refuses the first for now (451), then takes them.
    Later,
    /// Never answers the first, then takes them.
    Stalls,
    /// Refuses them for good (550).
    Refuses,
}

impl Habit {
    /// Gives the address of the recipient with this number.
    pub fn address(self, number: usize) -> String {
        format!("{self:?}-{number}@example.org").to_lowercase()
    }

    fn of(address: &str) -> Self {
        match address.split('-').next() {
            Some("leaves") => Self::Leaves,
            Some("silent") => Self::Silent,
            Some("later") => Self::Later,
            Some("stalls") => Self::Stalls,
            Some("refuses") => Self::Refuses,
            _ => Self::Takes,
        }
    }

    /// Says what is done with the nth attempt, from 1.
    fn reply(self, attempt: usize) -> Reply {
        match (self, attempt) {
            (Self::Leaves, _) => Reply::TakeAndLeave,
            (Self::Silent, 1) => Reply::TakeInSilence,
            (Self::Later, 1) => Reply::RefuseRecipient("451 4.2.1 mailbox busy, try again later"),
            (Self::Stalls, 1) => Reply::Hang,
            (Self::Refuses, _) => Reply::RefuseRecipient("550 5.1.1 no such user here"),
            _ => Reply::Take,
        }
    }

    /// Says whether the server has told the sender that it took the nth attempt, if both lived that long.
    pub fn says_ok(self, attempt: usize) -> bool {
        matches!(self.reply(attempt), Reply::Take | Reply::TakeAndLeave)
    }
}

/// A running server.
#[derive(Debug)]
pub struct UnreliableServer {
    server: MailServer,
    attempts: Arc<Mutex<HashMap<String, Vec<DateTime<Utc>>>>>,
}

impl UnreliableServer {
    /// Starts one.
    pub async fn start() -> Self {
        let attempts = Arc::<Mutex<HashMap<String, Vec<_>>>>::default();
        let (seen, clock) = (Arc::clone(&attempts), Clock::system());
        let server = MailServer::start(move |recipient, attempt| {
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.entry(recipient.to_owned()).or_default().push(clock.now());
            Habit::of(recipient).reply(attempt)
        });
        Self { server: server.await, attempts }
    }

    /// Where it listens, for `SMTP_URL`.
    pub fn url(&self) -> &str {
        &self.server.url
    }

    /// Gives when each recipient was tried to be reached, in order.
    pub fn attempts(&self) -> HashMap<String, Vec<DateTime<Utc>>> {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Gives the Message-ID of each mail that was taken, by recipient, in order.
    pub fn taken(&self) -> HashMap<String, Vec<String>> {
        let mut by_recipient = HashMap::<String, Vec<String>>::new();
        for mail in self.server.taken() {
            let id = mail.content.lines().find_map(|line| line.strip_prefix("Message-ID: "));
            for recipient in mail.recipients {
                by_recipient.entry(recipient).or_default().push(id.unwrap_or_default().to_owned());
            }
        }
        by_recipient
    }
}
