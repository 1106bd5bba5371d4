//! One event, decoded (CloudEvents 1.0.2, JSON format 1.0.2).

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use events::cloud_event::is_attribute_name;
use serde_json::{Map, Value};

use crate::json::strict;

/// An event as its handler sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Incoming {
    /// `id`: with `source`, what makes the event the same event. Never empty.
    pub id: String,
    /// `source`: where it comes from. Never empty.
    pub source: String,
    /// `type`: what happened. Never empty.
    pub r#type: String,
    /// `subject`: what it happened to.
    pub subject: Option<String>,
    /// `time`: when it happened.
    pub time: Option<DateTime<Utc>>,
    /// `data`, a JSON value; `Null` when there is none.
    pub data: Value,
    /// Every other attribute: `correlationid`, `traceparent`, `partitionkey`.
    pub extensions: BTreeMap<String, String>,
}

/// An event that cannot be read: its id, as far as there is one, and why.
#[derive(Debug, PartialEq)]
pub(super) struct Malformed {
    pub(super) id: String,
    pub(super) why: String,
}

impl Malformed {
    pub(super) fn new(id: &str, why: impl Into<String>) -> Malformed {
        Malformed { id: id.to_owned(), why: why.into() }
    }
}

/// Reads an event in structured mode.
pub(super) fn from_json(text: &[u8]) -> Result<Incoming, Malformed> {
    match strict::parse(text) {
        Ok(Value::Object(event)) => from_object(event),
        Ok(_) => Err(Malformed::new("", "the event is not a JSON object")),
        Err(problem) => Err(Malformed::new("", problem.detail())),
    }
}

fn from_object(mut event: Map<String, Value>) -> Result<Incoming, Malformed> {
    let id = event.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
    let refuse = |why: String| Malformed::new(&id, why);
    let data = match (event.remove("data"), event.remove("data_base64").filter(|data| !data.is_null())) {
        (data, None) => data.unwrap_or_default(),
        (None, Some(bytes)) => from_base64(&bytes).map_err(refuse)?,
        (Some(_), Some(_)) => return Err(refuse("there is both data and data_base64".to_owned())),
    };
    let mut attributes = BTreeMap::new();
    for (name, value) in event {
        match value {
            Value::Null => {}
            Value::String(text) => {
                attributes.insert(name, text);
            }
            // CloudEvents 1.0.2, "Type System": an Integer has 32 bits, and no other number is a type.
            Value::Number(number)
                if !is_core(&name) && number.as_i64().is_some_and(|number| i32::try_from(number).is_ok()) =>
            {
                attributes.insert(name, number.to_string());
            }
            Value::Bool(truth) if !is_core(&name) => {
                attributes.insert(name, truth.to_string());
            }
            _ => return Err(refuse(format!("the attribute {name} is of a wrong type"))),
        }
    }
    from_attributes(attributes, data)
}

/// Reads data that came as bytes. They may be JSON (JSON format 1.0.2 §3.1.1): that is said by the datacontenttype, and checked there.
fn from_base64(bytes: &Value) -> Result<Value, String> {
    let bytes = bytes.as_str().and_then(|text| STANDARD.decode(text).ok());
    let bytes = bytes.ok_or("the data_base64 is not Base64")?;
    strict::parse(&bytes).map_err(|problem| format!("the data_base64: {}", problem.detail()))
}

