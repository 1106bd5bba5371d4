//! One-time signed links in mails: done, or later, for whoever has the mail.
//!
//! A link names its user, task and reminder, says until when it holds, and is signed with HMAC-SHA-256 (RFC 2104), so that nobody can
//! make one up. Following it twice does nothing more, whatever happened to the task in between.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use domain::reminder::{Lead, LeadUnit};
use domain::settings::{Locale, Settings};
use domain::task::{Change, Task};
use events::{Answer, Cause, Refusal, TaskBody};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use uuid::Uuid;

use crate::change::{Terms, With, refused};
use crate::{Application, refuse};

/// For how many days a link holds.
pub(crate) const LINK_DAYS: i64 = 30;
/// By how many minutes a link puts a reminder off.
pub const SNOOZE_MINUTES: u32 = 10;
/// The shortest secret, in bytes: as long as the hash (RFC 2104 §3).
const MIN_SECRET: usize = 32;
/// The first byte: the form of what follows.
const FORM: u8 = 1;
/// How much of the signature is sent along, in bytes (RFC 2104 §5: at least half of the hash).
const TAG: usize = 16;
/// Form, action, expiry, task and reminder.
const HEAD: usize = 1 + 1 + 8 + 16 + 16;

/// What a link does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Completes the task.
    Done,
    /// Reminds of it once more, [`SNOOZE_MINUTES`] later.
    Snooze,
}

/// What a link says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// What it does.
    pub action: Action,
    /// Whose task it is.
    pub user_id: String,
    /// Which.
    pub task_id: Uuid,
    /// The reminder that it came with.
    pub reminder_id: Uuid,
}

/// Why a link leads nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// It is not one of ours, or was altered.
    #[error("this link is not known")]
    Unknown,
    /// It was good for 30 days.
    #[error("this link has expired")]
    Expired,
}

/// Makes and reads links.
#[derive(Clone)]
pub struct Links {
    base: String,
    mac: Hmac<Sha256>,
}

impl std::fmt::Debug for Links {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Links").field("base", &self.base).finish_non_exhaustive()
    }
}

impl Links {
    /// Takes the URL under which people reach Kaam, and the secret that links are signed with.
    ///
    /// # Errors
    /// In one line: a base that is no http or https URL, a secret of fewer than 32 bytes.
    pub fn new(base: &str, secret: &str) -> Result<Self, String> {
        let host = base.strip_prefix("https://").or_else(|| base.strip_prefix("http://"));
        let is_sound = host.is_some_and(|host| !host.is_empty() && !host.starts_with('/'))
            && base.chars().all(|c| c.is_ascii_graphic() && !"?#\"<>\\".contains(c));
        if !is_sound {
            return Err(format!("PUBLIC_URL is {base:?}; it must be a URL such as https://kaam.example.org"));
        }
        if secret.len() < MIN_SECRET {
            return Err(format!(
                "LINK_SECRET has {} bytes; it must have at least {MIN_SECRET}",
                secret.len()
            ));
        }
        let mac = Hmac::new_from_slice(secret.as_bytes()).map_err(|error| error.to_string())?;
        Ok(Self { base: base.trim_end_matches('/').to_owned(), mac })
    }

    /// Takes the settings `PUBLIC_URL` and `LINK_SECRET`; `None` when neither is set, and there are no links.
    ///
    /// # Errors
    /// Like [`Links::new`], and one of them without the other.
    pub fn from_settings(base: Option<&str>, secret: Option<&str>) -> Result<Option<Self>, String> {
        match (base, secret) {
            (None, None) => Ok(None),
            (Some(base), Some(secret)) => Self::new(base, secret).map(Some),
            (Some(_), None) => {
                Err("PUBLIC_URL is set and LINK_SECRET is not; links in mails need both".to_owned())
            }
            (None, Some(_)) => {
                Err("LINK_SECRET is set and PUBLIC_URL is not; links in mails need both".to_owned())
            }
        }
    }

    /// Gives the URL of a link that is made now.
    pub fn url(&self, link: &Link, now: DateTime<Utc>) -> String {
        let expires = (now + TimeDelta::days(LINK_DAYS)).timestamp();
        let mut token = vec![FORM, link.action as u8];
        token.extend(expires.to_be_bytes());
        token.extend(link.task_id.as_bytes());
        token.extend(link.reminder_id.as_bytes());
        token.extend(link.user_id.as_bytes());
        let signature = self.mac.clone().chain_update(&token).finalize().into_bytes();
        token.extend(&signature[..TAG]);
        format!("{}/links/{}", self.base, URL_SAFE_NO_PAD.encode(token))
    }

    /// Reads the last part of a link's URL.
    ///
    /// # Errors
    /// [`LinkError`].
    pub fn read(&self, token: &str, now: DateTime<Utc>) -> Result<Link, LinkError> {
        let token = URL_SAFE_NO_PAD.decode(token).map_err(|_| LinkError::Unknown)?;
        let (body, tag) =
            token.split_at_checked(token.len().saturating_sub(TAG)).ok_or(LinkError::Unknown)?;
        self.mac.clone().chain_update(body).verify_truncated_left(tag).map_err(|_| LinkError::Unknown)?;
        parse(body, now).ok_or(LinkError::Unknown)?
    }
}

