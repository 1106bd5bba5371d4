//! Reminders that come again later.

use application::change::PlannedWrite;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use domain::settings::Settings;
use domain::task::Task;
use language::Language::{self, English, LatinUrdu, Urdu};

use super::created::missing_address;
use super::phrase::titles;
use super::when;

/// Until when tasks are snoozed.
pub(crate) fn snoozed(
    language: Language,
    until: DateTime<Utc>,
    done: &[(Task, PlannedWrite)],
    zone: Tz,
    settings: &Settings,
) -> String {
    let names: Vec<_> = done.iter().map(|(task, _)| task.title.as_str().to_owned()).collect();
    let (count, names) = (names.len(), titles(language, &names));
    let at = when::instant(language, until, zone);
    let text = match (language, count) {
        (English, 1) => format!("Snoozed {names} until {at}."),
        (English, _) => format!("Snoozed {count} tasks until {at}: {names}."),
        (Urdu, 1) => format!("کام {names} کی یاد دہانی دوبارہ اس وقت ہو گی: {at}۔"),
        (Urdu, _) => format!("{names}، ان {count} کاموں کی یاد دہانی دوبارہ اس وقت ہو گی: {at}۔"),
        (LatinUrdu, 1) => format!("Task {names} ki yaad-dehani dobara is waqt hogi: {at}."),
        (LatinUrdu, _) => format!("{names}, in {count} task ki yaad-dehani dobara is waqt hogi: {at}."),
    };
    let comes = |(_, planned): &(Task, PlannedWrite)| {
        let reminders = planned.write.reminders.as_deref().unwrap_or_default();
        missing_address(language, reminders.iter().filter(|one| one.trigger_at == until), settings)
    };
    text + done.iter().map(comes).find(|text| !text.is_empty()).unwrap_or_default()
}
