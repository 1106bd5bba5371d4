//! One JSON object per line, with the fields of the line and of its spans side by side.

use std::{fmt, io::Write};

use chrono::SecondsFormat;
use serde::{Serialize, Serializer, ser::SerializeMap as _};
use serde_json::Value;
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};
use tracing_subscriber::{
    Layer,
    layer::Context,
    registry::{LookupSpan, Scope},
};

use crate::clock::Clock;

/// A layer that writes lines to what `writer` opens.
pub(super) struct JsonLines<W> {
    writer: W,
    clock: Clock,
}

impl<W> JsonLines<W> {
    pub(super) fn new(writer: W) -> JsonLines<W> {
        JsonLines { writer, clock: Clock::system() }
    }
}

/// The fields of a line, or those of a span, kept with it. They are few.
#[derive(Default)]
struct Fields(Vec<(&'static str, Value)>);

impl Fields {
    /// Adds a field, or gives it another value.
    fn set(&mut self, name: &'static str, value: Value) {
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = value,
            None => self.0.push((name, value)),
        }
    }
}

/// What people look for first stands first.
struct Line<'a> {
    timestamp: String,
    level: &'a str,
    target: &'a str,
    fields: Fields,
}

impl Serialize for Line<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Fields(fields) = &self.fields;
        let message = fields.iter().find(|(name, _)| *name == "message").map(|(_, message)| message);
        let mut line = serializer.serialize_map(None)?;
        line.serialize_entry("timestamp", &self.timestamp)?;
        line.serialize_entry("level", self.level)?;
        line.serialize_entry("target", self.target)?;
        line.serialize_entry("message", &message)?;
        let taken = ["timestamp", "level", "target", "message"];
        for (name, value) in fields.iter().filter(|(name, _)| !taken.contains(name)) {
            line.serialize_entry(name, value)?;
        }
        line.end()
    }
}

impl<S, W, O> Layer<S> for JsonLines<W>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: Fn() -> O + 'static,
    O: Write,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields(Vec::with_capacity(16));
        for span in context.event_scope(event).into_iter().flat_map(Scope::from_root) {
            if let Some(Fields(of_span)) = span.extensions().get() {
                of_span.iter().for_each(|(name, value)| fields.set(name, value.clone()));
            }
        }
        event.record(&mut fields);
        let line = Line {
            timestamp: self.clock.now().to_rfc3339_opts(SecondsFormat::Micros, true),
            level: event.metadata().level().as_str(),
            target: event.metadata().target(),
            fields,
        };
        let mut text = Vec::with_capacity(512);
        serde_json::to_writer(&mut text, &line).expect("text and numbers can be written as JSON");
        text.push(b'\n');
        // When nobody reads standard error any more, there is nobody left to tell.
        let _ = (self.writer)().write_all(&text);
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.set(field.name(), format!("{value:?}").into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field.name(), value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field.name(), value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field.name(), value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field.name(), value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.set(field.name(), value.into());
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        let mut chain = value.to_string();
        let mut source = value.source();
        while let Some(cause) = source {
            chain = format!("{chain}: {cause}");
            source = cause.source();
        }
        self.set(field.name(), chain.into());
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[derive(Clone, Default)]
    struct Buffer(Arc<Mutex<Vec<u8>>>);

    impl Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("a lock").write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_is_one_object_with_the_fields_of_its_spans() {
        let buffer = Buffer::default();
        let writer = buffer.clone();
        let lines = JsonLines::new(move || writer.clone());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(lines), || {
            let span =
                tracing::error_span!("request", correlation_id = "order-66", status = tracing::field::Empty);
            let _entered = span.enter();
            span.record("status", 200);
            tracing::info!(duration_ms = 1.5, "answered\nwith a newline \u{1b}[31m");
        });
        let text = String::from_utf8(buffer.0.lock().expect("a lock").clone()).expect("UTF-8");
        assert_eq!(text.matches('\n').count(), 1, "{text}");
        assert!(!text.contains('\u{1b}'), "{text}");
        assert!(text.starts_with("{\"timestamp\":"), "{text}");
        let line: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(line["correlation_id"], "order-66");
        assert_eq!((&line["status"], &line["duration_ms"]), (&200.into(), &1.5.into()));
        assert_eq!(
            (&line["level"], &line["message"]),
            (&"INFO".into(), &"answered\nwith a newline \u{1b}[31m".into())
        );
        assert!(line["target"].as_str().is_some_and(|target| target.starts_with("runtime")));
        assert!(chrono::DateTime::parse_from_rfc3339(line["timestamp"].as_str().expect("a text")).is_ok());
    }
}
