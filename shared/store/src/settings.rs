//! `users`: what each has chosen.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use domain::settings::{Locale, PushSubscription, QuietHours, Settings};
use serde_json::{Value, json};
use sqlx::PgConnection;

use crate::{Error, Store};

impl Store {
    /// Gives a user's settings; `None` for one who never chose.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn settings(&self, user_id: &str) -> Result<Option<Settings>, Error> {
        let row = sqlx::query!(
            r#"SELECT email, time_zone, locale, reminder_time, quiet_start, quiet_end, push_subscriptions, version
               FROM users
               WHERE user_id = $1"#,
            user_id,
        )
        .fetch_optional(&self.pool)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let time_zone: Tz =
            row.time_zone.parse().map_err(|_| Error::Unreadable("a time zone", row.time_zone))?;
        Ok(Some(Settings {
            email: row.email,
            time_zone,
            locale: Locale::parse(&row.locale).unwrap_or_default(),
            reminder_time: row.reminder_time,
            quiet_hours: row.quiet_start.zip(row.quiet_end).map(|(start, end)| QuietHours { start, end }),
            push_subscriptions: subscriptions(&row.push_subscriptions),
            version: row.version,
        }))
    }
}

/// Saves settings if their predecessor is still the newest; says whether it was.
pub(crate) async fn save(
    connection: &mut PgConnection,
    user_id: &str,
    settings: &Settings,
    now: DateTime<Utc>,
) -> Result<bool, Error> {
    let subscriptions: Value = settings
        .push_subscriptions
        .iter()
        .map(|one| json!({"endpoint": one.endpoint, "p256dh": one.p256dh, "auth": one.auth}))
        .collect();
    let done = sqlx::query!(
        r#"INSERT INTO users (user_id, email, time_zone, locale, reminder_time, quiet_start, quiet_end,
                              push_subscriptions, version, created_at, updated_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)
           ON CONFLICT (user_id) DO UPDATE
           SET email = EXCLUDED.email,
               time_zone = EXCLUDED.time_zone,
               locale = EXCLUDED.locale,
               reminder_time = EXCLUDED.reminder_time,
               quiet_start = EXCLUDED.quiet_start,
               quiet_end = EXCLUDED.quiet_end,
               push_subscriptions = EXCLUDED.push_subscriptions,
               version = EXCLUDED.version,
               updated_at = EXCLUDED.updated_at
           WHERE users.version = EXCLUDED.version - 1"#,
        user_id,
        settings.email,
        settings.time_zone.name(),
        settings.locale.as_str(),
        settings.reminder_time,
        settings.quiet_hours.map(|quiet| quiet.start),
        settings.quiet_hours.map(|quiet| quiet.end),
        subscriptions,
        settings.version,
        now,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

fn subscriptions(value: &Value) -> Vec<PushSubscription> {
    let text = |one: &Value, name: &str| one.get(name).and_then(Value::as_str).map(str::to_owned);
    let one = |one: &Value| {
        Some(PushSubscription {
            endpoint: text(one, "endpoint")?,
            p256dh: text(one, "p256dh")?,
            auth: text(one, "auth")?,
        })
    };
    value.as_array().into_iter().flatten().filter_map(one).collect()
}
