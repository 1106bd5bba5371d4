//! A user's settings in JSON, as OpenAPI describes them.

use serde::Serialize;
use utoipa::ToSchema;

/// A user's settings.
#[derive(Serialize, ToSchema)]
#[schema(as = Settings)]
pub struct SettingsBody {
    /// Where mails go when a reminder names no destination.
    #[schema(example = "amna@example.org")]
    pub email: Option<String>,
    /// The IANA zone of times without one.
    #[schema(example = "Asia/Karachi")]
    pub time_zone: String,
    /// `en-US`, `en-GB` or `ur-PK`: the language of what is sent, and the order of day and month in what is typed.
    #[schema(pattern = "^(en-US|en-GB|ur-PK)$", example = "ur-PK")]
    pub locale: String,
    /// The local time at which a whole-day task counts as due for its reminders.
    #[schema(pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$", example = "09:00")]
    pub reminder_time: String,
    /// Null: none.
    pub quiet_hours: Option<QuietHours>,
    /// The browsers that notifications go to.
    #[schema(max_items = 16)]
    pub push_subscriptions: Vec<PushSubscription>,
}

/// When reminders wait, in the user's local time; across midnight when `end` is earlier than `start`. High priority passes.
#[derive(Serialize, ToSchema)]
pub struct QuietHours {
    /// The first minute that is quiet.
    #[schema(pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$", example = "22:00")]
    pub start: String,
    /// The minute at which what waited is sent.
    #[schema(pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$", example = "07:00")]
    pub end: String,
}

/// A browser's subscription, as its `PushSubscription.toJSON()` gives it.
#[derive(Serialize, ToSchema)]
pub struct PushSubscription {
    /// A public https URL.
    #[schema(max_length = 2048)]
    pub endpoint: String,
    /// What messages are encrypted with (RFC 8291).
    pub keys: PushKeys,
}

/// The keys of a browser, in base64url.
#[derive(Serialize, ToSchema)]
pub struct PushKeys {
    /// Its public key.
    #[schema(max_length = 256)]
    pub p256dh: String,
    /// Its authentication secret.
    #[schema(max_length = 256)]
    pub auth: String,
}

/// A change of settings: what is not named stays, null resets.
#[derive(Serialize, ToSchema)]
pub struct SettingsInput {
    /// One e-mail address.
    #[schema(example = "amna@example.org")]
    pub email: Option<String>,
    /// An IANA zone; null: that of `TIME_ZONE`.
    #[schema(example = "Asia/Karachi")]
    pub time_zone: Option<String>,
    /// `en-US`, `en-GB` or `ur-PK`.
    #[schema(pattern = "^(en-US|en-GB|ur-PK)$", example = "ur-PK")]
    pub locale: Option<String>,
    /// A local time.
    #[schema(pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$", example = "09:00")]
    pub reminder_time: Option<String>,
    /// Null: none; one end alone moves that end.
    pub quiet_hours: Option<QuietHoursInput>,
    /// Takes the place of the whole list.
    #[schema(max_items = 16)]
    pub push_subscriptions: Option<Vec<PushSubscription>>,
}

/// Two different local times.
#[derive(Serialize, ToSchema)]
pub struct QuietHoursInput {
    /// The first minute that is quiet.
    #[schema(pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$", example = "22:00")]
    pub start: Option<String>,
    /// The minute at which what waited is sent.
    #[schema(pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$", example = "07:00")]
    pub end: Option<String>,
}
