//! Looking into documents, and changing them, by paths of words: `spec template spec containers 0 env =PORT value`, where `=PORT` is the
//! item of that name.

use serde_json::{Map, Value};

/// What is looked at when nothing is there.
static NOTHING: Value = Value::Null;

/// Gives what lies at a path, null when there is nothing.
pub(super) fn at<'a>(document: &'a Value, path: &str) -> &'a Value {
    path.split_whitespace().fold(document, |found, word| match found {
        Value::Array(items) => index(items, word).map_or(&NOTHING, |index| &items[index]),
        other => other.get(word).unwrap_or(&NOTHING),
    })
}

/// Gives where the item is that a word means.
fn index(items: &[Value], word: &str) -> Option<usize> {
    match word.strip_prefix('=') {
        Some(name) => items.iter().position(|item| item["name"] == name),
        None => word.parse().ok().filter(|index| *index < items.len()),
    }
}

/// Gives the text at a path, empty when there is none.
pub(super) fn text<'a>(document: &'a Value, path: &str) -> &'a str {
    at(document, path).as_str().unwrap_or_default()
}

/// Gives the number at a path, also of a text.
pub(super) fn number(document: &Value, path: &str) -> Option<i64> {
    match at(document, path) {
        Value::String(text) => text.parse().ok(),
        other => other.as_i64(),
    }
}

/// Gives the items at a path.
pub(super) fn items<'a>(document: &'a Value, path: &str) -> &'a [Value] {
    at(document, path).as_array().map_or(&[], Vec::as_slice)
}

/// Gives the texts at a path.
pub(super) fn texts<'a>(document: &'a Value, path: &str) -> Vec<&'a str> {
    items(document, path).iter().filter_map(Value::as_str).collect()
}

/// Gives the fields at a path.
pub(super) fn fields<'a>(document: &'a Value, path: &str) -> impl Iterator<Item = (&'a str, &'a Value)> {
    at(document, path).as_object().into_iter().flatten().map(|(name, value)| (name.as_str(), value))
}

/// Gives every object in a document that has a field, and that field.
pub(super) fn with_field<'a>(document: &'a Value, name: &str) -> Vec<(&'a Map<String, Value>, &'a Value)> {
    let mut found = Vec::new();
    let mut open = vec![document];
    while let Some(value) = open.pop() {
        match value {
            Value::Object(map) => {
                found.extend(map.get(name).map(|field| (map, field)));
                open.extend(map.values());
            }
            Value::Array(list) => open.extend(list),
            _ => {}
        }
    }
    found
}

/// Puts a value where a path leads, or takes away what is there; `+` is a new item at the end.
///
/// # Errors
/// Where the path leads nowhere, or nothing would be changed: then a mistake would be none.
pub(super) fn put(document: &mut Value, path: &str, value: Option<Value>) -> Result<(), String> {
    let words: Vec<_> = path.split_whitespace().collect();
    let (last, before) = words.split_last().ok_or("a path has words")?;
    let mut place = document;
    for word in before {
        let next = match place {
            Value::Array(items) => index(items, word).map(|index| &mut items[index]),
            other => other.get_mut(*word),
        };
        place = next.ok_or_else(|| format!("there is no {word}"))?;
    }
    let before = place.clone();
    match (&mut *place, value) {
        (Value::Array(items), Some(value)) if *last == "+" => items.push(value),
        (Value::Array(items), value) => {
            let index = index(items, last).ok_or_else(|| format!("there is no {last}"))?;
            match value {
                Some(value) => items[index] = value,
                None => drop(items.remove(index)),
            }
        }
        (Value::Object(map), Some(value)) => drop(map.insert((*last).to_owned(), value)),
        (Value::Object(map), None) => drop(map.remove(*last)),
        (other, _) => return Err(format!("it leads into {other}")),
    }
    if *place == before { Err("it is so already".to_owned()) } else { Ok(()) }
}
