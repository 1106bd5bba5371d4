//! Notifications to the user's browsers, through the push services that these named (RFC 8030).

mod encryption;
mod vapid;

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use domain::settings::{PushSubscription, is_push_endpoint};
use futures::future::join_all;
use http_body_util::Full;
use hyper::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE};
use hyper::{Request, StatusCode};
use p256::SecretKey;
use runtime::clock::random;
use runtime::http_client::{Answer, HttpClient, Reach};
use sha2::{Digest, Sha256};
use url::Url;
use uuid::Uuid;

use self::encryption::{BASE64URL, Recipient};
pub use self::vapid::{NoKey, VapidKey};
use crate::delivery::{ANSWER_BYTES, Report, Undelivered, retry_after, words_of};

/// How long one message may take in all. The messages of one reminder travel at the same time.
const DEADLINE: Duration = Duration::from_secs(10);
/// For how long after its time a reminder is of use.
const USEFUL: TimeDelta = TimeDelta::hours(24);

/// Sends notifications.
#[derive(Clone)]
pub struct Push(Option<Arc<Sender>>);

struct Sender {
    key: VapidKey,
    subject: String,
    client: HttpClient,
    reach: Reach,
}

/// A notification, the same for each of the user's browsers.
#[derive(Debug, Clone)]
pub(crate) struct Notification {
    /// The same for every attempt.
    pub(crate) delivery_id: Uuid,
    /// JSON for the page's service worker.
    pub(crate) payload: String,
    pub(crate) is_urgent: bool,
    /// When it was to be sent.
    pub(crate) trigger_time: DateTime<Utc>,
}

/// What became of one message.
enum Told {
    Delivered,
    /// The browser does not want any more.
    Gone,
    Undelivered(Undelivered),
}

impl Push {
    /// Makes one that says that push is not configured.
    pub fn not_configured() -> Self {
        Self(None)
    }

    /// Makes one that is known to push services by `key`; `subject`, a `mailto:` or `https:` URL, is whom they turn to.
    /// With [`Reach::Public`] only https and public addresses are called.
    ///
    /// # Errors
    /// When the TLS library does not work.
    pub fn new(key: VapidKey, subject: String, reach: Reach) -> Result<Self, rustls::Error> {
        let client = HttpClient::new(reach, DEADLINE, ANSWER_BYTES)?;
        Ok(Self(Some(Arc::new(Sender { key, subject, client, reach }))))
    }

    /// Gives the `applicationServerKey` of a page that subscribes; `None` when push is not configured.
    pub fn public_key(&self) -> Option<&str> {
        self.0.as_ref().map(|sender| sender.key.public_key())
    }

    /// Gives how long others are to wait for an attempt: twice as long as it may take.
    pub(crate) fn lease(&self) -> TimeDelta {
        TimeDelta::from_std(DEADLINE * 2).unwrap_or(TimeDelta::MAX)
    }

    /// Sends a notification to each browser.
    pub(crate) async fn send(
        &self,
        subscriptions: &[PushSubscription],
        notification: &Notification,
        now: DateTime<Utc>,
    ) -> Report {
        let Some(sender) = &self.0 else {
            let reason = "push is not configured: VAPID_PRIVATE_KEY is not set";
            return Report::of(Err(Undelivered::permanent(reason)));
        };
        let told = join_all(subscriptions.iter().map(|one| sender.send(one, notification, now))).await;
        sum_up(subscriptions.iter().zip(told))
    }
}

impl Sender {
    async fn send(&self, to: &PushSubscription, notification: &Notification, now: DateTime<Utc>) -> Told {
        let request = match self.request(to, notification, now) {
            Ok(request) => request,
            Err(reason) => return Told::Undelivered(Undelivered::permanent(reason)),
        };
        match self.client.send(request).await {
            Ok(answer) => told(&answer, now),
            Err(why) => Told::Undelivered(Undelivered::temporary(format!(
                "the push service could not be reached: {why}"
            ))),
        }
    }