/// Reads what was signed.
fn parse(body: &[u8], now: DateTime<Utc>) -> Option<Result<Link, LinkError>> {
    let (head, user_id) = body.split_at_checked(HEAD)?;
    let ([FORM, action], rest) = head.split_first_chunk()? else { return None };
    let (expires, rest) = rest.split_first_chunk()?;
    let (task_id, reminder_id) = rest.split_at_checked(16)?;
    if i64::from_be_bytes(*expires) <= now.timestamp() {
        return Some(Err(LinkError::Expired));
    }
    Some(Ok(Link {
        action: [Action::Done, Action::Snooze].into_iter().find(|known| *known as u8 == *action)?,
        user_id: String::from_utf8(user_id.to_vec()).ok()?,
        task_id: Uuid::from_slice(task_id).ok()?,
        reminder_id: Uuid::from_slice(reminder_id).ok()?,
    }))
}

impl Link {
    /// Gives what can happen once: this action for this reminder.
    fn id(&self) -> Uuid {
        Uuid::new_v5(&self.reminder_id, &[self.action as u8])
    }
}

impl Application {
    /// Gives the task that a link is about, and the language of its user.
    ///
    /// # Errors
    /// [`Refusal::Conflict`] when the link was followed already, [`Refusal::NotFound`], [`Refusal::Unavailable`].
    pub async fn look_at_link(&self, link: &Link) -> Result<(TaskBody, Locale), Refusal> {
        self.check_unused(&link.user_id, link.id()).await?;
        let task = self.get(&link.user_id, link.task_id).await?;
        Ok((task, self.locale(&link.user_id).await?))
    }

    /// Gives the language of a user.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`].
    pub async fn locale(&self, user_id: &str) -> Result<Locale, Refusal> {
        Ok(self.remembered_settings(user_id).await?.locale)
    }

    /// Does what a link says, once.
    ///
    /// # Errors
    /// [`Refusal::Conflict`] when the link was followed already, or the task is not open; [`Refusal::NotFound`],
    /// [`Refusal::Unavailable`].
    pub async fn follow_link(&self, cause: &Cause, link: &Link) -> Result<Answer, Refusal> {
        let later = Lead { count: SNOOZE_MINUTES, unit: LeadUnit::Minutes };
        let change = |task: &Task, settings: &Settings| match link.action {
            Action::Done => task.complete(cause.now).map_err(refused),
            Action::Snooze => {
                let until = later.after(cause.now, task.zone(settings.time_zone));
                task.snooze(until, cause.now).map_err(refused)
            }
        };
        let kind = match link.action {
            Action::Done => Change::Completed,
            Action::Snooze => Change::Updated,
        };
        let terms = Terms { with: With::Link(link.id()), ..Terms::default() };
        Ok(self.change(cause, link.task_id, kind, terms, change).await?.answer)
    }

    /// Refuses a link that was followed already.
    pub(crate) async fn check_unused(&self, user_id: &str, link: Uuid) -> Result<(), Refusal> {
        match self.store.is_link_used(user_id, link).await.map_err(refuse)? {
            true => Err(Refusal::Conflict("this link was followed already".to_owned())),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().expect("an instant")
    }

    fn link() -> Link {
        Link {
            action: Action::Snooze,
            user_id: "amna".to_owned(),
            task_id: Uuid::from_u128(1),
            reminder_id: Uuid::from_u128(2),
        }
    }

    fn token(links: &Links) -> String {
        let url = links.url(&link(), at("2026-06-01T06:00:00Z"));
        url.strip_prefix("https://kaam.example.org/links/").expect("under the base").to_owned()
    }

    #[test]
    fn a_link_is_read_again_for_30_days() {
        let links = Links::new("https://kaam.example.org/", SECRET).expect("sound");
        assert_eq!(links.read(&token(&links), at("2026-07-01T05:59:59Z")), Ok(link()));
        assert_eq!(links.read(&token(&links), at("2026-07-01T06:00:00Z")), Err(LinkError::Expired));
    }

    #[test]
    fn an_altered_link_is_unknown() {
        let links = Links::new("https://kaam.example.org", SECRET).expect("sound");
        let (token, now) = (token(&links), at("2026-06-01T06:00:00Z"));
        let bytes = URL_SAFE_NO_PAD.decode(&token).expect("base64url");
        for index in 0..bytes.len() {
            let mut altered = bytes.clone();
            altered[index] ^= 1;
            assert_eq!(
                links.read(&URL_SAFE_NO_PAD.encode(&altered), now),
                Err(LinkError::Unknown),
                "{index}"
            );
            let cut = URL_SAFE_NO_PAD.encode(&bytes[..index]);
            assert_eq!(links.read(&cut, now), Err(LinkError::Unknown), "{index} bytes of it");
        }
        let others = Links::new("https://kaam.example.org", &SECRET.replace('0', "1")).expect("sound");
        assert_eq!(others.read(&token, now), Err(LinkError::Unknown));
    }

    #[test]
    fn an_unsound_setting_is_named() {
        for base in
            ["", "kaam.example.org", "ftp://x", "https://", "https:///x", "https://x/?y", "https://x y"]
        {
            assert!(Links::new(base, SECRET).is_err_and(|why| why.contains("PUBLIC_URL")), "{base}");
        }
        assert!(Links::new("http://localhost:8000", "short").is_err_and(|why| why.contains("LINK_SECRET")));
    }
}
