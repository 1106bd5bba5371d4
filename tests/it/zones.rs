//! Clocks that change, in zones where that is hard. What is expected was worked out from the IANA database (2025b), by hand and with
//! another implementation of it; nothing of it was read off ours.

mod changes;
mod completions;
mod due_times;
mod preview;
mod reminders;
mod repeats;

use chrono::DateTime;
use serde_json::{Value, json};
use tests::world::{Answered, World, path_of};

/// Gives the cells of a table: a row a line, cells between bars, # before a remark.
fn rows<const CELLS: usize>(table: &'static str) -> impl Iterator<Item = [&'static str; CELLS]> {
    let lines = table.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| {
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        cells.try_into().unwrap_or_else(|_| panic!("{CELLS} cells are wanted: {line}"))
    })
}

/// Gives a rule from RRULE text, the name of a pattern, or JSON.
fn rule(text: &str) -> Value {
    match text {
        _ if text.starts_with('{') => serde_json::from_str(text).expect("a rule"),
        _ if text.starts_with("FREQ=") => json!({"rrule": text}),
        _ => json!({"pattern": text}),
    }
}

fn set_clock(world: &World, now: &str) {
    world.clock.set(now.parse().expect("an instant"));
}

/// One user of a world, so that the rows of a table do not see each other's tasks.
struct User<'a> {
    world: &'a World,
    id: String,
}

impl<'a> User<'a> {
    /// Makes a user with settings of their own.
    async fn with(world: &'a World, id: impl Into<String>, settings: Value) -> Self {
        let user = Self { world, id: id.into() };
        user.call("PATCH", "/api/settings", &settings).await.ok();
        user
    }

    /// Makes a user who lives in a zone.
    async fn of(world: &'a World, id: impl Into<String>, zone: &str) -> Self {
        Self::with(world, id, json!({"time_zone": zone})).await
    }

    async fn call(&self, method: &str, path: &str, body: &Value) -> Answered {
        self.world.call_with(method, path, body, &[("x-user-id", &self.id)]).await
    }

    async fn create(&self, body: Value) -> Value {
        self.call("POST", "/api/tasks", &body).await.ok()
    }

    async fn get(&self, task: &Value) -> Value {
        self.call("GET", &path_of(task), &Value::Null).await.ok()
    }

    async fn act(&self, task: &Value, action: &str, body: Value) -> Answered {
        self.call("POST", &format!("{}/{action}", path_of(task)), &body).await
    }

    async fn listed(&self, query: &str) -> Vec<Value> {
        let page = self.call("GET", &format!("/api/tasks?{query}"), &Value::Null).await.ok();
        page["tasks"].as_array().expect("a list").clone()
    }

    /// Gives the due dates that are shown ahead of a task, its own first.
    async fn ahead(&self, task: &Value, limit: usize) -> Vec<String> {
        let path = format!("{}/occurrences?limit={limit}", path_of(task));
        let found = self.call("GET", &path, &Value::Null).await.ok();
        let list = found["occurrences"].as_array().expect("a list");
        list.iter().map(|one| one["due_date"].as_str().expect("a text").to_owned()).collect()
    }

    /// Completes the only open task, and gives the one that follows.
    async fn complete_at(&self, task: &Value, now: &str) -> Option<Value> {
        set_clock(self.world, now);
        self.act(task, "complete", Value::Null).await.ok();
        self.world.settle().await;
        let mut open = self.listed("status=active").await;
        assert!(open.len() <= 1, "one successor at most: {open:?}");
        open.pop()
    }

    /// Completes one occurrence after the other, each in its due moment, and gives their due dates.
    async fn chain(&self, first: Value, limit: usize) -> Vec<String> {
        let (mut next, mut due_dates) = (Some(first), Vec::new());
        while let Some(task) = next.take().filter(|_| due_dates.len() < limit) {
            let due = task["due_date"].as_str().expect("it is due").to_owned();
            next = self.complete_at(&task, &moment_of(&due)).await;
            due_dates.push(due);
        }
        due_dates
    }

    /// Gives the instants of the reminders with one of these statuses.
    async fn triggers(&self, task: &Value, statuses: &[&str]) -> Vec<String> {
        let path = format!("{}/reminders", path_of(task));
        let listed = self.call("GET", &path, &Value::Null).await.ok();
        let list = listed["reminders"].as_array().expect("a list").iter();
        let found =
            list.filter(|one| one["status"].as_str().is_some_and(|status| statuses.contains(&status)));
        found.map(|one| one["trigger_time"].as_str().expect("a text").to_owned()).collect()
    }
}

/// Gives the instant of a due date that is shown, in UTC; noon of a whole day.
fn moment_of(due: &str) -> String {
    match DateTime::parse_from_rfc3339(due) {
        Ok(at) => at.to_utc().to_rfc3339(),
        Err(_) => format!("{due}T12:00:00Z"),
    }
}

/// Gives a list of reminders from `1d 24h`.
fn reminders_before(leads: &str) -> Value {
    leads.split_whitespace().map(|lead| json!({"lead_time": lead})).collect()
}
