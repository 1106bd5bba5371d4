//! The query string of `GET /api/tasks`.

use application::Application;
use application::query::{Listing, MAX_PAGE};
use application::{Filter, SortKey};
use axum::http::Uri;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use domain::due::Due;
use domain::task::{Priority, Status};
use runtime::problem::Problem;
use runtime::query::{Query, wrong};

/// How many tasks a page has unless asked otherwise.
const PAGE: i64 = 50;
/// The longest text to search for, in code points.
const MAX_TEXT: usize = 200;
const ALLOWED: [&str; 9] =
    ["status", "priority", "tag", "due_after", "due_before", "q", "sort", "limit", "cursor"];

/// Parses what to list; dates and local times are read in the user's zone.
///
/// # Errors
/// 400 naming the parameter.
pub(crate) async fn parse(application: &Application, user_id: &str, uri: &Uri) -> Result<Listing, Problem> {
    let query = Query::parse(uri, &ALLOWED)?;
    let needs_zone = query.get("due_after").or(query.get("due_before")).is_some();
    let zone = if needs_zone { application.fresh_settings(user_id).await?.time_zone } else { Tz::UTC };
    let filter = Filter {
        status: known(&query, "status", Status::parse, "must be active, completed or deleted")?,
        priority: known(&query, "priority", Priority::parse, "must be low, medium or high")?,
        tag: query.get("tag").map(str::to_owned),
        due_from: instant(&query, "due_after", zone)?,
        due_to: instant(&query, "due_before", zone)?,
        text: match query.get("q") {
            Some(text) if text.chars().count() > MAX_TEXT => {
                return Err(wrong("q", "must have at most 200 characters"));
            }
            text => text.filter(|text| !text.is_empty()).map(str::to_owned),
        },
    };
    let order = query.get("sort").unwrap_or("-created_at");
    let (name, descending) = order.strip_prefix('-').map_or((order, false), |name| (name, true));
    let sort = match name {
        "created_at" => SortKey::CreatedAt,
        "updated_at" => SortKey::UpdatedAt,
        "due_date" => SortKey::DueDate,
        "priority" => SortKey::Priority,
        _ => {
            return Err(wrong(
                "sort",
                "must be created_at, due_date, priority or updated_at, or one of them after a -",
            ));
        }
    };
    let limit = match query.get("limit").map(str::parse::<i64>) {
        None => PAGE,
        Some(Ok(limit)) if (1..=MAX_PAGE).contains(&limit) => limit,
        Some(_) => return Err(wrong("limit", "must be a number from 1 to 100")),
    };
    Ok(Listing { filter, sort, descending, limit, cursor: query.get("cursor").map(str::to_owned) })
}

fn known<T>(
    query: &Query,
    name: &str,
    parse: fn(&str) -> Option<T>,
    message: &str,
) -> Result<Option<T>, Problem> {
    query.get(name).map(|text| parse(text).ok_or_else(|| wrong(name, message))).transpose()
}

fn instant(query: &Query, name: &str, zone: Tz) -> Result<Option<DateTime<Utc>>, Problem> {
    let parse = |text| Due::parse(text, zone).map_err(|error| wrong(name, &format!("is wrong: {error}")));
    Ok(query.get(name).map(parse).transpose()?.map(|due| due.sort_at(zone)))
}
