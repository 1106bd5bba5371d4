//! How often somebody may call: token buckets in the memory of each instance.
//!
//! | counted | setting, for each minute | whose |
//! |---|---|---|
//! | every request of a caller that is known | `RATE_LIMIT_USER` (600) | the user's |
//! | every request for a caller, and of a page | `RATE_LIMIT_ADDRESS` (1,200) | the address's; of IPv6 the network's (/64) |
//! | what is said in a chat | `RATE_LIMIT_CHAT` (60) | the user's |
//! | a try to register, to sign in or to renew a token | `RATE_LIMIT_SIGN_IN` (30) | the address's |
//!
//! A bucket holds a minute's worth, and fills evenly. All functions of a process take from the same buckets, each function on its own has
//! buckets of its own. Each of `INSTANCES` gives its share, rounded up. Nothing is counted with `AUTH=local`, nor for `/health`, `/ready`,
//! `/openapi.json`, events and ticks. An address that is not known ([`ClientAddress`]) is not counted either.

use std::{
    fmt,
    hash::Hash,
    net::IpAddr,
    num::NonZeroU32,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use axum::{
    extract::Request,
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use governor::{
    Quota, RateLimiter, clock::Clock as _, middleware::NoOpMiddleware, nanos::Nanos,
    state::keyed::HashMapStateStore,
};
use utoipa_axum::router::OpenApiRouter;

use crate::{
    address::ClientAddress,
    clock::{Clock, Stopwatch},
    config::{ConfigError, Environment},
    problem::Problem,
    user::Identity,
};

/// The most buckets of a kind that an instance remembers, some 2 MB. Then full ones are forgotten, they say nothing; if more than half are in
/// use, all are, so that room is made once for thousands.
const MOST_BUCKETS: usize = 10_000;
const ALLOWED: &str = "a number from 1 to 1000000";
const MOST: u32 = 1_000_000;

/// How often one instance may be called, for each minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    user: NonZeroU32,
    address: NonZeroU32,
    chat: NonZeroU32,
    sign_in: NonZeroU32,
}

impl Rates {
    /// Reads the settings, and gives the share of one of `INSTANCES`.
    ///
    /// # Errors
    /// The first that is no number from 1 to 1,000,000.
    pub fn from_environment(environment: &Environment) -> Result<Rates, ConfigError> {
        let instances = number(environment, "INSTANCES", 1)?;
        let share = |name, default| {
            let whole = number(environment, name, default)?.get();
            Ok(NonZeroU32::new(whole.div_ceil(instances.get())).unwrap_or(NonZeroU32::MIN))
        };
        Ok(Rates {
            user: share("RATE_LIMIT_USER", 600)?,
            address: share("RATE_LIMIT_ADDRESS", 1_200)?,
            chat: share("RATE_LIMIT_CHAT", 60)?,
            sign_in: share("RATE_LIMIT_SIGN_IN", 30)?,
        })
    }
}

fn number(environment: &Environment, name: &str, default: u32) -> Result<NonZeroU32, ConfigError> {
    let given = environment.parse::<u32>(name, ALLOWED)?.unwrap_or(default);
    NonZeroU32::new(given).filter(|number| number.get() <= MOST).ok_or_else(|| ConfigError::Invalid {
        name: name.to_owned(),
        value: given.to_string(),
        allowed: ALLOWED.to_owned(),
    })
}

/// What the requests of some routes cost beside a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Costs {
    /// Something that is said in a chat.
    Chat,
    /// A try to sign in.
    SignIn,
}

impl Costs {
    /// Says what each request of these routes costs, where requests are counted.
    pub fn of(self, routes: OpenApiRouter) -> OpenApiRouter {
        routes.layer(middleware::from_fn(move |request, next| self.take(request, next)))
    }

