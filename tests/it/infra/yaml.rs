//! Looking into documents, and changing them, by paths of words: `spec template spec containers 0 image`.

use serde_json::{Map, Value};

/// What is looked at when nothing is there.
static NOTHING: Value = Value::Null;

/// Gives what lies at a path, null when there is nothing.
pub(super) fn at<'a>(document: &'a Value, path: &str) -> &'a Value {
    path.split_whitespace().fold(document, |found, word| match found {
        Value::Array(items) => {
            word.parse().ok().and_then(|index: usize| items.get(index)).unwrap_or(&NOTHING)
        }
        other => other.get(word).unwrap_or(&NOTHING),
    })
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
/// # Panics
/// When the path leads nowhere: then a mistake would be none.
pub(super) fn put(document: &mut Value, path: &str, value: Option<Value>) {
    let words: Vec<_> = path.split_whitespace().collect();
    let (last, before) = words.split_last().expect("a path has words");
    let mut place = document;
    for word in before {
        place = match place {
            Value::Array(items) => items.get_mut(word.parse::<usize>().expect("an index")),
            other => other.get_mut(*word),
        }
        .unwrap_or_else(|| panic!("there is no {word} of {path}"));
    }
    match (place, value) {
        (Value::Array(items), Some(value)) if *last == "+" => items.push(value),
        (Value::Array(items), Some(value)) => items[last.parse::<usize>().expect("an index")] = value,
        (Value::Array(items), None) => drop(items.remove(last.parse().expect("an index"))),
        (Value::Object(map), Some(value)) => {
            let before = map.insert((*last).to_owned(), value.clone());
            assert_ne!(before, Some(value), "{path} is so already");
        }
        (Value::Object(map), None) => assert!(map.remove(*last).is_some(), "there is no {path}"),
        (other, _) => panic!("{path} leads into {other}"),
    }
}
