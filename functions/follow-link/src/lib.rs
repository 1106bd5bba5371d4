//! `GET` and `POST /links/{token}`: the one-time links in mails. Whoever has the link may do what it says, once, for 30 days; looking
//! at it does nothing.

mod page;

use application::links::{Link, LinkError, Links};
use application::{Application, Connection};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use domain::settings::Locale;
use events::{Refusal, TaskBody};
use runtime::ask::{cause, respond};
use runtime::clock::Clock;
use runtime::function::{Check, Function};
use runtime::main::Start;
use runtime::problem::Problem;
use runtime::request::RequestContext;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use page::Says;

/// The function's name.
pub const NAME: &str = "follow-link";

/// Builds the function for a process of its own.
///
/// # Errors
/// The first setting that is wrong or missing.
pub async fn build(start: Start) -> anyhow::Result<Function> {
    let connection = Connection::to(start.database()?, NAME);
    let application = Application::new(&connection, start.config.time_zone, start.committed())?;
    let (base, secret) = (start.environment.get("PUBLIC_URL")?, start.environment.get("LINK_SECRET")?);
    let links = Links::from_settings(base.as_deref(), secret.as_deref()).map_err(anyhow::Error::msg)?;
    anyhow::ensure!(links.is_some(), "PUBLIC_URL and LINK_SECRET are not set: no link could be read");
    Ok(function(application, start.clock, links))
}

/// Gives the function; without `links` there is no link that it knows.
pub fn function(application: Application, clock: Clock, links: Option<Links>) -> Function {
    let is_connected = application.database_probe();
    let follower = Follower { application, clock, links };
    let http = OpenApiRouter::new().routes(routes!(look, follow)).with_state(follower);
    Function::new(NAME).public(http).ready_when(Check::required("database", is_connected))
}

#[derive(Clone)]
struct Follower {
    application: Application,
    clock: Clock,
    links: Option<Links>,
}

impl Follower {
    fn read(&self, token: &str) -> Result<Link, LinkError> {
        let links = self.links.as_ref().ok_or(LinkError::Unknown)?;
        links.read(token, self.clock.now())
    }
}

/// Shows what a link would do
///
/// A page with a button; nothing happens yet.
#[utoipa::path(
    get,
    path = "/links/{token}",
    tag = "links",
    operation_id = "look_at_link",
    params(("token" = String, Path, description = "The link's own part")),
    responses(
        (status = 200, description = "A page with a button", body = String, content_type = "text/html"),
        (status = 404, description = "There is no such link", body = String, content_type = "text/html"),
        (status = 410, description = "It was followed already, or has expired", body = String, content_type = "text/html")
    )
)]
async fn look(State(follower): State<Follower>, Path(token): Path<String>) -> Result<Response, Problem> {
    let link = match follower.read(&token) {
        Ok(link) => link,
        Err(error) => return Ok(says(error).page(Locale::default())),
    };
    match follower.application.look_at_link(&link).await {
        Ok((task, _)) if task.status != "active" => {
            Ok(Says::Used.page(follower.application.locale(&link.user_id).await?))
        }
        Ok((task, locale)) => Ok(Says::Ask(link.action, &task.title).page(locale)),
        Err(Refusal::Conflict(_)) => Ok(Says::Used.page(follower.application.locale(&link.user_id).await?)),
        Err(Refusal::NotFound(_)) => Ok(Says::Unknown.page(Locale::default())),
        Err(refusal) => Err(refusal.into()),
    }
}

/// Does what a link says, once
///
/// The task for who accepts `application/json`, else a page that tells.
#[utoipa::path(
    post,
    path = "/links/{token}",
    tag = "links",
    operation_id = "follow_link",
    params(("token" = String, Path, description = "The link's own part")),
    responses(
        (status = 200, description = "It is done", content((TaskBody = "application/json"), (String = "text/html"))),
        (status = 404, description = "There is no such link", body = String, content_type = "text/html"),
        (status = 410, description = "It was followed already, its task is not open, or it has expired", body = String, content_type = "text/html")
    )
)]
async fn follow(
    State(follower): State<Follower>,
    context: RequestContext,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let wants_json = headers
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("application/json") && !accept.contains("text/html"));
    let link = match follower.read(&token) {
        Ok(link) => link,
        Err(error) if wants_json => return Err(refusal(error)),
        Err(error) => return Ok(says(error).page(Locale::default())),
    };
    let cause = cause(&context, &link.user_id, NAME, &follower.clock);
    let answer = match follower.application.follow_link(&cause, &link).await {
        Ok(answer) => answer,
        Err(Refusal::Conflict(why)) if wants_json => return Err(gone(why)),
        Err(Refusal::Conflict(_)) => {
            return Ok(Says::Used.page(follower.application.locale(&link.user_id).await?));
        }
        Err(Refusal::NotFound(_)) if !wants_json => return Ok(Says::Unknown.page(Locale::default())),
        Err(refusal) => return Err(refusal.into()),
    };
    if wants_json {
        return Ok(respond(answer));
    }
    let task = follower.application.get(&link.user_id, link.task_id).await?;
    let locale = follower.application.locale(&link.user_id).await?;
    Ok(Says::Done(link.action, &task.title).page(locale))
}

fn gone(why: String) -> Problem {
    Problem::new(StatusCode::GONE, "Gone", why)
}

fn says(error: LinkError) -> Says<'static> {
    match error {
        LinkError::Unknown => Says::Unknown,
        LinkError::Expired => Says::Expired,
    }
}

fn refusal(error: LinkError) -> Problem {
    match error {
        LinkError::Unknown => Problem::not_found(error.to_string()),
        LinkError::Expired => gone(error.to_string()),
    }
}
