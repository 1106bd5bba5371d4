//! Mails, and the ways in which they leave.

mod sendgrid;
#[cfg(feature = "aws")]
mod ses;
mod smtp;
mod spool;

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use chrono::{DateTime, TimeDelta, Utc};
use lettre::message::header::{Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message, MultiPart};
use runtime::secrets::Renewal;
use uuid::Uuid;

use self::sendgrid::SendGrid;
pub(crate) use self::sendgrid::check_key;
#[cfg(feature = "aws")]
pub use self::ses::Ses;
use self::smtp::Smtp;
pub use self::smtp::SmtpError;
use self::spool::Spool;
use crate::delivery::Undelivered;
use crate::text::Mail;

/// How long one attempt by a mail service may take in all.
pub(crate) const DEADLINE: Duration = Duration::from_secs(10);
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
    Smtp(Smtp),
    SendGrid(Box<SendGrid>),
    #[cfg(feature = "aws")]
    Ses(Ses),
    Spool(Spool),
}

/// A mail with its addresses.
struct Letter<'a> {
    from: &'a Mailbox,
    to: Mailbox,
    mail: &'a Mail,
    delivery_id: Uuid,
    now: DateTime<Utc>,
}

impl Mailer {
    /// Sends through the server of an `smtp://` or `smtps://` URL; `?tls=required` asks for STARTTLS.
    ///
    /// # Errors
    /// When the URL is malformed.
    pub fn smtp(url: &str, from: Mailbox) -> Result<Self, SmtpError> {
        Self::smtp_within(url, from, DEADLINE)
    }

    /// Sends likewise, giving up an attempt after `deadline`.
    ///
    /// # Errors
    /// When the URL is malformed.
    pub fn smtp_within(url: &str, from: Mailbox, deadline: Duration) -> Result<Self, SmtpError> {
        Ok(Self { from, way: Way::Smtp(Smtp::new(url, deadline, None)?) })
    }

    /// Sends likewise to a server whose certificate one of these authorities (PEM) has signed, or one that the web trusts.
    ///
    /// # Errors
    /// When the URL or the certificates are malformed.
    pub fn smtp_trusting(url: &str, from: Mailbox, authorities: &str) -> Result<Self, SmtpError> {
        Ok(Self { from, way: Way::Smtp(Smtp::new(url, DEADLINE, Some(authorities))?) })
    }

    /// Sends through SendGrid's API at `url`, such as `https://api.sendgrid.com`.
    ///
    /// # Errors
    /// When the TLS library does not work.
    pub fn sendgrid(key: &str, url: &str, from: Mailbox) -> Result<Self, rustls::Error> {
        Ok(Self { from, way: Way::SendGrid(Box::new(SendGrid::new(key, url)?)) })
    }

    /// Sends through Amazon SES.
    #[cfg(feature = "aws")]
    pub fn ses(ses: Ses, from: Mailbox) -> Self {
        Self { from, way: Way::Ses(ses) }
    }

    /// Writes mails into a folder, whole or not at all.
    pub fn spool(folder: PathBuf, from: Mailbox) -> Self {
        Self { from, way: Way::Spool(Spool::new(folder)) }
    }

    /// Has the URL of the mail server, or SendGrid's key, asked for again: now and then, and when it is refused.
    #[must_use]
    pub fn renewed_by(self, renewal: Renewal) -> Self {
        let way = match self.way {
            Way::Smtp(smtp) => Way::Smtp(smtp.renewed_by(renewal)),
            Way::SendGrid(sendgrid) => Way::SendGrid(Box::new(sendgrid.renewed_by(renewal))),
            other => other,
        };
        Self { way, ..self }
    }

    /// Gives where mails go when nobody has an address; with a mail service nowhere.
    pub fn fallback_recipient(&self) -> Option<&'static str> {
        matches!(self.way, Way::Spool(_)).then_some(FOLDER_RECIPIENT)
    }

    /// Gives how long others are to wait for an attempt: twice as long as it may take.
    pub(crate) fn lease(&self) -> TimeDelta {
        let twice = |deadline: Duration| TimeDelta::from_std(deadline * 2).unwrap_or(TimeDelta::MAX);
        match &self.way {
            Way::Smtp(smtp) => twice(smtp.deadline()),
            Way::SendGrid(_) => twice(DEADLINE),
            #[cfg(feature = "aws")]
            Way::Ses(_) => twice(DEADLINE),
            Way::Spool(_) => FOLDER_LEASE,
        }
    }

    /// Sends a mail. Every attempt at the same delivery has the same Message-ID, and in the folder the same name.
    pub(crate) async fn send(
        &self,
        address: &str,
        mail: &Mail,
        delivery_id: Uuid,
        now: DateTime<Utc>,
    ) -> Result<(), Undelivered> {
        let malformed = |error| Undelivered::permanent(format!("the address can not be written to: {error}"));
        let letter =
            Letter { from: &self.from, to: address.parse().map_err(malformed)?, mail, delivery_id, now };
        match &self.way {
            Way::Smtp(smtp) => smtp.send(letter.mime()?).await,
            Way::SendGrid(sendgrid) => sendgrid.send(&letter).await,
            #[cfg(feature = "aws")]
            Way::Ses(ses) => ses.send(&letter, letter.mime()?).await,
            Way::Spool(spool) => spool.write(delivery_id, letter.mime()?.formatted()).await,
        }
    }
}

impl Letter<'_> {
    fn message_id(&self) -> String {
        format!("<{}@kaam>", self.delivery_id)
    }

    /// Gives the mail as plain text and HTML for the reader's choice (RFC 2046 §5.1.4).
    fn mime(&self) -> Result<Message, Undelivered> {
        let Mail { subject, plain, html } = self.mail;
        Message::builder()
            .from(self.from.clone())
            .to(self.to.clone())
            .subject(subject)
            .message_id(Some(self.message_id()))
            .date(SystemTime::from(self.now))
            .header(AutoSubmitted)
            .multipart(MultiPart::alternative_plain_html(plain.clone(), html.clone()))
            .map_err(|error| Undelivered::permanent(format!("the mail could not be composed: {error}")))
    }
}

/// `Auto-Submitted: auto-generated` (RFC 3834 §5): absence notes and the like do not answer it.
#[derive(Clone)]
struct AutoSubmitted;

impl AutoSubmitted {
    const NAME: &str = "Auto-Submitted";
    const VALUE: &str = "auto-generated";
}

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str(Self::NAME)
    }

    fn parse(value: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        if value == Self::VALUE { Ok(Self) } else { Err("not generated by a program".into()) }
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), Self::VALUE.to_owned())
    }
}
