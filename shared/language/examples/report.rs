//! How much of each corpus is understood, by category: `make language-report`.
//!
//! The corpora of the project are compared whole; third-party ones, where they lie beside it in `../shared/corpora` or in the
//! folder that `KAAM_CORPORA` names, by what they say of the due time, the repetition, the intent and the title.
//! `KAAM_FAILURES=category` lists what is wrong there (`all`: everywhere).

#[path = "../tests/describe/mod.rs"]
mod describe;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Days, FixedOffset, NaiveDate, NaiveDateTime};
use chrono_tz::Tz;
use domain::recurrence::{Anchor, Rule};
use domain::settings::Locale;
use domain::task::Priority;
use language::{Action, Context, Parse, Target, When, parse};
use serde_json::Value;

/// The accuracy of a corpus by category.
struct Report {
    name: &'static str,
    categories: BTreeMap<String, (usize, usize)>,
    failures: Vec<String>,
}

impl Report {
    fn new(name: &'static str) -> Self {
        Self { name, categories: BTreeMap::new(), failures: Vec::new() }
    }

    fn add(&mut self, category: &str, text: &str, wrong: Option<String>) {
        let (right, all) = self.categories.entry(category.to_owned()).or_default();
        *all += 1;
        match wrong {
            None => *right += 1,
            Some(wrong) => self.failures.push(format!("[{category}] {text}\n    {wrong}")),
        }
    }

    fn print(&self, wanted: &str) {
        let percent = |right: usize, all: usize| 100.0 * right as f64 / all as f64;
        let (right, all) =
            self.categories.values().fold((0, 0), |sum, each| (sum.0 + each.0, sum.1 + each.1));
        println!("{}: {right} of {all}, {:.1} %", self.name, percent(right, all));
        for (category, (right, all)) in &self.categories {
            println!("    {:5.1} %  {right:4} of {all:4}  {category}", percent(*right, *all));
        }
        for failure in
            self.failures.iter().filter(|line| wanted == "all" || line.starts_with(&format!("[{wanted}]")))
        {
            println!("  {failure}");
        }
    }
}

fn own(name: &'static str, corpus: &str, locale: Locale) -> Report {
    let context = Context { now: "2026-11-18T10:00:00".parse().expect("a time"), zone: Tz::UTC, locale };
    let (mut report, mut category) = (Report::new(name), "");
    for line in corpus.lines() {
        if let Some(heading) = line.strip_prefix("# ") {
            // The first one describes the columns.
            category = if heading.contains("tab-separated") { "" } else { heading };
        } else if let Some((text, expected)) = line.split_once('\t') {
            let found = describe::describe(&parse(text, &context).expect("short enough"));
            let wrong = (found != expected).then(|| format!("expected {expected}\n    found    {found}"));
            report.add(category, text, wrong);
        }
    }
    report
}

fn rows(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).expect("JSON lines")).collect()
}

fn fields(parse: &Parse) -> Option<&language::TaskFields> {
    parse.commands.first().and_then(|command| match &command.action {
        Action::Create(fields) | Action::Unknown(fields) => Some(fields),
        _ => None,
    })
}

fn dates(path: &Path) -> [Report; 3] {
    let mut reports = [
        Report::new("third-party dates, core"),
        Report::new("third-party dates, others"),
        Report::new("titles beside those dates"),
    ];
    for row in rows(path) {
        let text = row["carrier"].as_str().or(row["text"].as_str()).unwrap_or_default();
        let said: DateTime<FixedOffset> =
            row["reference"].as_str().unwrap_or_default().parse().expect("an instant with its offset");
        let is_urdu = row["lang"] == "ur";
        let usual = if is_urdu { Locale::UrPk } else { Locale::EnUs };
        let locale = row["locale"].as_str().and_then(Locale::parse).unwrap_or(usual);
        let zone = row["tz"].as_str().and_then(|zone| zone.parse::<Tz>().ok());
        let now = zone.map_or(said.naive_local(), |zone| said.with_timezone(&zone).naive_local());
        let parse =
            parse(text, &Context { now, zone: zone.unwrap_or(Tz::UTC), locale }).expect("short enough");
        let fields = fields(&parse).cloned().unwrap_or_default();
        let wrong =
            wrong_date(&row["expect"], fields.due, fields.recurrence.as_ref(), fields.title.as_deref());
        let category =
            format!("{} {}", row["lang"].as_str().unwrap_or(""), row["category"].as_str().unwrap_or(""));
        let report = if row["core"] == true { &mut reports[0] } else { &mut reports[1] };
        report.add(&category, &format!("{text}   (said {now})"), wrong);
        if let Some(title) = row["expect"]["title"].as_str().filter(|_| row["core"] == true) {
            let found = fields.title.unwrap_or_default();
            let wrong = (!found.eq_ignore_ascii_case(title))
                .then(|| format!("expected {title}\n    found    {found}"));
            reports[2].add(&category, text, wrong);
        }
    }
    reports
}

