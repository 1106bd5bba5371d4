//! Accounts: opening one, signing in and out, and the sessions in between. Passwords and tokens are made and checked by the caller;
//! what comes here are hashes.

use std::net::{IpAddr, Ipv6Addr};

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use domain::settings::{Locale, Settings, is_email};
use events::payload::{Actor, Audited};
use events::{Cause, Event, JsonText, Refusal, Topic};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

pub use store::accounts::{Account, Hash, NewSession, Rotated, Rotation, Subject};

use crate::{Application, refuse, settings};

/// How long one has to wait after the first failure, the second and so on, in seconds; 15 minutes at most.
const DELAYS_S: [f64; 14] = [0.0, 0.0, 0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 900.0];
/// How many failures more are free for an address of the network, which many may share.
const ALLOWANCE_OF_ADDRESS: i32 = 7;
/// And for an account as a whole, where each network that tries is known and has to wait by itself: so who fails elsewhere, from one
/// network, does not keep the owner out, and many who guess together are stopped all the same. A hundred networks, each of which fails
/// three times, make the owner wait.
const ALLOWANCE_OF_ACCOUNT: i32 = 300;
/// Whoever has a /64 of IPv6 may have every one of its /48, so these are one for an account; how many failures more are free there.
const ALLOWANCE_OF_SITE: i32 = 4;
/// For how long failures count.
const FAILURES_COUNT_FOR: TimeDelta = TimeDelta::days(1);

/// An e-mail address as people sign in with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email {
    /// As it was written, but for the domain, which is in lower case.
    pub address: String,
    key: String,
}

impl Email {
    /// Parses an address.
    ///
    /// ```
    /// use application::accounts::Email;
    /// let email = Email::parse("Amna.Khan@Example.ORG").expect("an address");
    /// assert_eq!(email.address, "Amna.Khan@example.org");
    /// assert!(Email::parse("amna").is_none());
    /// ```
    pub fn parse(text: &str) -> Option<Self> {
        let (local, domain) = text.rsplit_once('@').filter(|_| is_email(text))?;
        let address = format!("{local}@{}", domain.to_ascii_lowercase());
        Some(Self { key: address.to_ascii_lowercase(), address })
    }

    /// Gives who tries to sign in by it: the account, and, where that is known, the account from this network, and of IPv6
    /// from the /48 around it.
    pub fn subjects(&self, network: Option<IpAddr>) -> Vec<Subject> {
        let account = hash(&["account", &self.key]);
        match network {
            None => vec![Subject { hash: account, allowance: 0 }],
            Some(network) => {
                let from = |place: &str, allowance| Subject {
                    hash: hash(&["account", &self.key, place]),
                    allowance,
                };
                let mut subjects = vec![
                    Subject { hash: account, allowance: ALLOWANCE_OF_ACCOUNT },
                    from(&network.to_string(), 0),
                ];
                if let IpAddr::V6(network) = network {
                    let [first, second, third, ..] = network.segments();
                    let site = Ipv6Addr::from([first, second, third, 0, 0, 0, 0, 0]);
                    subjects.push(from(&format!("{site}/48"), ALLOWANCE_OF_SITE));
                }
                subjects
            }
        }
    }
}

/// Gives who tries from a network.
pub fn caller(network: IpAddr) -> Subject {
    Subject { hash: hash(&["caller", &network.to_string()]), allowance: ALLOWANCE_OF_ADDRESS }
}

/// Gives who tries to change the password of a user.
pub fn user(user_id: &str) -> Subject {
    Subject { hash: hash(&["user", user_id]), allowance: 0 }
}

fn hash(parts: &[&str]) -> Hash {
    Sha256::digest(parts.join("\n")).into()
}

/// What somebody who opens an account has chosen.
#[derive(Clone)]
pub struct Registration {
    /// The address.
    pub email: Email,
    /// A PHC string.
    pub password_hash: String,
    /// The zone; the default of new users when absent.
    pub time_zone: Option<Tz>,
    /// The locale; that of new users when absent.
    pub locale: Option<Locale>,
}

impl Application {
    /// Opens an account for the user of `cause`, who is new. When somebody has the address already, nothing is changed, and only their
    /// own audit log tells of it; whoever asks is not told either.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`].
    pub async fn register(&self, cause: &Cause, registration: Registration) -> Result<(), Refusal> {
        let Registration { email, password_hash, time_zone, locale } = registration;
        let before = Settings::defaults(self.default_zone);
        let chosen = Settings {
            email: Some(email.address),
            time_zone: time_zone.unwrap_or(before.time_zone),
            locale: locale.unwrap_or(before.locale),
            version: 1,
            ..before.clone()
        };
        if let Some(known) = self.store.account(&email.key).await.map_err(refuse)? {
            return self.note_repeated(cause, &known).await;
        }
        let user_id = cause.user_id.clone();
        let account = Account { user_id: user_id.clone(), password_hash };
        let events = [
            told(cause, "account.registered", Actor::user(&user_id), Value::Null),
            settings::updated(cause, &before, &chosen, Actor::user(&user_id)),
        ];
        let opened = self.store.open_account(&email.key, &account, &chosen, &events, cause.now).await;
        if opened.map_err(refuse)? {
            (self.committed)();
            return Ok(());
        }
        // Somebody else was faster.
        match self.store.account(&email.key).await.map_err(refuse)? {
            Some(known) => self.note_repeated(cause, &known).await,
            None => Err(crate::lost_every_race("the account")),
        }
    }

