//! What a user has chosen.

use chrono::{NaiveTime, Timelike};
use chrono_tz::Tz;

/// The language and the habits of a user, as a BCP 47 tag that Kaam knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Locale {
    /// English; month before day.
    #[default]
    EnUs,
    /// English; day before month.
    EnGb,
    /// Urdu; day before month.
    UrPk,
}

impl Locale {
    /// Gives the tag.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EnUs => "en-US",
            Self::EnGb => "en-GB",
            Self::UrPk => "ur-PK",
        }
    }

    /// Parses a tag; `en` and `ur` alone are taken too.
    pub fn parse(tag: &str) -> Option<Self> {
        match tag {
            "en" => Some(Self::EnUs),
            "ur" => Some(Self::UrPk),
            _ => [Self::EnUs, Self::EnGb, Self::UrPk]
                .into_iter()
                .find(|known| known.as_str().eq_ignore_ascii_case(tag)),
        }
    }

    /// Says whether 11/06 is 11 June.
    pub const fn day_before_month(self) -> bool {
        !matches!(self, Self::EnUs)
    }
}

/// Local times between which reminders wait; they may cross midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuietHours {
    /// From, included.
    pub start: NaiveTime,
    /// To, excluded; differs from `start`.
    pub end: NaiveTime,
}

/// A browser's push subscription (RFC 8030, RFC 8291).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushSubscription {
    /// Where to post the message; an https URL.
    pub endpoint: String,
    /// The browser's public key, base64url.
    pub p256dh: String,
    /// The shared secret, base64url.
    pub auth: String,
}

/// A user's settings; version 0 are the defaults of a user who never chose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Where mails go; `None`: nowhere.
    pub email: Option<String>,
    /// The zone of wall times.
    pub time_zone: Tz,
    /// Language and date order.
    pub locale: Locale,
    /// When all-day tasks are reminded of; 09:00 by default.
    pub reminder_time: NaiveTime,
    /// When reminders wait; off by default.
    pub quiet_hours: Option<QuietHours>,
    /// Where push messages go.
    pub push_subscriptions: Vec<PushSubscription>,
    /// One more with each change.
    pub version: i64,
}

impl Settings {
    /// Gives the settings of a user who never chose.
    pub fn defaults(time_zone: Tz) -> Self {
        Self {
            email: None,
            time_zone,
            locale: Locale::default(),
            reminder_time: NaiveTime::MIN.with_hour(9).expect("nine is an hour"),
            quiet_hours: None,
            push_subscriptions: Vec::new(),
            version: 0,
        }
    }
}

/// Checks an e-mail address: one mailbox, ASCII, at most 254 bytes, a domain with a dot (the subset of RFC 5321 §4.1.2 that
/// mail providers take; no quoted local part, no display name).
pub fn is_email(text: &str) -> bool {
    let Some((local, host)) = text.rsplit_once('@') else { return false };
    let atom = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+/=?^_`{|}~-".contains(c);
    text.len() <= 254
        && local.len() <= 64
        && local.split('.').all(|part| !part.is_empty() && part.chars().all(atom))
        && is_host(host)
}

/// Checks where push messages may go: an https URL of printable ASCII, on the usual port, of a public name; no address, no user.
/// What the name resolves to is checked again by whoever connects.
pub fn is_push_endpoint(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("https://") else { return false };
    let (authority, _) = rest.split_once(['/', '?', '#']).unwrap_or((rest, ""));
    let host = authority.strip_suffix(":443").unwrap_or(authority).to_ascii_lowercase();
    let last = host.rsplit('.').next().unwrap_or_default();
    let private =
        ["local", "localhost", "localdomain", "internal", "intranet", "corp", "lan", "home", "arpa", "test"];
    let is_private = private.contains(&last);
    let is_address = last.starts_with(|c: char| c.is_ascii_digit());
    text.len() <= 2_048
        && text.chars().all(|c| c.is_ascii_graphic())
        && is_host(&host)
        && !is_private
        && !is_address
}

fn is_host(host: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    host.contains('.') && host.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_push_endpoint_is_a_public_https_url() {
        for text in ["https://fcm.googleapis.com/fcm/send/a:b", "https://push.example.org:443/x?y"] {
            assert!(is_push_endpoint(text), "{text}");
        }
        for text in [
            "http://push.example.org/x",
            "https://localhost/x",
            "https://127.0.0.1/x",
            "https://2130706433/x",
            "https://0x7f.1/x",
            "https://[::1]/x",
            "https://push.example.org:22/x",
            "https://user@push.example.org/x",
            "https://push.example.org\\@internal.example/x",
            "https://pu\u{455}h.example.org/x",
            "https://metadata.google.internal/x",
            "https://push.example.org/a b",
            "https://",
        ] {
            assert!(!is_push_endpoint(text), "{text}");
        }
    }

    #[test]
    fn an_address_is_one_plain_mailbox() {
        assert!(is_email("amna.khan+kaam@example.org"));
        for text in [
            "",
            "a",
            "a@b",
            "a@b@c.org",
            "a b@c.org",
            "a@c.org,d@e.org",
            "a@c.org\r\nBcc: x@y.org",
            "\"a\"@c.org",
            ".a@c.org",
            "a@-c.org",
            "a@c..org",
            "A <a@c.org>",
        ] {
            assert!(!is_email(text), "{text:?}");
        }
    }
}
