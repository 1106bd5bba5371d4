//! A JSON reader that refuses what others quietly repair.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::problem::{FieldError, Problem};

/// The deepest nesting of arrays and objects.
pub const DEEPEST: u8 = 64;
/// The most values, members and items among them: each takes some hundred bytes of memory, however short it is written.
pub const MOST: u32 = 25_000;

/// Reads one JSON text.
///
/// | text | result |
/// |---|---|
/// | `{"title":"buy milk"}` | the object |
/// | `{"a":1,"a":2}` | 400: duplicate key "a" |
/// | `{} {}`, `[1,]`, `"\ud800"`, `1e400`, a byte order mark, 65 levels deep, not UTF-8 | 400, saying where |
/// | an array of 25,000 numbers | 400: more than 25000 values |
/// | `{"tags":["\u0000"]}` | 422 naming `tags[0]`: no text may hold a NUL, because PostgreSQL's cannot |
///
/// # Errors
/// As in the table.
pub fn parse(bytes: &[u8]) -> Result<Value, Problem> {
    let malformed =
        |why: &dyn fmt::Display| Problem::bad_request(format!("the body is not valid JSON: {why}"));
    let text = std::str::from_utf8(bytes)
        .map_err(|error| malformed(&format_args!("not UTF-8 from byte {} on", error.valid_up_to())))?;
    if text.starts_with('\u{feff}') {
        return Err(malformed(&"it starts with a byte order mark"));
    }
    let mut reader = serde_json::Deserializer::from_str(text);
    let values_left = Cell::new(MOST);
    let whole = Strict { levels_left: DEEPEST, values_left: &values_left };
    let value = whole.deserialize(&mut reader).map_err(|error| malformed(&error))?;
    reader.end().map_err(|error| malformed(&error))?;
    refuse_nul(text, &value)?;
    Ok(value)
}

/// A NUL can only come from the escape, so the search for one in the text spares the walk through the value.
fn refuse_nul(text: &str, value: &Value) -> Result<(), Problem> {
    if !text.contains("\\u0000") {
        return Ok(());
    }
    let mut errors = Vec::new();
    find_nul(value, String::new(), &mut errors);
    if errors.is_empty() { Ok(()) } else { Err(Problem::validation(errors)) }
}

fn find_nul(value: &Value, path: String, errors: &mut Vec<FieldError>) {
    const MESSAGE: &str = "must not contain the character NUL";
    match value {
        Value::String(text) if text.contains('\0') => errors.push(FieldError::new(path, MESSAGE)),
        Value::Array(items) => {
            for (position, item) in items.iter().enumerate() {
                find_nul(item, format!("{path}[{position}]"), errors);
            }
        }
        Value::Object(fields) => {
            for (key, field) in fields {
                let shown = key.replace('\0', "\\u0000");
                let path = if path.is_empty() { shown } else { format!("{path}.{shown}") };
                if key.contains('\0') {
                    errors.push(FieldError::new(path.clone(), "the name must not contain the character NUL"));
                }
                find_nul(field, path, errors);
            }
        }
        _ => {}
    }
}

#[derive(Clone, Copy)]
struct Strict<'a> {
    levels_left: u8,
    values_left: &'a Cell<u32>,
}

impl Strict<'_> {
    fn one_deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        match self.levels_left.checked_sub(1) {
            Some(levels_left) => Ok(Self { levels_left, ..self }),
            None => Err(E::custom(format_args!("nested deeper than {DEEPEST} levels"))),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        let values_left = self.values_left.get().checked_sub(1);
        self.values_left
            .set(values_left.ok_or_else(|| D::Error::custom(format_args!("more than {MOST} values")))?);
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::String(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let seed = self.one_deeper()?;
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(seed)? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let seed = self.one_deeper()?;
        let mut object = Map::new();
        while let Some(key) = fields.next_key::<String>()? {
            if object.contains_key(&key) {
                let key: String = key.chars().take(50).collect();
                return Err(A::Error::custom(format_args!("duplicate key {key:?}")));
            }
            let value = fields.next_value_seed(seed)?;
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refusal(text: impl AsRef<[u8]>) -> (u16, String) {
        let problem = parse(text.as_ref()).expect_err("a refusal");
        (problem.status().as_u16(), problem.detail().to_owned())
    }

    #[test]
    fn a_sound_text_is_read_as_any_parser_reads_it() {
        let text =
            r#" {"title":"دودھ \ud83e\udd5b","n":[0,-1,1.5,9007199254740993,-0],"x":null,"y":{"z":true}} "#;
        assert_eq!(parse(text.as_bytes()).expect("JSON"), serde_json::from_str::<Value>(text).expect("JSON"));
        assert_eq!(parse(b"\"a\\\\u0000b\"").expect("JSON"), json!("a\\u0000b"));
    }

    #[test]
    fn a_duplicate_key_is_named() {
        let (status, detail) = refusal(r#"{"a":{"title":1,"title":2}}"#);
        assert_eq!(status, 400);
        assert!(detail.contains(r#"duplicate key "title""#), "{detail}");
        assert_eq!(refusal(r#"{"a":1,"\u0061":2}"#).0, 400);
    }

    #[test]
    fn a_malformed_text_is_refused() {
        for text in [
            &b""[..],
            b"   ",
            b"{} {}",
            b"[1,]",
            b"{\"a\":1,}",
            b"{a:1}",
            b"'a'",
            b"01",
            b"1e400",
            b"-1e999",
            b"NaN",
            b"\"\\ud800\"",
            b"\"\\udc00x\"",
            b"\"\xff\"",
            b"\xef\xbb\xbf{}",
            b"{\"a\":\"\x00\"}",
            b"{} //x",
            b"tru",
        ] {
            assert_eq!(refusal(text).0, 400, "{:?}", String::from_utf8_lossy(text));
        }
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        assert!(parse(nested(64).as_bytes()).is_ok());
        assert!(refusal(nested(65)).1.contains("deeper than 64"));
        assert_eq!(refusal(nested(10_000)).0, 400);
        assert_eq!(refusal("{\"a\":".repeat(10_000)).0, 400);
    }

    #[test]
    fn values_are_counted() {
        let items = |count: usize| format!("[{}]", vec!["0"; count].join(","));
        assert!(parse(items(24_999).as_bytes()).is_ok(), "with the array itself they are 25,000");
        assert!(refusal(items(25_000)).1.contains("more than 25000 values"));
        assert_eq!(refusal(format!("{{\"a\":{},\"b\":{}}}", items(12_500), items(12_500))).0, 400);
    }

    #[test]
    fn every_nul_is_named_by_its_path() {
        let text = r#"{"title":"a\u0000","tags":["ok","\u0000"],"reminder":{"\u0000":1}}"#;
        let problem = parse(text.as_bytes()).expect_err("a refusal");
        assert_eq!(problem.status(), 422);
        let mut fields: Vec<_> = problem.errors().iter().map(|error| error.field.as_str()).collect();
        fields.sort_unstable();
        assert_eq!(fields, ["reminder.\\u0000", "tags[1]", "title"]);
    }
}
