//! What `AUTH=jwt` is told.

use super::{
    issuer::{Place, key_place},
    signing::SigningKeys,
    token::Expected,
};
use crate::{
    config::{ConfigError, Environment, Secret},
    http_client::Authorities,
};

/// The shortest secret, in bytes: as long as the hash (RFC 7518 §3.2).
const SHORTEST_SECRET: usize = 32;

/// What says by what users' tokens are checked, and nothing else.
pub(crate) const NAMES: [&str; 5] =
    ["JWT_SECRET", "JWT_JWKS_URL", "OIDC_ISSUER", "JWT_ISSUER", "JWT_AUDIENCE"];

/// Whose tokens are believed, and who may bring events.
///
/// | variable | allowed |
/// |---|---|
/// | `JWT_JWKS_URL` | the https URL of a JSON Web Key Set (http on this machine) |
/// | `OIDC_ISSUER` | the https URL of an OpenID Connect issuer, instead |
/// | `JWT_SECRET` | 32 bytes or more, instead: HS256, and nothing else |
/// | `SIGNING_KEY` | the key that sign-in signs with; without any of the others its own tokens are believed |
/// | `JWT_ISSUER` | what `iss` must be; needed, but beside `OIDC_ISSUER`, which it is then |
/// | `JWT_AUDIENCE` | what `aud` must be or have; needed |
/// | `EVENTS_TOKEN` | 32 printable characters or more: what brings events or ticks over HTTP has to show it |
/// | `EVENTS_ISSUER`, `EVENTS_AUDIENCE` | or a token of that OpenID Connect issuer for that audience, as Knative sends it |
/// | `EVENTS_CA_FILE` | certificates (PEM) that the issuer of events may have beside those of the web |
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    pub(super) source: Source,
    pub(super) expected: Expected,
    pub(super) events: Events,
}

/// Where keys come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Secret(Secret),
    Published(Place),
    Own(SigningKeys),
}

/// What shows that events or ticks come from whom they should.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Events {
    pub(super) token: Option<Secret>,
    pub(super) issuer: Option<(Place, Expected)>,
    pub(super) authorities: Option<Authorities>,
}

impl Settings {
    /// Reads the settings.
    ///
    /// # Errors
    /// The first that is missing or wrong.
    pub fn from_environment(environment: &Environment) -> Result<Settings, ConfigError> {
        let oidc_issuer = environment.get("OIDC_ISSUER")?;
        let source = source(environment, oidc_issuer.as_deref())?;
        let issuer = match (environment.get("JWT_ISSUER")?, oidc_issuer) {
            (Some(issuer), Some(discovered)) if issuer != discovered => {
                return Err(invalid("JWT_ISSUER", &issuer, "the same as OIDC_ISSUER, or unset"));
            }
            (Some(issuer), _) | (None, Some(issuer)) => issuer,
            (None, None) => environment.require("JWT_ISSUER", "what the claim iss of a token says")?,
        };
        let audience = environment.require("JWT_AUDIENCE", "what the claim aud of a token names")?;
        let (expected, events) = (Expected { issuer, audience }, events(environment)?);
        // Else every user may bring events.
        if events.issuer.as_ref().is_some_and(|(_, of_events)| *of_events == expected) {
            let other = "another audience than JWT_AUDIENCE, since both are of the same issuer";
            return Err(invalid("EVENTS_AUDIENCE", &expected.audience, other));
        }
        Ok(Settings { source, expected, events })
    }

    /// Says whether the tokens of `SIGNING_KEY` are believed.
    pub(crate) fn is_own(&self) -> bool {
        matches!(self.source, Source::Own(_))
    }

    /// Gives what `iss` must be.
    pub fn issuer(&self) -> &str {
        &self.expected.issuer
    }

    /// Gives what `aud` must name.
    pub fn audience(&self) -> &str {
        &self.expected.audience
    }

    /// Gives `EVENTS_TOKEN`.
    pub(crate) fn events_token(&self) -> Option<Secret> {
        self.events.token.clone()
    }

    /// Says whether something has to be shown with events and ticks that come over HTTP.
    pub(crate) fn guards_events(&self) -> bool {
        self.events != Events::default()
    }
}

