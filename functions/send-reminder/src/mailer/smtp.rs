//! Mails through a mail server (RFC 5321), with TLS from the start or by STARTTLS (RFC 3207), and AUTH (RFC 4954).

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lettre::message::Message;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters, TlsParametersBuilder};
use lettre::transport::smtp::response::Response;
use lettre::transport::smtp::{self, PoolConfig};
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use runtime::address::is_local;
use runtime::secrets::Renewal;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio::time::timeout;
use url::Url;

use crate::delivery::Undelivered;

/// Why a mail server can not be used as it was named.
#[derive(Debug, thiserror::Error)]
pub enum SmtpError {
    /// The URL is malformed.
    #[error("the URL of the mail server is malformed")]
    Url(#[source] smtp::Error),
    /// Anybody on the way could read the password.
    #[error(
        "its password would travel in the clear; add ?tls=required, or use smtps://, or add ?tls=opportunistic where the network is to be trusted"
    )]
    InTheClear,
    /// What should be certificates is not.
    #[error("there is no certificate in PEM, or a malformed one")]
    Certificates,
}

/// Sends mails to one server, signing in as `SMTP_URL` says by then.
#[derive(Clone)]
pub(super) struct Smtp {
    server: Arc<Mutex<Server>>,
    authorities: Option<String>,
    renewal: Renewal,
    deadline: Duration,
}

/// The server, and how one signs in.
#[derive(Clone)]
struct Server {
    url: String,
    transport: AsyncSmtpTransport<Tokio1Executor>,
}

impl Smtp {
    /// Reads where the server is. `authorities` are certificates (PEM) that are trusted beside those of the web.
    pub(super) fn new(url: &str, deadline: Duration, authorities: Option<&str>) -> Result<Self, SmtpError> {
        let server = Arc::new(Mutex::new(Server::new(url, deadline, authorities)?));
        let (authorities, renewal) = (authorities.map(str::to_owned), Renewal::never());
        Ok(Self { server, authorities, renewal, deadline })
    }

    pub(super) fn renewed_by(self, renewal: Renewal) -> Self {
        let (deadline, authorities) = (self.deadline, self.authorities.clone());
        // What is said does not quote it.
        let check = move |url: &str| {
            let server = Server::new(url, deadline, authorities.as_deref());
            server.map(drop).map_err(|error| error.to_string())
        };
        Self { renewal: renewal.only(check), ..self }
    }

    pub(super) fn deadline(&self) -> Duration {
        self.deadline
    }

    pub(super) async fn send(&self, message: Message) -> Result<(), Undelivered> {
        match timeout(self.deadline, self.send_as_it_is_now(message)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(undelivered(&error)),
            Err(_) => Err(Undelivered::temporary("the mail server did not answer in time")),
        }
    }

    /// Sends, and once more when the server does not let Kaam sign in and there is another password: it has not heard of the mail yet.
    async fn send_as_it_is_now(&self, message: Message) -> Result<Response, smtp::Error> {
        let known = self.server.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let server = self.newer(&known.url, false).await.unwrap_or(known);
        match server.transport.send(message.clone()).await {
            Err(error) if is_about_signing_in(&error) => match self.newer(&server.url, true).await {
                Some(server) => server.transport.send(message).await,
                None => Err(error),
            },
            outcome => outcome,
        }
    }

    /// Gives the server as `SMTP_URL` names it by now, if that is another one.
    async fn newer(&self, used: &str, was_refused: bool) -> Option<Server> {
        let url = self.renewal.newer(used, was_refused).await?;
        let server = Server::new(&url, self.deadline, self.authorities.as_deref()).ok()?;
        *self.server.lock().unwrap_or_else(PoisonError::into_inner) = server.clone();
        Some(server)
    }
}

impl Server {
    fn new(url: &str, deadline: Duration, authorities: Option<&str>) -> Result<Self, SmtpError> {
        let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(url).map_err(SmtpError::Url)?;
        if shows_password(url) {
            return Err(SmtpError::InTheClear);
        }
        let builder = match authorities {
            None => builder,
            Some(authorities) => builder.tls(tls(url, certificates(authorities)?).map_err(SmtpError::Url)?),
        };
        let transport = builder
            .timeout(Some(deadline))
            // A connection serves one mail: the pool would also hand on one that was given up in the middle of a dialogue, and the
            // next mail would take the answers to this one for its own.
            .pool_config(PoolConfig::new().max_size(0))
            .build();
        Ok(Self { url: url.to_owned(), transport })
    }
}

