//! Accounts, for deployments that have no other issuer of tokens: `POST /auth/register`, `/auth/sign-in`, `/auth/refresh`,
//! `/auth/sign-out`, `/auth/password`, and the keys at `GET /.well-known/jwks.json`.
//!
//! | | |
//! |---|---|
//! | access token | 10 min, a JSON Web Token (RFC 9068) signed with Ed25519; whoever has the keys can check it |
//! | refresh token | 30 days, random; of each only a hash is kept, and each is good once (RFC 9700 §4.14) |
//! | used again within 10 s | the same next token: the answer was lost, or two pages asked at once |
//! | used again later | its session ends: somebody else has it too |
//! | a wrong password | from the fourth on a wait, 1 s, 2 s, … 15 min, of the account, or, where the network is known, of the account from there; from the eleventh on of a network; of an account from the eighth on from a /48 of IPv6, and after some 300 from everywhere |
//! | an address that nobody has | looks and takes as long as a wrong password |
//! | an address that somebody has already | `register` says that it is done; its owner finds it in the audit log, but not each time |

mod body;
mod browser;
mod password;
mod refresh_token;
mod routes;

use std::sync::Arc;

use anyhow::Context as _;
use application::{Application, Connection};
use chrono::TimeDelta;
use runtime::auth::{Signer, SigningKeys};
use runtime::clock::Clock;
use runtime::config::{Auth, Config, Environment};
use runtime::function::{Check, Function};
use runtime::main::Start;
use runtime::rate_limit::Costs;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use password::Hasher;

/// The function's name.
pub const NAME: &str = "sign-in";

/// How long an access token is good.
const ACCESS: TimeDelta = TimeDelta::minutes(10);

/// Who makes tokens, and by which keys.
#[derive(Clone, Debug)]
pub struct Signing {
    signer: Arc<Signer>,
    keys: SigningKeys,
}

impl Signing {
    /// Takes `SIGNING_KEY`, with the issuer and the audience that tokens are checked for; `None` without the key.
    ///
    /// # Errors
    /// A key that can not be read; one with `AUTH=local`, where nobody looks at tokens.
    pub fn from_environment(config: &Config, environment: &Environment) -> anyhow::Result<Option<Self>> {
        let Some(keys) = SigningKeys::from_environment(environment)? else { return Ok(None) };
        let Auth::Jwt(settings) = &config.auth else {
            anyhow::bail!("AUTH is local and SIGNING_KEY is set; tokens are for AUTH=jwt");
        };
        let signer = Arc::new(Signer::new(&keys, settings.issuer(), settings.audience(), ACCESS));
        Ok(Some(Self { signer, keys }))
    }
}

/// Builds the function for a process of its own.
///
/// # Errors
/// The first setting that is wrong or missing.
pub async fn build(start: Start) -> anyhow::Result<Function> {
    let connection = Connection::to(start.database()?, NAME);
    let application = Application::new(&connection, start.config.time_zone, start.committed())?;
    let signing = Signing::from_environment(&start.config, &start.environment)?;
    let signing = signing.context("SIGNING_KEY is not set; it must be an Ed25519 key in PEM (PKCS #8)")?;
    Ok(function(application, start.clock, signing))
}

/// Gives the function.
pub fn function(application: Application, clock: Clock, signing: Signing) -> Function {
    let is_connected = application.database_probe();
    let desk = Desk { application, clock, signing, hasher: Hasher::new() };
    let tries = OpenApiRouter::new()
        .routes(routes!(routes::register))
        .routes(routes!(routes::sign_in))
        .routes(routes!(routes::refresh))
        .with_state(desk.clone());
    let public = OpenApiRouter::new()
        .routes(routes!(routes::sign_out))
        .routes(routes!(routes::keys))
        .with_state(desk.clone());
    let http = OpenApiRouter::new().routes(routes!(routes::change_password)).with_state(desk);
    Function::new(NAME)
        .public(Costs::SignIn.of(tries))
        .public(public)
        .http(http)
        .ready_when(Check::required("database", is_connected))
}

/// Where people sign in.
#[derive(Clone)]
struct Desk {
    application: Application,
    clock: Clock,
    signing: Signing,
    hasher: Hasher,
}
