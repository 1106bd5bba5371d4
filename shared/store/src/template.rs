//! `tasks.series_template`: what a series has where one of its occurrences differs, as JSON with the members that differ.

use domain::series::Template;
use domain::task::{Priority, Title};
use events::reminder_config;
use serde_json::{Map, Value, json};

/// Renders a template; `None` when nothing differs.
pub fn render(template: &Template) -> Option<Value> {
    let mut object = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            object.insert(name.to_owned(), value);
        }
    };
    put("title", template.title.as_ref().map(|title| title.as_str().into()));
    put("description", template.description.as_ref().map(|text| json!(text)));
    put("time_zone", template.time_zone.map(|zone| json!(zone.map(|zone| zone.name()))));
    put("priority", template.priority.map(|priority| priority.as_str().into()));
    put("tags", template.tags.as_ref().map(|tags| json!(tags)));
    put("reminder_config", template.reminders.as_deref().map(reminder_config::render));
    put("all_day", template.all_day.map(Value::from));
    (!object.is_empty()).then_some(Value::Object(object))
}

/// Parses what [`render`] gave.
///
/// # Errors
/// The member that can not be read.
pub fn parse(value: &Value) -> Result<Template, String> {
    let text = |name: &str| value.get(name).map(Value::as_str);
    let unreadable = |name: &str| format!("{name} of {value}");
    Ok(Template {
        title: match text("title") {
            Some(title) => {
                Some(title.and_then(|title| Title::parse(title).ok()).ok_or_else(|| unreadable("title"))?)
            }
            None => None,
        },
        description: text("description").map(|text| text.map(str::to_owned)),
        time_zone: match text("time_zone") {
            Some(Some(name)) => Some(Some(name.parse().map_err(|_| unreadable("time_zone"))?)),
            Some(None) => Some(None),
            None => None,
        },
        priority: match text("priority") {
            Some(name) => Some(name.and_then(Priority::parse).ok_or_else(|| unreadable("priority"))?),
            None => None,
        },
        tags: match value.get("tags") {
            Some(tags) => Some(serde_json::from_value(tags.clone()).map_err(|_| unreadable("tags"))?),
            None => None,
        },
        reminders: match value.get("reminder_config") {
            Some(config) => Some(reminder_config::parse(config).map_err(|_| unreadable("reminder_config"))?),
            None => None,
        },
        all_day: value.get("all_day").and_then(Value::as_bool),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_rendered_is_parsed_again() {
        let differing = Template {
            title: Title::parse("water the plants").ok(),
            description: Some(None),
            time_zone: Some(Some(chrono_tz::Asia::Karachi)),
            priority: Some(Priority::High),
            tags: Some(vec!["home".to_owned()]),
            reminders: Some(Vec::new()),
            all_day: Some(false),
        };
        let rendered = render(&differing).expect("something differs");
        assert_eq!(parse(&rendered), Ok(differing));
        assert_eq!(render(&Template::default()), None);
    }
}
