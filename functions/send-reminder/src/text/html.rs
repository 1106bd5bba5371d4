//! A reminder as a page of HTML: no pictures, no scripts, nothing from elsewhere. Everything that a user wrote is escaped.

use application::reminders::Content;
use runtime::html::escape;

use super::{Links, Message, one_line, several_lines};

/// Gives the page.
pub(super) fn page(message: &Message<'_>) -> String {
    let wording = message.wording();
    let mut parts = Vec::new();
    match message.content {
        Content::Task(task) => {
            parts.push(format!("<h1 dir=\"auto\">{}</h1>", escape(&one_line(&task.title))));
            parts.extend(message.due(task).map(|due| paragraph(&due)));
            parts.extend(message.priority(task).map(|priority| paragraph(&priority)));
            parts.extend(task.description.as_deref().map(|description| {
                let text = escape(&several_lines(description));
                format!("<p dir=\"auto\" style=\"white-space: pre-wrap\">{text}</p>")
            }));
        }
        Content::Missed(missed) => {
            parts.push(format!("<h1>{}</h1>", escape(&message.subject())));
            let items = missed.iter().map(|(_, task)| {
                let due = message.due(task).map(|due| format!("<br>{}", escape(&due))).unwrap_or_default();
                format!("<li><bdi>{}</bdi>{due}</li>", escape(&one_line(&task.title)))
            });
            parts.push(format!("<ul>{}</ul>", items.collect::<String>()));
        }
    }
    parts.extend(message.links.map(|Links { done, snooze }| {
        format!("<p>{} · {}</p>", link(done, wording.done), link(snooze, wording.snooze))
    }));
    format!(
        "<!DOCTYPE html>\n<html lang=\"{lang}\" dir=\"{dir}\">\n<head><meta charset=\"utf-8\"><title>{title}</title></head>\n\
         <body>\n{body}\n</body>\n</html>\n",
        lang = wording.lang,
        dir = wording.dir,
        title = escape(&message.subject()),
        body = parts.join("\n"),
    )
}

fn paragraph(text: &str) -> String {
    format!("<p>{}</p>", escape(text))
}

fn link(url: &str, words: &str) -> String {
    format!("<a href=\"{}\">{}</a>", escape(url), escape(words))
}
