//! How reminders are delivered, from the environment.

use std::path::PathBuf;

use anyhow::{Context, anyhow, bail};
use application::links::Links;
use lettre::message::Mailbox;
use runtime::address::is_local;
use runtime::config::Environment;
use runtime::http_client::Reach;
use url::Url;

use crate::delivery::Courier;
use crate::mailer::{Mailer, SmtpError, check_key};
use crate::push::{Push, VapidKey};

const DEFAULT_FROM: &str = "Kaam <kaam@localhost>";
const DEFAULT_SENDGRID_URL: &str = "https://api.sendgrid.com";

impl Courier {
    /// Reads how mails and notifications are sent.
    ///
    /// | variable | default | allowed |
    /// |---|---|---|
    /// | `SMTP_URL` | none | an `smtp://` or `smtps://` URL |
    /// | `SMTP_CA_FILE` | none | a file with certificates (PEM) to trust beside those of the web |
    /// | `SENDGRID_API_KEY` | none | a key that may send mails |
    /// | `SENDGRID_URL` | `https://api.sendgrid.com` | an `https://` URL; on this machine also `http://` |
    /// | `MAIL` | none | `ses`, with the Cargo feature `aws` |
    /// | `EMAIL_FROM` | `Kaam <kaam@localhost>` | a mailbox; needed with SendGrid and SES |
    /// | `DATA_DIR` | `.data` | a folder; without a mail service mails go into `mail` in it |
    /// | `VAPID_PRIVATE_KEY` | none: no push | 32 bytes in base64url |
    /// | `VAPID_SUBJECT` | `mailto:` the address of `EMAIL_FROM` | a `mailto:` or `https:` URL |
    ///
    /// # Errors
    /// The first setting that is wrong.
    pub async fn from_environment(environment: &Environment) -> anyhow::Result<Self> {
        let from = environment.get("EMAIL_FROM")?;
        let mailbox = from.as_deref().unwrap_or(DEFAULT_FROM);
        let mailbox: Mailbox = mailbox
            .parse()
            .with_context(|| format!("EMAIL_FROM is {mailbox:?}; it must be one e-mail address"))?;
        let push = push(environment, &mailbox)?;
        Ok(Self::new(mailer(environment, mailbox, from.is_some()).await?, push))
    }
}

/// Takes `PUBLIC_URL` and `LINK_SECRET` for a process of its own, which needs both or neither.
///
/// # Errors
/// One without the other, or a wrong one.
pub(crate) fn links(environment: &Environment) -> anyhow::Result<Option<Links>> {
    let (base, secret) = (environment.get("PUBLIC_URL")?, environment.get("LINK_SECRET")?);
    Links::from_settings(base.as_deref(), secret.as_deref()).map_err(anyhow::Error::msg)
}

async fn mailer(environment: &Environment, from: Mailbox, is_from_given: bool) -> anyhow::Result<Mailer> {
    let (smtp, sendgrid) = (environment.get("SMTP_URL")?, environment.get("SENDGRID_API_KEY")?);
    let ses = environment.one_of("MAIL", &[("ses", ())])?;
    let mut chosen = vec![];
    chosen.extend(smtp.as_ref().map(|_| "SMTP_URL"));
    chosen.extend(sendgrid.as_ref().map(|_| "SENDGRID_API_KEY"));
    chosen.extend(ses.map(|()| "MAIL=ses"));
    if chosen.len() > 1 {
        bail!("{} are set; mails leave in one way, so only one of them can stay", chosen.join(" and "));
    }
    let is_picky = sendgrid.is_some() || ses.is_some();
    if is_picky && !is_from_given {
        bail!("EMAIL_FROM is not set; it must be an address that the mail service knows as yours");
    }
    match (smtp, sendgrid, ses) {
        (Some(url), ..) => {
            Ok(smtp_mailer(environment, &url, from)?.renewed_by(environment.renewal("SMTP_URL")?))
        }
        (_, Some(key), _) => {
            let renewal = environment.renewal("SENDGRID_API_KEY")?;
            Ok(sendgrid_mailer(environment, &key, from)?.renewed_by(renewal))
        }
        (.., Some(())) => ses_mailer(from).await,
        _ => {
            let data = environment.get("DATA_DIR")?.unwrap_or_else(|| ".data".to_owned());
            Ok(Mailer::spool(PathBuf::from(data).join("mail"), from))
        }
    }
}

fn smtp_mailer(environment: &Environment, url: &str, from: Mailbox) -> anyhow::Result<Mailer> {
    // By the rule for secrets: SMTP_CA, or the file that SMTP_CA_FILE names.
    let mailer = match environment.get("SMTP_CA")? {
        Some(authorities) => Mailer::smtp_trusting(url, from, &authorities),
        None => Mailer::smtp(url, from),
    };
    mailer.map_err(|error| match error {
        // What the library says to it speaks of Cargo features.
        SmtpError::Url(_) => anyhow!(
            "SMTP_URL must be a URL such as smtps://user:password@host:465, or smtp:// with ?tls=required or ?tls=opportunistic"
        ),
        error @ SmtpError::InTheClear => anyhow!("SMTP_URL can not be used: {error}"),
        SmtpError::Certificates => {
            anyhow::Error::new(error).context("SMTP_CA_FILE must name a file of certificates in PEM")
        }
    })
}

