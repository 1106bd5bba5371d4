//! What a reminder says.

use application::reminders::{Content, Outgoing};
use chrono::{DateTime, NaiveDate};

/// Gives the subject, which names the task.
pub(crate) fn subject(outgoing: &Outgoing) -> String {
    match &outgoing.content {
        Content::Task(task) => format!("Reminder: {}", one_line(&task.title)),
        Content::Missed(missed) => format!("{} missed reminders", missed.len()),
    }
}

/// Gives the text: what, until when, with the date spelled out, and more about it.
pub(crate) fn body(outgoing: &Outgoing) -> String {
    let task = match &outgoing.content {
        Content::Task(task) => task,
        Content::Missed(missed) => {
            let titles: Vec<_> = missed.iter().map(|(_, task)| one_line(&task.title)).collect();
            return titles.join("\r\n");
        }
    };
    let mut lines = vec![one_line(&task.title)];
    if let Some(due) = task.due_date.as_deref().and_then(spell) {
        lines.push(format!("Due {due} ({})", task.time_zone));
    }
    if task.priority == "high" {
        lines.push("High priority".to_owned());
    }
    if let Some(description) = &task.description {
        lines.push(String::new());
        lines.push(description.clone());
    }
    lines.push(String::new());
    lines.push("-- ".to_owned());
    lines.push("Kaam".to_owned());
    lines.join("\r\n")
}

fn spell(due: &str) -> Option<String> {
    if let Ok(at) = DateTime::parse_from_rfc3339(due) {
        return Some(at.format("%A, %-d %B %Y at %H:%M").to_string());
    }
    NaiveDate::parse_from_str(due, "%Y-%m-%d").ok().map(|date| date.format("%A, %-d %B %Y").to_string())
}

/// Line breaks and other controls become spaces; right-to-left overrides can not reach beyond the text (Unicode §23.2).
fn one_line(text: &str) -> String {
    let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let has_direction = plain.chars().any(|c| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'));
    if has_direction { format!("\u{2068}{plain}\u{2069}") } else { plain }
}
