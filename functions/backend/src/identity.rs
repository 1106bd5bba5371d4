//! Tokens of this deployment's own: with `AUTH=jwt`, where nobody else makes any.

use anyhow::Context as _;
use runtime::auth::SigningKeys;
use runtime::config::Environment;

use crate::{secret, serve};

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
        let data_dir = serve::private_options(&environment)?.data_dir;
        let key = secret::kept_in(&data_dir, "signing-key", SigningKeys::generate).with_context(|| {
            format!(
                "DATA_DIR is {:?}; the key of sign-in could not be kept there",
                data_dir.display().to_string()
            )
        })?;
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
}
