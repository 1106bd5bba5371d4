//! Which model, and how long it may take, from the environment.

use std::sync::Arc;
use std::time::Duration;

use axum::http::Uri;
use runtime::clock::Clock;
use runtime::config::{ConfigError, Environment};

use super::ollama::Ollama;
use super::{Breaker, Inner, Model, Places};

const DEFAULT_MODEL: &str = "llama3.2";
const DEFAULT_DEADLINE_MS: u64 = 8_000;

impl Model {
    /// Reads which model there is; `None` without `OLLAMA_URL`.
    ///
    /// | variable | default | allowed |
    /// |---|---|---|
    /// | `OLLAMA_URL` | none: no model | an `http://` or `https://` URL without user, query and fragment |
    /// | `OLLAMA_MODEL` | `llama3.2` | the name of a model that the server has |
    /// | `OLLAMA_DEADLINE_MS` | 8000 | 100–60000: how long an answer is waited for before the parser's is given |
    ///
    /// # Errors
    /// The first setting that is wrong.
    pub fn from_environment(environment: &Environment, clock: Clock) -> anyhow::Result<Option<Self>> {
        let deadline = deadline(environment)?;
        let name = name(environment)?;
        let Some(url) = url(environment)? else { return Ok(None) };
        let ollama = Ollama::new(&url, name, deadline)?;
        let (breaker, places) = (Breaker::default(), Places::default());
        Ok(Some(Self(Arc::new(Inner { ollama, deadline, clock, breaker, places }))))
    }
}

fn deadline(environment: &Environment) -> Result<Duration, ConfigError> {
    const ALLOWED: &str = "a number of milliseconds from 100 to 60000";
    let millis = environment.parse::<u64>("OLLAMA_DEADLINE_MS", ALLOWED)?.unwrap_or(DEFAULT_DEADLINE_MS);
    if (100..=60_000).contains(&millis) {
        return Ok(Duration::from_millis(millis));
    }
    Err(wrong("OLLAMA_DEADLINE_MS", millis.to_string(), ALLOWED))
}

fn name(environment: &Environment) -> Result<String, ConfigError> {
    let name = environment.get("OLLAMA_MODEL")?.unwrap_or_else(|| DEFAULT_MODEL.to_owned());
    if name.bytes().all(|byte| byte.is_ascii_graphic()) && name.len() <= 200 {
        return Ok(name);
    }
    Err(wrong("OLLAMA_MODEL", name, "the name of a model, such as llama3.2"))
}

/// Gives the URL without a slash at its end.
fn url(environment: &Environment) -> Result<Option<String>, ConfigError> {
    const ALLOWED: &str = "an http:// or https:// URL such as http://127.0.0.1:11434";
    let Some(given) = environment.get("OLLAMA_URL")? else { return Ok(None) };
    if given.contains('@') {
        // Whatever stands before it may be a password.
        let allowed = format!("{ALLOWED}, without a user");
        return Err(ConfigError::InvalidSecret { name: "OLLAMA_URL".to_owned(), allowed });
    }
    let is_sound = |uri: &Uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.host().is_some_and(|host| !host.is_empty())
            && uri.query().is_none()
    };
    let is_sound = given.parse().is_ok_and(|uri| is_sound(&uri)) && !given.contains('#');
    if is_sound {
        Ok(Some(given.trim_end_matches('/').to_owned()))
    } else {
        Err(wrong("OLLAMA_URL", given, ALLOWED))
    }
}

fn wrong(name: &str, value: String, allowed: &str) -> ConfigError {
    ConfigError::Invalid { name: name.to_owned(), value, allowed: allowed.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Option<Model>, String> {
        let environment = Environment::from_pairs(pairs.iter().copied());
        Model::from_environment(&environment, Clock::system()).map_err(|error| error.to_string())
    }

    #[test]
    fn without_a_url_there_is_no_model_and_with_one_there_are_defaults() {
        assert!(read(&[("OLLAMA_MODEL", "qwen3:4b")]).is_ok_and(|model| model.is_none()));
        let model =
            read(&[("OLLAMA_URL", "http://localhost:11434/")]).expect("sound settings").expect("a model");
        assert_eq!(model.deadline(), Duration::from_secs(8));
        let short = [("OLLAMA_URL", "https://models.example.org/ollama"), ("OLLAMA_DEADLINE_MS", "100")];
        assert_eq!(read(&short).expect("sound settings").expect("a model").deadline().as_millis(), 100);
    }

    #[test]
    fn a_wrong_setting_is_one_line_that_names_it() {
        for (name, value) in [
            ("OLLAMA_URL", "localhost:11434"),
            ("OLLAMA_URL", "ftp://localhost"),
            ("OLLAMA_URL", "http://"),
            ("OLLAMA_URL", "http://localhost/?a=b"),
            ("OLLAMA_URL", "http://localhost/#a"),
            ("OLLAMA_URL", "http://me:hunter2@localhost"),
            ("OLLAMA_MODEL", "llama 3"),
            ("OLLAMA_DEADLINE_MS", "99"),
            ("OLLAMA_DEADLINE_MS", "60001"),
            ("OLLAMA_DEADLINE_MS", "soon"),
        ] {
            let said = read(&[(name, value)]).expect_err(value);
            assert!(said.starts_with(name) && !said.contains('\n') && !said.contains("hunter2"), "{said}");
        }
    }
}