    async fn take(self, request: Request, next: Next) -> Response {
        let known = request.extensions();
        let taken = match (self, known.get::<Arc<RateLimits>>(), known.get(), known.get::<ClientAddress>()) {
            (Costs::Chat, Some(limits), Some(Identity::User { user_id, .. }), _) => {
                limits.chats.take(user_id)
            }
            (Costs::SignIn, Some(limits), _, Some(address)) => {
                address.network().map_or(Ok(()), |network| limits.sign_ins.take(&network))
            }
            _ => Ok(()),
        };
        match taken {
            Ok(()) => next.run(request).await,
            Err(empty) => empty
                .told(match self {
                    Costs::Chat => "too many messages of this user, try again later",
                    Costs::SignIn => "too many attempts to sign in from this network, try again later",
                })
                .into_response(),
        }
    }
}

/// The buckets of a process.
#[derive(Debug)]
pub(crate) struct RateLimits {
    users: Buckets<String>,
    addresses: Buckets<IpAddr>,
    chats: Buckets<String>,
    sign_ins: Buckets<IpAddr>,
}

impl RateLimits {
    pub(crate) fn new(rates: Rates, clock: &Clock) -> RateLimits {
        let time = Time { since: clock.now(), watch: Stopwatch::start(), clock: clock.clone() };
        RateLimits {
            users: Buckets::new(rates.user, &time),
            addresses: Buckets::new(rates.address, &time),
            chats: Buckets::new(rates.chat, &time),
            sign_ins: Buckets::new(rates.sign_in, &time),
        }
    }

    /// Counts a request of its address, and lets [`Costs`] count.
    pub(crate) fn take_of_address(self: &Arc<Self>, request: &mut Request) -> Result<(), Problem> {
        let network = request.extensions().get::<ClientAddress>().and_then(|address| address.network());
        if let Some(Err(empty)) = network.map(|network| self.addresses.take(&network)) {
            return Err(empty.told("too many requests from this network, try again later"));
        }
        request.extensions_mut().insert(Arc::clone(self));
        Ok(())
    }

    /// Counts a request of its user, if that is known.
    pub(crate) fn take_of_user(&self, request: &Request) -> Result<(), Problem> {
        match request.extensions().get() {
            Some(Identity::User { user_id, .. }) => self
                .users
                .take(user_id)
                .map_err(|empty| empty.told("too many requests of this user, try again later")),
            _ => Ok(()),
        }
    }
}

/// A bucket that is empty, and after how long there is something in it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Empty(Duration);

impl Empty {
    fn told(self, detail: &'static str) -> Problem {
        // Rounded up: whoever comes then is let in.
        let seconds = self.0.as_nanos().div_ceil(1_000_000_000).max(1);
        Problem::too_many_requests(detail, u32::try_from(seconds).unwrap_or(u32::MAX))
    }
}

/// Our clock, as governor wants it: the time since the buckets were made.
#[derive(Clone, Debug)]
struct Time {
    clock: Clock,
    since: DateTime<Utc>,
    /// For the system's clock, which may be set; this goes on evenly.
    watch: Stopwatch,
}

impl governor::clock::Clock for Time {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        let passed = match self.clock.fixed() {
            Some(now) => (now - self.since).to_std().unwrap_or_default(),
            None => self.watch.elapsed(),
        };
        passed.into()
    }
}

type Limiter<K> = RateLimiter<K, HashMapStateStore<K>, Time, NoOpMiddleware<Nanos>>;

struct Buckets<K: Clone + Eq + Hash> {
    quota: Quota,
    time: Time,
    limiter: RwLock<Limiter<K>>,
}

impl<K: Clone + Eq + Hash> Buckets<K> {
    fn new(a_minute: NonZeroU32, time: &Time) -> Buckets<K> {
        let quota = Quota::per_minute(a_minute);
        let limiter = RwLock::new(Limiter::hashmap_with_clock(quota, time.clone()));
        Buckets { quota, time: time.clone(), limiter }
    }

    fn take(&self, key: &K) -> Result<(), Empty> {
        let is_crowded = self.limiter.read().unwrap_or_else(PoisonError::into_inner).len() >= MOST_BUCKETS;
        if is_crowded {
            self.make_room();
        }
        let limiter = self.limiter.read().unwrap_or_else(PoisonError::into_inner);
        limiter.check_key(key).map_err(|until| Empty(until.wait_time_from(self.time.now())))
    }