    /// Tells the owner of an account that somebody wanted to open it again; not each time, so that nobody fills the owner's log.
    async fn note_repeated(&self, cause: &Cause, known: &Account) -> Result<(), Refusal> {
        let repeated = Subject { hash: hash(&["repeated", &known.user_id]), allowance: 0 };
        if self.charge_attempt((cause.new_id)(cause.now), &[repeated], cause.now).await?.is_some() {
            return Ok(());
        }
        let cause = Cause { user_id: known.user_id.clone(), ..cause.clone() };
        let event = told(&cause, "account.registration_repeated", stranger(&cause), Value::Null);
        self.store.note(&event).await.map_err(refuse)?;
        (self.committed)();
        Ok(())
    }

    /// Gives the account of an address.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`].
    pub async fn account(&self, email: &Email) -> Result<Option<Account>, Refusal> {
        self.store.account(&email.key).await.map_err(refuse)
    }

    /// Gives the account of a user.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`].
    pub async fn account_of(&self, user_id: &str) -> Result<Option<Account>, Refusal> {
        self.store.account_of_user(user_id).await.map_err(refuse)
    }

    /// Counts an attempt of each of these as a failure until it is known to be none; gives the seconds to wait when there were too many.
    /// `id` is one of the attempt's own.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`].
    pub async fn charge_attempt(
        &self,
        id: Uuid,
        subjects: &[Subject],
        now: DateTime<Utc>,
    ) -> Result<Option<u32>, Refusal> {
        let forgotten = now - FAILURES_COUNT_FOR;
        let until = self.store.charge_attempt(id, subjects, &DELAYS_S, forgotten, now).await;
        let until = until.map_err(refuse)?;
        // Rounded up, so that who waits as long has waited long enough.
        let seconds = |until: DateTime<Utc>| (until - now + TimeDelta::microseconds(999_999)).num_seconds();
        Ok(until.map(|until| u32::try_from(seconds(until)).unwrap_or(u32::MAX)))
    }

    /// Notes that an attempt to sign in has failed; of an address that nobody has there is nobody to tell of it.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`].
    pub async fn sign_in_failed(
        &self,
        cause: &Cause,
        subject: &Subject,
        is_known: bool,
    ) -> Result<(), Refusal> {
        let event = told(cause, "account.sign_in_failed", stranger(cause), Value::Null);
        self.store.note_failure(&subject.hash, &event, is_known, cause.now).await.map_err(refuse)?;
        (self.committed)();
        Ok(())
    }

    /// Begins a session of the cause's user, whose attempt was no failure: `account` starts anew, `others` have one failure fewer. Says
    /// whether the password still is what was looked at.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`].
    pub async fn begin_session(
        &self,
        cause: &Cause,
        session: &NewSession,
        looked_at: &Account,
        (account, others): (&[Subject], &[Subject]),
    ) -> Result<bool, Refusal> {
        let of_session = json!({"session_id": session.session_id});
        let event = told(cause, "account.signed_in", Actor::user(&cause.user_id), of_session);
        let begun = self.store.begin_session(looked_at, session, (account, others), &event, cause.now).await;
        let begun = begun.map_err(refuse)?;
        if begun {
            (self.committed)();
        }
        Ok(begun)
    }

    /// Uses a refresh token of the cause's user.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`].
    pub async fn rotate(&self, cause: &Cause, rotation: &Rotation) -> Result<Rotated, Refusal> {
        let of_session = json!({"session_id": rotation.session_id});
        let event = told(cause, "account.refresh_reused", stranger(cause), of_session);
        let rotated = self.store.rotate(rotation, &event, cause.now).await.map_err(refuse)?;
        if rotated == Rotated::Reused {
            (self.committed)();
        }
        Ok(rotated)
    }

    /// Ends a session of the cause's user, if there is one with this token.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`].
    pub async fn sign_out(&self, cause: &Cause, session_id: Uuid, token_hash: &Hash) -> Result<(), Refusal> {
        let of_session = json!({"session_id": session_id});
        let event = told(cause, "account.signed_out", Actor::user(&cause.user_id), of_session);
        let ended = self.store.end_session(&cause.user_id, session_id, token_hash, &event).await;
        if ended.map_err(refuse)? {
            (self.committed)();
        }
        Ok(())
    }

    /// Changes the password of an account, and ends all its sessions but the one that is kept; says whether the account still was as it
    /// was looked at.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`].
    pub async fn change_password(
        &self,
        cause: &Cause,
        before: &Account,
        password_hash: &str,
        kept: Option<(Uuid, Hash)>,
    ) -> Result<bool, Refusal> {
        let event = told(cause, "account.password_changed", Actor::user(&cause.user_id), Value::Null);
        let forgiven = user(&cause.user_id);
        let changed =
            self.store.change_password(before, password_hash, kept, &forgiven, &event, cause.now).await;
        let changed = changed.map_err(refuse)?;
        if changed {
            (self.committed)();
        }
        Ok(changed)
    }

    /// Forgets sessions that have expired, and failures that count no more.
    pub(crate) async fn forget_sessions(&self, now: DateTime<Utc>) -> Result<(), Refusal> {
        while self.store.forget_sessions(now, now - FAILURES_COUNT_FOR).await.map_err(refuse)? > 0 {}
        Ok(())
    }
}

/// Whoever it was; nobody has shown that they are the user.
fn stranger(cause: &Cause) -> Actor {
    Actor::service(cause.source_service)
}

/// Gives the event that tells of something about the account of the cause's user.
fn told(cause: &Cause, event_type: &str, actor: Actor, new_values: Value) -> Event {
    let user_id = &cause.user_id;
    let audited = Audited {
        entity_type: "account".to_owned(),
        entity_id: user_id.clone(),
        user_id: user_id.clone(),
        old_values: None,
        new_values: Some(new_values).filter(|values| !values.is_null()),
        actor,
    };
    cause.event(Topic::AuditEvents, event_type, user_id, user_id, JsonText::of(&audited))
}