    fn request(
        &self,
        to: &PushSubscription,
        notification: &Notification,
        now: DateTime<Utc>,
    ) -> Result<Request<Full<Bytes>>, &'static str> {
        const NO_ENDPOINT: &str = "the subscription's endpoint is no public https URL";
        if self.reach == Reach::Public && !is_push_endpoint(&to.endpoint) {
            return Err(NO_ENDPOINT);
        }
        let origin = Url::parse(&to.endpoint).map_err(|_| NO_ENDPOINT)?.origin().ascii_serialization();
        let recipient = Recipient::of(to).ok_or("the subscription's keys are malformed")?;
        let body = recipient.encrypt(notification.payload.as_bytes(), &new_key(), random());
        let body = body.ok_or("the notification is too long")?;
        let left = (notification.trigger_time + USEFUL - now).clamp(TimeDelta::zero(), USEFUL);
        Request::post(&to.endpoint)
            .header(AUTHORIZATION, self.key.authorization(&origin, &self.subject, now))
            .header(CONTENT_TYPE, "application/octet-stream")
            .header(CONTENT_ENCODING, "aes128gcm")
            .header("ttl", left.num_seconds())
            .header("urgency", if notification.is_urgent { "high" } else { "normal" })
            .header("topic", topic(notification.delivery_id))
            .body(Full::new(body.into()))
            .map_err(|_| NO_ENDPOINT)
    }
}

/// Gives a name of 32 characters by which a push service puts a repeated message in the place of the first (RFC 8030 §5.4).
fn topic(delivery_id: Uuid) -> String {
    BASE64URL.encode(&Sha256::digest(delivery_id)[..24])
}

/// Makes a key for one message. Nearly every 32 bytes are one.
fn new_key() -> SecretKey {
    loop {
        if let Ok(key) = SecretKey::from_slice(&random::<32>()) {
            return key;
        }
    }
}

fn told(answer: &Answer, now: DateTime<Utc>) -> Told {
    let status = answer.status;
    let reason = || format!("the push service said {status}{}", words_of(answer));
    Told::Undelivered(match status {
        _ if status.is_success() => return Told::Delivered,
        StatusCode::NOT_FOUND | StatusCode::GONE => return Told::Gone,
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => {
            Undelivered::temporary(reason()).after(retry_after(answer, now))
        }
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Undelivered::permanent(format!(
            "{}; the browser may have subscribed with another VAPID key",
            reason()
        )),
        _ if status.is_client_error() => Undelivered::permanent(reason()),
        _ => Undelivered::temporary(reason()).after(retry_after(answer, now)),
    })
}

/// Says what became of the reminder: to be tried again while any browser may still get it, else sent if one has it.
fn sum_up<'a>(told: impl Iterator<Item = (&'a PushSubscription, Told)>) -> Report {
    let (mut delivered_to, mut gone) = (Vec::new(), Vec::new());
    let (mut later, mut never) = (Vec::new(), None);
    for (subscription, told) in told {
        match told {
            Told::Delivered => delivered_to.push(subscription.endpoint.clone()),
            Told::Gone => gone.push(subscription.endpoint.clone()),
            Told::Undelivered(refused) if refused.is_permanent => {
                tracing::warn!(reason = refused.reason, "a browser can not be notified");
                never = Some(refused);
            }
            Told::Undelivered(failed) => later.push(failed),
        }
    }
    // The next attempt is for all of them, so it waits for the service that asks for the longest wait.
    let outcome = match (later.into_iter().max_by_key(|failed| failed.retry_after), never) {
        (Some(later), _) => Err(later),
        _ if !delivered_to.is_empty() => Ok(()),
        (None, Some(never)) => Err(never),
        (None, None) => Err(Undelivered::permanent("every browser has withdrawn its subscription")),
    };
    Report { outcome, delivered_to, gone }
}