fn sendgrid_mailer(environment: &Environment, key: &str, from: Mailbox) -> anyhow::Result<Mailer> {
    check_key(key).map_err(anyhow::Error::msg)?;
    let url = environment.get("SENDGRID_URL")?.unwrap_or_else(|| DEFAULT_SENDGRID_URL.to_owned());
    let is_sound = |url: &Url| {
        (url.scheme() == "https" || url.scheme() == "http" && url.host_str().is_some_and(is_local))
            && url.query().is_none()
    };
    if !Url::parse(&url).is_ok_and(|url| is_sound(&url)) {
        bail!(
            "SENDGRID_URL is {url:?}; it must be a URL such as https://api.eu.sendgrid.com; http only on this machine"
        );
    }
    Ok(Mailer::sendgrid(key, &url, from)?)
}

#[cfg(feature = "aws")]
async fn ses_mailer(from: Mailbox) -> anyhow::Result<Mailer> {
    Ok(Mailer::ses(crate::mailer::Ses::from_aws_environment().await?, from))
}

#[cfg(not(feature = "aws"))]
#[expect(clippy::unused_async, reason = "with the feature it asks for the region and the credentials")]
async fn ses_mailer(_from: Mailbox) -> anyhow::Result<Mailer> {
    bail!("MAIL is \"ses\", which is not in this build; build with the Cargo feature `aws` of send-reminder")
}

fn push(environment: &Environment, from: &Mailbox) -> anyhow::Result<Push> {
    const SUBJECT: &str = "a mailto: or https: URL such as mailto:you@example.org";
    let subject = environment.get("VAPID_SUBJECT")?;
    let is_contact = |url: &Url| ["mailto", "https"].contains(&url.scheme());
    if let Some(subject) = subject.as_ref().filter(|text| !Url::parse(text).is_ok_and(|url| is_contact(&url)))
    {
        bail!("VAPID_SUBJECT is {subject:?}; it must be {SUBJECT}");
    }
    let Some(key) = VapidKey::from_environment(environment)? else {
        return Ok(Push::not_configured());
    };
    let subject = subject.unwrap_or_else(|| format!("mailto:{}", from.email));
    Ok(Push::new(key, subject, Reach::Public)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn refusal(pairs: &[(&str, &str)]) -> String {
        let environment = Environment::from_pairs(pairs.iter().copied());
        let error = Courier::from_environment(&environment).await.err();
        runtime::main::one_line("x", &error.unwrap_or_else(|| panic!("{pairs:?} are taken")))
    }

    #[tokio::test]
    async fn a_wrong_setting_is_one_line_that_names_it_and_keeps_secrets() {
        let from = ("EMAIL_FROM", "kaam@example.org");
        let (smtp, sendgrid) = (("SMTP_URL", "smtp://me:hunter2@localhost"), ("SENDGRID_API_KEY", "hunter2"));
        for (pairs, named) in [
            (&[smtp, sendgrid, from][..], &["SMTP_URL", "SENDGRID_API_KEY"][..]),
            (&[sendgrid, ("MAIL", "ses"), from], &["SENDGRID_API_KEY", "MAIL=ses"]),
            (&[("MAIL", "pigeon")], &["MAIL", "ses"]),
            (&[sendgrid], &["EMAIL_FROM"]),
            (&[sendgrid, from, ("SENDGRID_URL", "api.sendgrid.com")], &["SENDGRID_URL"]),
            (&[sendgrid, from, ("SENDGRID_URL", "http://api.sendgrid.com")], &["SENDGRID_URL"]),
            (&[("SMTP_URL", "smtp://me:hunter2@mail.example.org")], &["SMTP_URL", "tls=required"]),
            (&[("SENDGRID_API_KEY", "hunter2 \n x"), from], &["SENDGRID_API_KEY"]),
            (&[("SMTP_URL", "nonsense")], &["SMTP_URL"]),
            (&[("SMTP_URL", "http://me:hunter2@localhost")], &["SMTP_URL must be", "smtps://"]),
            (&[("SMTP_URL", "smtps://localhost"), ("SMTP_CA", "no certificate")], &["SMTP_CA"]),
            (&[("VAPID_PRIVATE_KEY", "hunter2")], &["VAPID_PRIVATE_KEY"]),
            (&[("VAPID_SUBJECT", "amna")], &["VAPID_SUBJECT"]),
        ] {
            let said = refusal(pairs).await;
            assert!(named.iter().all(|name| said.contains(name)), "{said}");
            assert!(!said.contains('\n') && !said.contains("hunter2"), "{said}");
            assert!(!said.contains("features"), "not the library's words: {said}");
        }
    }

    #[cfg(not(feature = "aws"))]
    #[tokio::test]
    async fn a_build_without_ses_says_so() {
        assert!(refusal(&[("MAIL", "ses"), ("EMAIL_FROM", "kaam@example.org")]).await.contains("feature"));
    }

    #[tokio::test]
    async fn push_needs_a_key_and_tells_browsers_the_public_one() {
        let courier = async |pairs: &[(&str, &str)]| {
            let environment = Environment::from_pairs(pairs.iter().copied());
            Courier::from_environment(&environment).await.expect("the settings are sound")
        };
        assert_eq!(courier(&[]).await.push().public_key(), None);
        let key = ("VAPID_PRIVATE_KEY", "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw");
        assert!(courier(&[key]).await.push().public_key().is_some_and(|key| key.starts_with("BP4z9K")));
    }
}