/// Puts an event together from its attributes, in whichever mode they came.
pub(super) fn from_attributes(
    mut attributes: BTreeMap<String, String>,
    data: Value,
) -> Result<Incoming, Malformed> {
    let id = attributes.remove("id").unwrap_or_default();
    let refuse = |why: &str| Malformed::new(&id, why);
    match attributes.remove("specversion").as_deref() {
        Some("1.0") => {}
        Some(_) => return Err(refuse("the specversion is not 1.0")),
        None => return Err(refuse("the specversion is missing")),
    }
    let mut required = |name: &str| {
        let value = attributes.remove(name).filter(|value| !value.is_empty());
        value.ok_or_else(|| refuse(&format!("the {name} is missing")))
    };
    let (source, r#type) = (required("source")?, required("type")?);
    if id.is_empty() {
        return Err(refuse("the id is missing"));
    }
    let time = match attributes.remove("time").map(|time| DateTime::parse_from_rfc3339(&time)) {
        None => None,
        Some(Ok(time)) => Some(time.to_utc()),
        Some(Err(_)) => return Err(refuse("the time is not an RFC 3339 instant")),
    };
    if attributes.remove("datacontenttype").is_some_and(|kind| !is_json(&kind)) {
        return Err(refuse("the datacontenttype is not JSON"));
    }
    attributes.remove("dataschema");
    let subject = attributes.remove("subject");
    if let Some(name) = attributes.keys().find(|name| !is_attribute_name(name)) {
        return Err(refuse(&format!("{name:?} can not be the name of an attribute")));
    }
    Ok(Incoming { id, source, r#type, subject, time, data, extensions: attributes })
}

/// Tells whether a media type is JSON: `application/json`, or anything `+json`.
pub(super) fn is_json(kind: &str) -> bool {
    let essence = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || essence == "text/json" || essence.ends_with("+json")
}

fn is_core(name: &str) -> bool {
    let names = ["id", "source", "type", "specversion", "subject", "time", "datacontenttype", "dataschema"];
    names.contains(&name)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event() -> Value {
        json!({
            "specversion": "1.0", "id": "e1", "source": "/kaam/create-task", "type": "task.created",
            "subject": "دودھ", "time": "2027-01-10T17:00:00+05:00", "datacontenttype": "application/json",
            "correlationid": "order-66", "attempt": 2, "final": true, "nothing": null, "data": {"payload": {}},
        })
    }

    fn read(event: &Value) -> Result<Incoming, Malformed> {
        from_json(event.to_string().as_bytes())
    }

    #[test]
    fn a_sound_event_is_decoded() {
        let incoming = read(&event()).expect("an event");
        assert_eq!(
            (&*incoming.id, &*incoming.source, &*incoming.r#type),
            ("e1", "/kaam/create-task", "task.created")
        );
        assert_eq!(incoming.subject.as_deref(), Some("دودھ"));
        assert_eq!(incoming.time, Some("2027-01-10T12:00:00Z".parse().expect("an instant")));
        assert_eq!(incoming.data, json!({"payload": {}}));
        let extensions = [("attempt", "2"), ("correlationid", "order-66"), ("final", "true")];
        assert_eq!(
            incoming.extensions,
            extensions.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
        );
    }

    #[test]
    fn a_malformed_event_is_refused_with_its_id_and_the_reason() {
        for (name, value, why) in [
            ("specversion", json!("0.3"), "specversion"),
            ("specversion", Value::Null, "specversion"),
            ("source", json!(""), "source"),
            ("type", Value::Null, "type"),
            ("type", json!(7), "type"),
            ("time", json!("yesterday"), "time"),
            ("datacontenttype", json!("text/xml"), "datacontenttype"),
            ("data_base64", json!("e30="), "both"),
            ("extra", json!({}), "extra"),
            ("extra", json!([1]), "extra"),
            ("extra", json!(1.5), "extra"),
            ("extra", json!(2_147_483_648_u32), "extra"),
            ("subject", json!(7), "subject"),
            ("Subject", json!("x"), "Subject"),
            ("trace-parent", json!("x"), "trace-parent"),
            ("", json!("x"), "name"),
        ] {
            let mut event = event();
            event[name] = value;
            let malformed = read(&event).expect_err(why);
            assert!(malformed.id == "e1" && malformed.why.contains(why), "{malformed:?}");
        }
        let mut nameless = event();
        nameless["id"] = json!("");
        assert!(read(&nameless).expect_err("no id").why.contains("id"));
        assert!(from_json(b"[]").is_err() && from_json(b"{\"id\":\"a\",\"id\":\"b\"}").is_err());
    }

    #[test]
    fn an_event_without_data_has_null() {
        let mut event = event();
        event.as_object_mut().expect("an object").remove("data");
        assert_eq!(read(&event).expect("an event").data, Value::Null);
        event["data"] = Value::Null;
        assert_eq!(read(&event).expect("an event").data, Value::Null);
    }

    #[test]
    fn json_may_come_as_bytes() {
        let with = |bytes: Value, kind: Value| {
            let mut event = event();
            event.as_object_mut().expect("an object").remove("data");
            (event["data_base64"], event["datacontenttype"]) = (bytes, kind);
            read(&event)
        };
        for kind in [json!("application/json"), json!("application/task+json; charset=utf-8"), Value::Null] {
            let event = with(json!("eyJ0aXRsZSI6Itiv2YjYr9q+In0="), kind).expect("an event");
            assert_eq!(event.data, json!({"title": "دودھ"}));
        }
        let json = json!("application/json");
        for (bytes, kind, why) in [
            (json!("e30="), json!("application/octet-stream"), "datacontenttype"),
            (json!("e30"), json.clone(), "Base64"),
            (json!({}), json.clone(), "Base64"),
            (json!("//8="), json.clone(), "data_base64"),
            // {"a":1,"a":2}, and {} after a byte order mark.
            (json!("eyJhIjoxLCJhIjoyfQ=="), json.clone(), "duplicate"),
            (json!("77u/e30="), json, "byte order mark"),
        ] {
            let malformed = with(bytes, kind).expect_err(why);
            assert!(malformed.id == "e1" && malformed.why.contains(why), "{malformed:?}");
        }
    }

    #[test]
    fn a_byte_order_mark_is_refused() {
        let malformed = from_json(format!("\u{feff}{}", event()).as_bytes()).expect_err("RFC 8259 §8.1");
        assert!(malformed.why.contains("byte order mark"), "{malformed:?}");
    }
}