    fn make_room(&self) {
        let mut limiter = self.limiter.write().unwrap_or_else(PoisonError::into_inner);
        if limiter.len() < MOST_BUCKETS {
            // Another request was faster.
            return;
        }
        limiter.retain_recent();
        if limiter.len() > MOST_BUCKETS / 2 {
            *limiter = Limiter::hashmap_with_clock(self.quota, self.time.clone());
        }
    }
}

impl<K: Clone + Eq + Hash> fmt::Debug for Buckets<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buckets").field("quota", &self.quota).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use axum::{Router, body::Body, http::Method, routing::post};
    use tower::ServiceExt as _;

    use crate::{config::Config, function::Function, host::server::App, invocation::Peer};

    use super::*;

    /// Asks from an address of the network, without a token, and gives the status.
    async fn ask(router: &Router, method: Method, path: &str, address: &str) -> u16 {
        let mut request = Request::new(Body::empty());
        (*request.method_mut(), *request.uri_mut()) = (method, path.parse().expect("a path"));
        request.extensions_mut().insert(Peer(address.parse().expect("an address")));
        router.clone().oneshot(request).await.expect("a response").status().as_u16()
    }

    fn served(settings: &[(&str, &str)]) -> (Clock, Router) {
        let auth = [
            ("AUTH", "jwt"),
            ("JWT_SECRET", "0123456789abcdef0123456789abcdef"),
            ("JWT_ISSUER", "https://id.example.org"),
            ("JWT_AUDIENCE", "kaam"),
        ];
        let environment = Environment::from_pairs(auth.iter().chain(settings).copied());
        let config = Config::from_environment(&environment).expect("sound settings");
        let http = Router::new().route("/api/tasks", post(async || "made"));
        let tries = Router::new().route("/auth/sign-in", post(async || "signed in"));
        let free = Router::new().route("/auth/sign-out", post(async || "signed out").get(async || "a page"));
        let function = Function::new("sample").http(http.into()).public(free.into());
        let function = function.public(Costs::SignIn.of(tries.into()));
        let clock = Clock::manual("2027-01-10T12:00:00Z".parse().expect("an instant"));
        let app = App::new(&config, vec![function, Function::new("other")]).clock(clock.clone());
        (clock, app.router())
    }

    #[tokio::test]
    async fn s12_an_address_that_asks_too_often_is_told_to_wait_before_its_token_is_looked_at() {
        let (clock, router) = served(&[("RATE_LIMIT_ADDRESS", "3")]);
        let mut statuses = Vec::new();
        for _ in 0..5 {
            statuses.push(ask(&router, Method::POST, "/api/tasks", "203.0.113.9").await);
        }
        assert_eq!(statuses, [401, 401, 401, 429, 429]);
        assert_eq!(ask(&router, Method::GET, "/auth/sign-out", "203.0.113.9").await, 429);
        assert_eq!(ask(&router, Method::GET, "/health", "203.0.113.9").await, 200);
        assert_eq!(ask(&router, Method::GET, "/auth/sign-out", "203.0.113.8").await, 200);
        // Whom a private address stands for is not known.
        for _ in 0..9 {
            assert_eq!(ask(&router, Method::GET, "/auth/sign-out", "10.0.0.1").await, 200);
        }
        clock.advance(Duration::from_secs(20));
        assert_eq!(ask(&router, Method::POST, "/api/tasks", "203.0.113.9").await, 401);
    }

    #[tokio::test]
    async fn s12_tries_to_sign_in_are_counted_for_themselves() {
        let (_, router) = served(&[("RATE_LIMIT_SIGN_IN", "2")]);
        let mut statuses = Vec::new();
        for _ in 0..3 {
            statuses.push(ask(&router, Method::POST, "/auth/sign-in", "2001:db8::1").await);
        }
        assert_eq!(statuses, [200, 200, 429]);
        assert_eq!(ask(&router, Method::POST, "/auth/sign-in", "2001:db8::2").await, 429, "the same network");
        assert_eq!(ask(&router, Method::POST, "/auth/sign-out", "2001:db8::1").await, 200, "no try");
    }

    fn buckets(a_minute: u32) -> (Clock, Buckets<u32>) {
        let clock = Clock::manual("2027-01-10T12:00:00Z".parse().expect("an instant"));
        let time = Time { since: clock.now(), watch: Stopwatch::start(), clock: clock.clone() };
        (clock, Buckets::new(NonZeroU32::new(a_minute).expect("more than none"), &time))
    }

    #[test]
    fn a_bucket_holds_a_minute_s_worth_and_fills_evenly() {
        let (clock, buckets) = buckets(60);
        assert!((0..60).all(|_| buckets.take(&1).is_ok()));
        let Err(Empty(wait)) = buckets.take(&1) else { panic!("it is empty") };
        assert!(wait > Duration::ZERO && wait <= Duration::from_secs(1), "{wait:?}");
        assert!(buckets.take(&2).is_ok(), "another one's is not");
        clock.advance(wait);
        assert!(buckets.take(&1).is_ok() && buckets.take(&1).is_err());
        clock.advance(Duration::from_secs(3_600));
        assert!((0..60).all(|_| buckets.take(&1).is_ok()) && buckets.take(&1).is_err());
    }

    #[test]
    fn an_empty_bucket_says_when_to_come_back_in_seconds_rounded_up() {
        let (clock, buckets) = buckets(1);
        assert!(buckets.take(&1).is_ok());
        clock.advance(Duration::from_millis(500));
        let response = buckets.take(&1).expect_err("it is empty").told("too many").into_response();
        assert_eq!((response.status().as_u16(), &response.headers()["retry-after"]), (429, &60.into()));
    }

    #[test]
    fn however_many_come_no_more_buckets_are_remembered_than_there_is_room_for() {
        let (clock, buckets) = buckets(1);
        let len = || buckets.limiter.read().expect("nobody panics").len();
        let most = u32::try_from(MOST_BUCKETS).expect("a small number");
        for key in 0..most {
            assert!(buckets.take(&key).is_ok());
        }
        clock.advance(Duration::from_secs(61));
        assert!(buckets.take(&most).is_ok());
        assert_eq!(len(), 1, "those that are full again are forgotten");
        for key in 0..3 * most {
            let _ = buckets.take(&key);
            assert!(len() <= MOST_BUCKETS);
        }
    }

    #[test]
    fn room_is_made_once_for_thousands_and_not_for_each_who_comes() {
        let (clock, buckets) = buckets(1);
        let len = || buckets.limiter.read().expect("nobody panics").len();
        let most = u32::try_from(MOST_BUCKETS).expect("a small number");
        assert!(buckets.take(&0).is_ok());
        // That one is full again.
        clock.advance(Duration::from_secs(3_600));
        for key in 1..=most {
            assert!(buckets.take(&key).is_ok());
        }
        assert!(len() <= MOST_BUCKETS / 2 + 1, "{} are left, and all of them in use", len());
    }

    #[test]
    fn each_instance_gives_its_share_rounded_up() {
        let read = |pairs: &[(&str, &str)]| {
            Rates::from_environment(&Environment::from_pairs(pairs.iter().copied()))
                .map_err(|error| error.to_string())
        };
        let rates = read(&[("INSTANCES", "7"), ("RATE_LIMIT_CHAT", "3")]).expect("sound settings");
        assert_eq!((rates.user.get(), rates.address.get(), rates.chat.get()), (86, 172, 1));
        for (name, value) in [
            ("INSTANCES", "0"),
            ("RATE_LIMIT_USER", "0"),
            ("RATE_LIMIT_ADDRESS", "-1"),
            ("RATE_LIMIT_CHAT", "1000001"),
            ("RATE_LIMIT_SIGN_IN", "many"),
        ] {
            let said = read(&[(name, value)]).expect_err(name);
            assert!(said.contains(name) && said.contains(value) && said.contains(ALLOWED), "{said}");
        }
    }
}
