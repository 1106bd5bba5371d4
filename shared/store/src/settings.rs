//! `users`: what each has chosen.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use domain::settings::{Locale, PushSubscription, QuietHours, Settings};
use serde_json::{Value, json};

use crate::row_security::UserId;
use crate::session::Session;
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
            UserId(user_id) as _,
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

/// Says whether settings of this version are the newest; nobody changes them before the transaction ends.
pub(crate) async fn are_newest(connection: &mut Session, user_id: &str, version: i64) -> Result<bool, Error> {
    let newest =
        sqlx::query_scalar!("SELECT version FROM users WHERE user_id = $1 FOR SHARE", UserId(user_id) as _)
            .fetch_optional(connection)
            .await?;
    Ok(newest.unwrap_or(0) == version)
}

/// Saves settings if their predecessor is still the newest; says whether it was. With other quiet hours, what waits for the end of
/// the old ones is looked at again.
pub(crate) async fn save(
    connection: &mut Session,
    user_id: &str,
    settings: &Settings,
    now: DateTime<Utc>,
) -> Result<bool, Error> {
    let subscriptions: Value = settings
        .push_subscriptions
        .iter()
        .map(|one| json!({"endpoint": one.endpoint, "p256dh": one.p256dh, "auth": one.auth}))
        .collect();
    let (quiet_start, quiet_end) = settings.quiet_hours.map(|quiet| (quiet.start, quiet.end)).unzip();
    let before = sqlx::query!(
        r#"SELECT quiet_start, quiet_end, time_zone FROM users WHERE user_id = $1 FOR UPDATE"#,
        UserId(user_id) as _
    )
    .fetch_optional(&mut *connection)
    .await?;
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
        UserId(user_id) as _,
        settings.email,
        settings.time_zone.name(),
        settings.locale.as_str(),
        settings.reminder_time,
        quiet_start,
        quiet_end,
        subscriptions,
        settings.version,
        now,
    )
    .execute(&mut *connection)
    .await?;
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    if let Some(before) = before {
        let zone = settings.time_zone.name();
        if (before.quiet_start, before.quiet_end, &*before.time_zone) != (quiet_start, quiet_end, zone) {
            crate::reminders::end_postponement(connection, user_id, now).await?;
        }
    }
    Ok(true)
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
