//! Reading the small bodies of this function, with every wrong field named at once.

use runtime::problem::{FieldError, Problem};
use serde_json::{Map, Value};

/// The fields of a body.
pub(crate) struct Fields<'a> {
    body: &'a Map<String, Value>,
    wrong: Vec<FieldError>,
}

impl<'a> Fields<'a> {
    /// Takes a body that has these fields at most.
    pub(crate) fn of(body: &'a Value, known: &[&str]) -> Self {
        let body = body.as_object().expect("JsonBody takes objects only");
        let unknown = body.keys().filter(|name| !known.contains(&name.as_str()));
        let wrong = unknown.map(|name| FieldError::new(name.clone(), "is not a known field")).collect();
        Self { body, wrong }
    }

    /// Gives a text that is there, or may be absent; `""` stands for what is wrong.
    pub(crate) fn optional_text(&mut self, name: &'static str) -> Option<&'a str> {
        match self.body.get(name) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text),
            Some(_) => {
                self.wrong(name, "must be a text");
                Some("")
            }
        }
    }

    /// Gives a text that has to be there.
    pub(crate) fn text(&mut self, name: &'static str) -> &'a str {
        self.optional_text(name).unwrap_or_else(|| {
            self.wrong(name, "is needed");
            ""
        })
    }

    /// Gives yes or no; no when it is absent.
    pub(crate) fn is(&mut self, name: &'static str) -> bool {
        match self.body.get(name) {
            None | Some(Value::Null) => false,
            Some(Value::Bool(value)) => *value,
            Some(_) => {
                self.wrong(name, "must be true or false");
                false
            }
        }
    }

    /// Parses a field; what was named already is not named again.
    pub(crate) fn parse<T>(&mut self, name: &'static str, parsed: Result<T, impl Into<String>>) -> Option<T> {
        match parsed {
            Ok(value) => Some(value),
            Err(why) => {
                if !self.wrong.iter().any(|wrong| wrong.field == name) {
                    self.wrong(name, why);
                }
                None
            }
        }
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// 422 naming every wrong field.
    pub(crate) fn finish(self) -> Result<(), Problem> {
        if self.wrong.is_empty() { Ok(()) } else { Err(Problem::validation(self.wrong)) }
    }

    fn wrong(&mut self, name: &'static str, why: impl Into<String>) {
        self.wrong.push(FieldError::new(name, why));
    }
}