fn source(environment: &Environment, oidc_issuer: Option<&str>) -> Result<Source, ConfigError> {
    const URL: &str = "an https:// URL, or an http:// URL on this machine";
    let (secret, url) = (environment.get("JWT_SECRET")?, environment.get("JWT_JWKS_URL")?);
    let given = [
        ("JWT_SECRET", secret.is_some()),
        ("JWT_JWKS_URL", url.is_some()),
        ("OIDC_ISSUER", oidc_issuer.is_some()),
    ];
    let signs = ("SIGNING_KEY", environment.get("SIGNING_KEY")?.is_some() && url.is_none());
    // Keys at a URL may be those that sign-in publishes.
    let given = given.into_iter().chain([signs]);
    let mut given = given.filter(|(_, is_given)| *is_given).map(|(name, _)| name.to_owned());
    if let (Some(name), Some(other)) = (given.next(), given.next()) {
        return Err(ConfigError::Several { name, other });
    }
    match (secret, url, oidc_issuer) {
        (Some(secret), ..) if secret.len() < SHORTEST_SECRET => Err(ConfigError::InvalidSecret {
            name: "JWT_SECRET".to_owned(),
            allowed: format!("at least {SHORTEST_SECRET} bytes long"),
        }),
        (Some(secret), ..) => Ok(Source::Secret(Secret::new(secret))),
        (_, Some(url), _) => {
            let place = key_place(&url).ok_or_else(|| invalid("JWT_JWKS_URL", &url, URL))?;
            Ok(Source::Published(Place::KeySet(place)))
        }
        (.., Some(issuer)) => Ok(Source::Published(discovered("OIDC_ISSUER", issuer)?)),
        (None, None, None) => match SigningKeys::from_environment(environment)? {
            Some(keys) => Ok(Source::Own(keys)),
            None => Err(ConfigError::Missing {
                name: "JWT_JWKS_URL".to_owned(),
                allowed: "the URL of the keys that AUTH=jwt believes, unless OIDC_ISSUER, JWT_SECRET or SIGNING_KEY is set"
                    .to_owned(),
            }),
        },
    }
}

fn events(environment: &Environment) -> Result<Events, ConfigError> {
    let token = environment.get("EVENTS_TOKEN")?;
    if let Some(token) = &token
        && (token.len() < SHORTEST_SECRET || !token.bytes().all(|byte| byte.is_ascii_graphic()))
    {
        let allowed = format!("at least {SHORTEST_SECRET} printable ASCII characters without a space");
        return Err(ConfigError::InvalidSecret { name: "EVENTS_TOKEN".to_owned(), allowed });
    }
    let issuer = match (environment.get("EVENTS_ISSUER")?, environment.get("EVENTS_AUDIENCE")?) {
        (None, None) => None,
        (Some(issuer), None) => {
            environment.require("EVENTS_AUDIENCE", "the audience of this function, beside EVENTS_ISSUER")?;
            discovered("EVENTS_ISSUER", &issuer).map(|_| None)?
        }
        (None, Some(_)) => {
            environment.require("EVENTS_ISSUER", "the issuer of the cluster, beside EVENTS_AUDIENCE")?;
            None
        }
        (Some(issuer), Some(audience)) => {
            let place = discovered("EVENTS_ISSUER", &issuer)?;
            Some((place, Expected { issuer, audience }))
        }
    };
    // By the rule for secrets: EVENTS_CA, or the file that EVENTS_CA_FILE names.
    let authorities = match environment.get("EVENTS_CA")? {
        None => None,
        Some(_) if issuer.is_none() => {
            environment.require("EVENTS_ISSUER", "the issuer whose certificate EVENTS_CA_FILE is for")?;
            None
        }
        Some(pem) => Some(Authorities::parse(&pem).ok_or_else(|| ConfigError::InvalidSecret {
            name: "EVENTS_CA_FILE".to_owned(),
            allowed: "a file of certificates in PEM".to_owned(),
        })?),
    };
    Ok(Events { token: token.map(Secret::new), issuer, authorities })
}

fn discovered(name: &str, issuer: &str) -> Result<Place, ConfigError> {
    // Neither is in the URL of an issuer (OpenID Connect Discovery 1.0 §3).
    let is_sound = key_place(issuer).is_some() && !issuer.contains(['?', '#']);
    if !is_sound {
        return Err(invalid(
            name,
            issuer,
            "an https:// URL, or an http:// URL on this machine, without a query",
        ));
    }
    Ok(Place::Discovered(issuer.to_owned()))
}

fn invalid(name: &str, value: &str, allowed: &str) -> ConfigError {
    ConfigError::Invalid { name: name.to_owned(), value: value.to_owned(), allowed: allowed.to_owned() }
}
