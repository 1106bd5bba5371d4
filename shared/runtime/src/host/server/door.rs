//! Who comes to a function's routes, and how often.

use std::sync::Arc;

use axum::{
    extract::Request,
    middleware::Next,
    response::{IntoResponse as _, Response},
};

use crate::{auth::Authenticator, problem::Problem, rate_limit::RateLimits};

/// What stands before the routes of a function; by default it is open.
#[derive(Clone, Debug, Default)]
pub(super) struct Door {
    /// Counts requests: those of each address, also when they are not believed, and those of each user.
    pub(super) rates: Option<Arc<RateLimits>>,
    /// Believes tokens, or does not.
    pub(super) asks: Option<(Arc<Authenticator>, For)>,
}

/// Whose token is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) enum For {
    /// That of a user.
    Users,
    /// That of what brings events and ticks.
    Events,
}

impl Door {
    /// Lets a request in, or gives the refusal.
    pub(super) async fn enter(&self, mut request: Request, next: Next) -> Response {
        match self.let_in(&mut request).await {
            Ok(()) => next.run(request).await,
            Err(refused) => refused,
        }
    }

    async fn let_in(&self, request: &mut Request) -> Result<(), Response> {
        if let Some(rates) = &self.rates {
            rates.take_of_address(request).map_err(Problem::into_response)?;
        }
        match &self.asks {
            None => {}
            Some((known, For::Users)) => known.let_in_user(request).await?,
            Some((known, For::Events)) => known.let_in_events(request).await?,
        }
        match &self.rates {
            Some(rates) => rates.take_of_user(request).map_err(Problem::into_response),
            None => Ok(()),
        }
    }
}
