//! Two ways a mail leaves: to a mail server, or into a folder.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use application::reminders::{Channel, Outgoing};
use chrono::{DateTime, TimeDelta, Utc};
use lettre::message::header::ContentType;
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp;
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use tokio::time::timeout;
use uuid::Uuid;

use crate::text;

/// How long one attempt by a mail server may take in all.
const DEADLINE: Duration = Duration::from_secs(10);
/// How long a reminder is held for a mail into a folder. Writing the same file twice does no harm, so that a sender who was killed
/// is followed soon.
const FOLDER_LEASE: TimeDelta = TimeDelta::seconds(2);
/// Where mails are addressed to when nobody has an address and they only go into a folder.
const FOLDER_RECIPIENT: &str = "you@localhost";

/// Sends mails.
#[derive(Clone)]
pub struct Mailer {
    from: Mailbox,
    way: Way,
}

#[derive(Clone)]
enum Way {
    Smtp { transport: AsyncSmtpTransport<Tokio1Executor>, deadline: Duration },
    Spool(Arc<Path>),
}

/// Why a mail did not leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undelivered {
    /// In words, for the user.
    pub reason: String,
    /// Whether trying again is of no use (RFC 5321 §4.2.1: 5yz).
    pub is_permanent: bool,
}

impl Mailer {
    /// Sends through the server of an `smtp://` or `smtps://` URL; `?tls=required` asks for STARTTLS.
    ///
    /// # Errors
    /// When the URL is malformed.
    pub fn smtp(url: &str, from: Mailbox) -> Result<Self, smtp::Error> {
        Self::smtp_within(url, from, DEADLINE)
    }

    /// Sends likewise, giving up an attempt after `deadline`.
    ///
    /// # Errors
    /// When the URL is malformed.
    pub fn smtp_within(url: &str, from: Mailbox, deadline: Duration) -> Result<Self, smtp::Error> {
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(url)?
            .timeout(Some(deadline))
            // A connection serves one mail: the pool would also hand on one that was given up in the middle of a dialogue, and the
            // next mail would take the answers to this one for its own.
            .pool_config(smtp::PoolConfig::new().max_size(0))
            .build();
        Ok(Self { from, way: Way::Smtp { transport, deadline } })
    }

    /// Writes mails into a folder, whole or not at all.
    pub fn spool(folder: PathBuf, from: Mailbox) -> Self {
        Self { from, way: Way::Spool(folder.into()) }
    }

    /// Gives where mails go when nobody has an address; with a mail server nowhere.
    pub fn fallback_recipient(&self) -> Option<&'static str> {
        matches!(self.way, Way::Spool(_)).then_some(FOLDER_RECIPIENT)
    }

    /// Gives how long others are to wait for an attempt: twice as long as it may take.
    pub(crate) fn lease(&self) -> TimeDelta {
        match &self.way {
            Way::Smtp { deadline, .. } => TimeDelta::from_std(*deadline * 2).unwrap_or(TimeDelta::MAX),
            Way::Spool(_) => FOLDER_LEASE,
        }
    }

    /// Sends a reminder. Every attempt at the same delivery has the same Message-ID, and in the folder the same name.
    pub(crate) async fn send(&self, outgoing: &Outgoing, now: DateTime<Utc>) -> Result<(), Undelivered> {
        let message = self.message(outgoing, now)?;
        match &self.way {
            Way::Smtp { transport, deadline } => match timeout(*deadline, transport.send(message)).await {
                Ok(Ok(_)) => Ok(()),
                Ok(Err(error)) => Err(undelivered(&error)),
                Err(_) => Err(temporary("the mail server did not answer in time")),
            },
            Way::Spool(folder) => {
                let (folder, id, content) = (folder.clone(), outgoing.delivery_id(), message.formatted());
                let written = tokio::task::spawn_blocking(move || write_whole(&folder, id, &content)).await;
                match written {
                    Ok(Ok(path)) => {
                        tracing::info!(path = %path.display(), "mail written");
                        Ok(())
                    }
                    Ok(Err(error)) => Err(temporary(format!("the mail could not be written: {error}"))),
                    Err(_) => Err(temporary("writing the mail was cut off")),
                }
            }
        }
    }

    fn message(&self, outgoing: &Outgoing, now: DateTime<Utc>) -> Result<Message, Undelivered> {
        let permanent = |reason: String| Undelivered { reason, is_permanent: true };
        let Channel::Email(address) = &outgoing.channel else {
            return Err(permanent("this version delivers by e-mail only".to_owned()));
        };
        let recipient: Mailbox = address
            .parse()
            .map_err(|error| permanent(format!("the address can not be written to: {error}")))?;
        Message::builder()
            .from(self.from.clone())
            .to(recipient)
            .subject(text::subject(outgoing))
            .message_id(Some(format!("<{}@kaam>", outgoing.delivery_id())))
            .date(SystemTime::from(now))
            .header(ContentType::TEXT_PLAIN)
            .body(text::body(outgoing))
            .map_err(|error| permanent(format!("the mail could not be composed: {error}")))
    }
}

fn undelivered(error: &smtp::Error) -> Undelivered {
    let reason = format!("the mail server refused or failed: {}", runtime::ask::chain(error));
    Undelivered { reason, is_permanent: error.is_permanent() }
}

fn temporary(reason: impl Into<String>) -> Undelivered {
    Undelivered { reason: reason.into(), is_permanent: false }
}

/// Writes a mail beside its place, makes it durable, and moves it there: a reader sees all of it or nothing.
fn write_whole(folder: &Path, id: Uuid, content: &[u8]) -> io::Result<PathBuf> {
    fs::create_dir_all(folder)?;
    let (path, unfinished) = (folder.join(format!("{id}.eml")), folder.join(format!(".{id}.unfinished")));
    let mut file = File::create(&unfinished)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&unfinished, &path)?;
    File::open(folder)?.sync_all()?;
    Ok(path)
}
