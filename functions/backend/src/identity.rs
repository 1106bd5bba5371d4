//! Keys of this deployment's own, where nobody else gives any: for tokens, with `AUTH=jwt`, and for notifications.

use runtime::auth::SigningKeys;
use runtime::config::Environment;
use send_reminder::VapidKey;

use crate::secret;

/// Who says otherwise whose tokens are believed.
const OTHERS: [&str; 3] = ["JWT_JWKS_URL", "OIDC_ISSUER", "JWT_SECRET"];
/// For whom tokens are, unless `JWT_AUDIENCE` says otherwise.
const AUDIENCE: &str = "kaam";

/// Adds what `AUTH=jwt` needs, when there is no other issuer: with a private PostgreSQL a `SIGNING_KEY`, which is made once and kept in
/// `DATA_DIR`; with such a key `JWT_ISSUER`, which is where people reach Kaam, and `JWT_AUDIENCE`.
///
/// # Errors
/// A setting that can not be read; a key that could not be kept.
pub(crate) fn with_own_keys(mut environment: Environment) -> anyhow::Result<Environment> {
    if environment.get("AUTH")?.as_deref() != Some("jwt") {
        return Ok(environment);
    }
    for name in OTHERS {
        if environment.get(name)?.is_some() {
            return Ok(environment);
        }
    }
    if environment.get("SIGNING_KEY")?.is_none() {
        if environment.database_url()?.is_some() {
            return Ok(environment);
        }
        let key = secret::kept(&environment, "signing-key", "the key of sign-in", SigningKeys::generate)?;
        environment = environment.with("SIGNING_KEY", &key);
    }
    if environment.get("JWT_ISSUER")?.is_none() {
        let issuer = match environment.get("PUBLIC_URL")? {
            Some(url) => url,
            None => format!("http://localhost:{}", environment.get("PORT")?.as_deref().unwrap_or("8000")),
        };
        environment = environment.with("JWT_ISSUER", &issuer);
    }
    if environment.get("JWT_AUDIENCE")?.is_none() {
        environment = environment.with("JWT_AUDIENCE", AUDIENCE);
    }
    Ok(environment)
}

/// Adds what notifications need: with a private PostgreSQL a `VAPID_PRIVATE_KEY`, which is made once and kept in `DATA_DIR`; beside any,
/// the `VAPID_PUBLIC_KEY` that belongs to it.
///
/// # Errors
/// A key that is none, or could not be kept, and a public one of another.
pub(crate) fn with_push_key(mut environment: Environment) -> anyhow::Result<Environment> {
    const PRIVATE: &str = "VAPID_PRIVATE_KEY";
    const PUBLIC: &str = "VAPID_PUBLIC_KEY";
    if environment.get(PRIVATE)?.is_none() && environment.database_url()?.is_none() {
        let key = secret::kept(&environment, "push-key", "the key of notifications", VapidKey::generate)?;
        environment = environment.with(PRIVATE, &key);
    }
    let Some(key) = VapidKey::from_environment(&environment)? else { return Ok(environment) };
    if let Some(public) = environment.get(PUBLIC)? {
        anyhow::ensure!(
            public == key.public_key(),
            "{PUBLIC} belongs to another {PRIVATE}; here it can be left out"
        );
    }
    Ok(environment.with(PUBLIC, key.public_key()))
}

#[cfg(test)]
mod tests {
    use runtime::config::{Auth, Config};

    use super::*;

    #[test]
    fn a_deployment_without_another_issuer_makes_its_own_key_and_keeps_it() {
        let folder = std::env::temp_dir().join(format!("backend-identity-{}", std::process::id()));
        let data_dir = ("DATA_DIR", folder.to_str().expect("a text"));
        let jwt = ("AUTH", "jwt");
        let own = |pairs: &[(&str, &str)]| {
            let environment = Environment::from_pairs(pairs.iter().copied());
            with_own_keys(environment).expect("a folder to write to")
        };
        let local = own(&[data_dir]);
        assert_eq!(local.get("SIGNING_KEY").expect("it can be read"), None);
        let issuer = ("OIDC_ISSUER", "https://id.example.org");
        assert_eq!(own(&[data_dir, jwt, issuer]).get("SIGNING_KEY").expect("it can be read"), None);
        let elsewhere = ("DATABASE_URL", "postgres://kaam@localhost/kaam");
        assert_eq!(own(&[data_dir, jwt, elsewhere]).get("JWT_ISSUER").expect("it can be read"), None);
        assert!(!folder.exists(), "nothing was needed");

        let first = own(&[data_dir, jwt, ("PORT", "8001")]);
        let config = Config::from_environment(&first).expect("all is there");
        let Auth::Jwt(settings) = &config.auth else { panic!("tokens are believed") };
        assert_eq!((settings.issuer(), settings.audience()), ("http://localhost:8001", "kaam"));
        let again = own(&[data_dir, jwt, ("PUBLIC_URL", "https://kaam.example.org")]);
        assert_eq!(again.get("SIGNING_KEY").expect("a key"), first.get("SIGNING_KEY").expect("a key"));
        assert_eq!(again.get("JWT_ISSUER").expect("an issuer").as_deref(), Some("https://kaam.example.org"));
        std::fs::remove_dir_all(&folder).expect("the folder is ours");
    }

    #[test]
    fn notifications_have_a_key_that_is_kept_where_the_database_is_private_and_else_the_one_that_is_given() {
        let folder = std::env::temp_dir().join(format!("backend-push-{}", std::process::id()));
        let data_dir = ("DATA_DIR", folder.to_str().expect("a text"));
        let keys = |pairs: &[(&str, &str)]| {
            let environment = with_push_key(Environment::from_pairs(pairs.iter().copied()))?;
            let get = |name| environment.get(name).map_err(anyhow::Error::from);
            anyhow::Ok((get("VAPID_PRIVATE_KEY")?, get("VAPID_PUBLIC_KEY")?))
        };
        let elsewhere = ("DATABASE_URL", "postgres://kaam@localhost/kaam");
        assert_eq!(keys(&[data_dir, elsewhere]).expect("none"), (None, None));
        assert!(!folder.exists(), "nothing was needed");
        let first = keys(&[data_dir]).expect("a folder to write to");
        assert!(first.0.is_some() && first.1.is_some());
        assert_eq!(keys(&[data_dir]).expect("a folder to write to"), first);
        std::fs::remove_dir_all(&folder).expect("the folder is ours");

        // The example of RFC 8291.
        let private = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw";
        let public =
            "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8";
        let given = ("VAPID_PRIVATE_KEY", private);
        let both = (Some(private.to_owned()), Some(public.to_owned()));
        assert_eq!(keys(&[elsewhere, given]).expect("a key"), both);
        assert_eq!(keys(&[elsewhere, given, ("VAPID_PUBLIC_KEY", public)]).expect("a key"), both);
        let other = first.1.expect("a key");
        let refused = keys(&[elsewhere, given, ("VAPID_PUBLIC_KEY", &other)]).expect_err("another's");
        assert!(refused.to_string().contains("VAPID_PUBLIC_KEY"), "{refused}");
    }
}