/// Says whether anybody on the way to the mail server can read the password of its URL.
fn shows_password(url: &str) -> bool {
    let Ok(url) = Url::parse(url) else { return false };
    let wish = url.query_pairs().find(|(name, _)| name == "tls");
    let has_tls = url.scheme() == "smtps"
        || wish.is_some_and(|(_, wish)| ["required", "opportunistic"].contains(&&*wish));
    url.password().is_some() && !has_tls && !url.host_str().is_some_and(is_local)
}

/// Gives what the URL asks for, as lettre reads it, with more certificates.
fn tls(url: &str, authorities: Vec<Certificate>) -> Result<Tls, smtp::Error> {
    let url = Url::parse(url).ok();
    let wish = url.as_ref().and_then(|url| url.query_pairs().find(|(name, _)| name == "tls"));
    let parameters = || {
        let host = url.as_ref().and_then(Url::host_str).unwrap_or_default();
        let builder = TlsParameters::builder(host.to_owned());
        authorities.into_iter().fold(builder, TlsParametersBuilder::add_root_certificate).build()
    };
    Ok(match (url.as_ref().map(Url::scheme), wish.as_ref().map(|(_, wish)| wish.as_ref())) {
        (Some("smtps"), _) => Tls::Wrapper(parameters()?),
        (_, Some("required")) => Tls::Required(parameters()?),
        (_, Some("opportunistic")) => Tls::Opportunistic(parameters()?),
        _ => Tls::None,
    })
}

fn certificates(pem: &str) -> Result<Vec<Certificate>, SmtpError> {
    let read = CertificateDer::pem_slice_iter(pem.as_bytes()).map(|found| {
        let der = found.map_err(|_| SmtpError::Certificates)?;
        Certificate::from_der(der.to_vec()).map_err(|_| SmtpError::Certificates)
    });
    let read: Vec<_> = read.collect::<Result<_, _>>()?;
    if read.is_empty() { Err(SmtpError::Certificates) } else { Ok(read) }
}

/// 53z speaks of how Kaam signs in (RFC 4954 §6).
fn is_about_signing_in(error: &smtp::Error) -> bool {
    error.status().map(u16::from).is_some_and(|code| (530..=539).contains(&code))
}

/// 5yz is for good (RFC 5321 §4.2.1), but for what speaks of signing in and not of the mail: whoever runs Kaam can mend it while the
/// reminder is tried again.
fn undelivered(error: &smtp::Error) -> Undelivered {
    let chain = runtime::ask::chain(error);
    if is_about_signing_in(error) {
        return Undelivered::temporary(format!(
            "the mail server does not let Kaam sign in (SMTP_URL): {chain}"
        ));
    }
    if error.is_permanent() {
        return Undelivered::permanent(format!("the mail server refused the mail: {chain}"));
    }
    Undelivered::temporary(format!("the mail server refused or failed: {chain}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn s32_a_password_for_mail_leaves_this_machine_in_the_clear_only_where_that_is_said() {
        for (url, is_refused) in [
            ("smtp://me:secret@mail.example.org:587", true),
            ("smtp://me:secret@192.0.2.1:25", true),
            ("smtp://me:secret@[2001:db8::1]:25", true),
            ("smtp://mail.example.org", false),
            ("smtps://me:secret@mail.example.org", false),
            ("smtp://me:secret@mail.example.org?tls=required", false),
            ("smtp://me:secret@mail.example.org?tls=opportunistic", false),
            ("smtp://me:secret@localhost:25", false),
            ("smtp://me:secret@127.0.0.1:25", false),
            ("smtp://me:secret@[::1]:25", false),
        ] {
            let made = Server::new(url, Duration::from_secs(1), None);
            assert_eq!(matches!(made, Err(SmtpError::InTheClear)), is_refused, "{url}");
        }
    }
}
