//! What somebody sees who follows a link: a question, then what was done.

use application::links::{Action, SNOOZE_MINUTES};
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY};
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::settings::Locale;
use sha2::{Digest, Sha256};

const STYLE: &str = "body{font:1.2rem/1.6 system-ui,sans-serif;max-width:32rem;margin:4rem auto;padding:0 1rem;\
color-scheme:light dark}:lang(ur){font-family:'Noto Nastaliq Urdu','Jameel Noori Nastaleeq',serif;line-height:2.2}\
button{font:inherit;padding:.6rem 1.4rem;border-radius:.6rem;border:1px solid;cursor:pointer}";

/// What the page says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Says<'a> {
    /// Asks whether to do it: looking at a link does nothing, since programs that guard mailboxes look at links too.
    Ask(Action, &'a str),
    /// Tells that it is done.
    Done(Action, &'a str),
    /// The link was followed before, or its task is not open any more.
    Used,
    /// The link is too old.
    Expired,
    /// There is no such link.
    Unknown,
}

impl Says<'_> {
    fn status(self) -> StatusCode {
        match self {
            Self::Ask(..) | Self::Done(..) => StatusCode::OK,
            Self::Used | Self::Expired => StatusCode::GONE,
            Self::Unknown => StatusCode::NOT_FOUND,
        }
    }

    fn text(self, locale: Locale) -> String {
        match (self, locale) {
            (Self::Ask(Action::Done, _), Locale::UrPk) => "کیا یہ کام ہو گیا؟".to_owned(),
            (Self::Ask(Action::Done, _), _) => "Is this done?".to_owned(),
            (Self::Ask(Action::Snooze, _), Locale::UrPk) => {
                format!("کیا {SNOOZE_MINUTES} منٹ بعد پھر یاد دلایا جائے؟")
            }
            (Self::Ask(Action::Snooze, _), _) => format!("Remind you again in {SNOOZE_MINUTES} minutes?"),
            (Self::Done(Action::Done, _), Locale::UrPk) => "ہو گیا۔".to_owned(),
            (Self::Done(Action::Done, _), _) => "Done.".to_owned(),
            (Self::Done(Action::Snooze, _), Locale::UrPk) => {
                format!("آپ کو {SNOOZE_MINUTES} منٹ بعد پھر یاد دلایا جائے گا۔")
            }
            (Self::Done(Action::Snooze, _), _) => {
                format!("You will be reminded again in {SNOOZE_MINUTES} minutes.")
            }
            (Self::Used, Locale::UrPk) => "یہ لنک استعمال ہو چکا ہے، یا یہ کام اب کھلا نہیں ہے۔".to_owned(),
            (Self::Used, _) => "This link was followed already, or its task is not open any more.".to_owned(),
            (Self::Expired, _) => "This link has expired.".to_owned(),
            (Self::Unknown, _) => "There is no such link.".to_owned(),
        }
    }

    fn button(self, locale: Locale) -> Option<&'static str> {
        match (self, locale) {
            (Self::Ask(Action::Done, _), Locale::UrPk) => Some("ہو گیا"),
            (Self::Ask(Action::Done, _), _) => Some("Done"),
            (Self::Ask(Action::Snooze, _), Locale::UrPk) => Some("بعد میں"),
            (Self::Ask(Action::Snooze, _), _) => Some("Remind me again"),
            _ => None,
        }
    }

    /// Gives the page, with nothing that comes from elsewhere and nothing that runs.
    pub(crate) fn page(self, locale: Locale) -> Response {
        let (lang, dir) = if locale == Locale::UrPk { ("ur", "rtl") } else { ("en", "ltr") };
        let title = match self {
            Self::Ask(_, title) | Self::Done(_, title) => runtime::html::escape(title),
            _ => "Kaam".to_owned(),
        };
        let button = self.button(locale).map_or(String::new(), |label| {
            format!("<form method=\"post\"><button type=\"submit\">{label}</button></form>")
        });
        let text = self.text(locale);
        let html = format!(
            "<!doctype html>\n<html lang=\"{lang}\" dir=\"{dir}\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width\"><meta name=\"robots\" content=\"noindex\">\
             <title>Kaam</title><style>{STYLE}</style></head>\
             <body><h1 dir=\"auto\">{title}</h1><p>{text}</p>{button}</body></html>\n"
        );
        let style = STANDARD.encode(Sha256::digest(STYLE));
        let policy = format!(
            "default-src 'none'; style-src 'sha256-{style}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        );
        let headers: [(HeaderName, String); 5] = [
            (CONTENT_TYPE, "text/html; charset=utf-8".to_owned()),
            (CONTENT_SECURITY_POLICY, policy),
            // The address is the key.
            (REFERRER_POLICY, "no-referrer".to_owned()),
            (CACHE_CONTROL, "no-store".to_owned()),
            (HeaderName::from_static("x-robots-tag"), "noindex".to_owned()),
        ];
        (self.status(), headers, html).into_response()
    }
}