fn wrong_date(expect: &Value, due: Option<When>, rule: Option<&Rule>, title: Option<&str>) -> Option<String> {
    let found = || {
        format!(
            "expected {expect}\n    found    {due:?} {:?} {title:?}",
            rule.map(|rule| due.map(|due| rule.to_rrule(due.date.and_time(due.time.unwrap_or_default()))))
        )
    };
    if let Some(rrule) = expect["rrule"].as_str() {
        let same = rule.zip(due).is_some_and(|(rule, due)| same_dates(rule, due, rrule));
        return (!same).then(found);
    }
    let start = expect["start"].as_str();
    let right = match (expect["match"].as_str(), start, due) {
        (Some("none"), ..) => {
            due.is_none()
                && rule.is_none()
                && expect["title"].as_str().is_none_or(|whole| title == Some(whole))
        }
        (Some("minute"), Some(start), Some(When { date, time: Some(time) })) => {
            date.and_time(time).format("%Y-%m-%dT%H:%M").to_string() == start
        }
        (Some("date"), Some(start), Some(due)) => start.starts_with(&due.date.to_string()),
        (Some("within"), Some(start), Some(due)) => {
            let day = |text: &str| -> NaiveDate { text[..10].parse().expect("a date") };
            let end = expect["end"].as_str().map(day);
            due.date >= day(start)
                && end.is_none_or(|end| due.date < end || (due.date == end && due.time.is_some()))
        }
        _ => false,
    };
    (!right).then(found)
}

/// Whether both give the same next dates, the expected one from the first date found.
fn same_dates(rule: &Rule, due: When, rrule: &str) -> bool {
    let Ok(expected) = Rule::parse_rrule(rrule, Anchor::Due, false) else { return false };
    let start = due.date.and_time(due.time.unwrap_or_default());
    let expand = |rule: &Rule| -> Vec<NaiveDateTime> {
        std::iter::successors(Some(start), |after| rule.next_after(start, *after, Tz::UTC)).take(6).collect()
    };
    let is_in_set = expected.next_after(start - Days::new(800), start - Days::new(1), Tz::UTC).is_some();
    is_in_set && expand(rule) == expand(&expected)
}

fn intents(path: &Path) -> [Report; 2] {
    let mut reports = [Report::new("third-party intents, core"), Report::new("third-party intents, others")];
    let context =
        Context { now: "2026-11-18T10:00:00".parse().expect("a time"), zone: Tz::UTC, locale: Locale::EnUs };
    for row in rows(path) {
        let text = row["text"].as_str().unwrap_or_default();
        let parse = parse(text, &context).expect("short enough");
        let expect = &row["expect"];
        let found = intent(&parse);
        let Named { title, priority, tags } = named(&parse);
        let mut right = expect["intent"].as_str() == Some(found);
        if let Some(expected) = expect["title"].as_str() {
            right &= title.as_deref().is_none_or(|found| found.eq_ignore_ascii_case(expected));
        }
        if let Some(expected) = expect["priority"].as_str() {
            right &= priority.is_some_and(|found| found.as_str() == expected);
        }
        if let Some(expected) = expect["tags"].as_array() {
            right &= expected
                .iter()
                .all(|tag| tag.as_str().is_some_and(|tag| tags.iter().any(|found| found == tag)));
        }
        let wrong = (!right).then(|| {
            format!(
                "expected {expect}\n    found    {found} ({:.2}) {title:?} {priority:?} {tags:?}",
                parse.confidence
            )
        });
        let report = if row["core"] == true { &mut reports[0] } else { &mut reports[1] };
        report.add(row["source"].as_str().unwrap_or(""), text, wrong);
    }
    reports
}

/// What the first command names.
#[derive(Default)]
struct Named {
    title: Option<String>,
    priority: Option<Priority>,
    tags: Vec<String>,
}

fn named(parse: &Parse) -> Named {
    let of = |target: &Target| match target {
        Target::Title(title) => Some(title.clone()),
        _ => None,
    };
    match parse.commands.first().map(|command| &command.action) {
        Some(Action::Create(fields) | Action::Unknown(fields)) => {
            Named { title: fields.title.clone(), priority: fields.priority, tags: fields.tags.clone() }
        }
        Some(Action::Update { target, changes }) => {
            Named { title: of(target), priority: changes.priority, tags: changes.add_tags.clone() }
        }
        Some(Action::Complete { target } | Action::Delete { target } | Action::Reopen { target }) => {
            Named { title: of(target), ..Named::default() }
        }
        _ => Named::default(),
    }
}

/// What the chat would take it for: below 0.7 it asks.
fn intent(parse: &Parse) -> &'static str {
    let unsure = parse.confidence < 0.7;
    match parse.commands.first().map(|command| &command.action) {
        _ if unsure => "unknown",
        Some(Action::Create(_)) => "create_task",
        Some(Action::Update { .. } | Action::Reopen { .. } | Action::Snooze { .. }) => "update_task",
        Some(Action::Complete { .. }) => "complete_task",
        Some(Action::Delete { .. }) => "delete_task",
        Some(Action::Query(_)) => "query_tasks",
        _ => "unknown",
    }
}

#[expect(clippy::disallowed_methods, reason = "a report is asked for by a person")]
fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn main() {
    let wanted = setting("KAAM_FAILURES").unwrap_or_default();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let corpus = |name: &str| {
        std::fs::read_to_string(folder.join("tests/corpus").join(name)).expect("a corpus of the project")
    };
    own("English", &corpus("english.tsv"), Locale::EnUs).print(&wanted);
    own("Urdu", &corpus("urdu.tsv"), Locale::UrPk).print(&wanted);
    let third = setting("KAAM_CORPORA").map_or(folder.join("../../../shared/corpora"), PathBuf::from);
    if third.is_dir() {
        let (dates, intents) =
            (dates(&third.join("datetime.jsonl")), intents(&third.join("utterances.jsonl")));
        dates.iter().chain(&intents).for_each(|report| report.print(&wanted));
    }
}
