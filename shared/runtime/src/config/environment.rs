//! The environment as a map, read once.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    fmt,
    path::Path,
    str::FromStr,
};

use super::ConfigError;
use crate::secrets::{Renewal, Source};

/// The variables of the process. An empty value counts as unset.
///
/// `NAME_FILE` names a file that holds the value of `NAME`, without the white space around it, as secrets are mounted.
#[derive(Clone, Default)]
pub struct Environment {
    variables: BTreeMap<OsString, OsString>,
    /// Where those came from that a store of secrets gave.
    sources: BTreeMap<String, Source>,
}

impl Environment {
    /// Reads the variables of this process: once, in `main`.
    #[expect(clippy::disallowed_methods, reason = "this is where settings come from")]
    pub fn process() -> Environment {
        Self::from_pairs(std::env::vars_os())
    }

    /// Makes an environment of the pairs given, for tests.
    pub fn from_pairs<N: Into<OsString>, V: Into<OsString>>(
        pairs: impl IntoIterator<Item = (N, V)>,
    ) -> Environment {
        let variables = pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        Environment { variables, sources: BTreeMap::new() }
    }

    /// Gives the names of the variables, of those with an empty value too.
    pub fn names(&self) -> impl Iterator<Item = &OsStr> {
        self.variables.keys().map(OsString::as_os_str)
    }

    /// Sets a variable.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Environment {
        self.variables.insert(name.into(), value.into());
        self.sources.remove(name);
        self
    }

    /// Sets a variable to what a store of secrets says, which can be asked again.
    #[must_use]
    pub(crate) fn with_secret(mut self, name: &str, value: &str, source: Source) -> Environment {
        self.variables.insert(name.into(), value.into());
        self.sources.insert(name.to_owned(), source);
        self
    }

    /// Gives what says how `name` reads by now: of a variable that a file or a store of secrets gives. One that was set itself never
    /// changes.
    ///
    /// # Errors
    /// The name of the file is not UTF-8.
    pub fn renewal(&self, name: &str) -> Result<Renewal, ConfigError> {
        if let Some(path) = self.text(&format!("{name}_FILE"))? {
            return Ok(Renewal::new(name, Source::File(path.into())));
        }
        Ok(self.sources.get(name).map_or_else(Renewal::never, |source| Renewal::new(name, source.clone())))
    }

    /// Gives the value of `name`, or the contents of the file that `name_FILE` names.
    ///
    /// # Errors
    /// Both are set, the file cannot be read, or the value is not UTF-8.
    pub fn get(&self, name: &str) -> Result<Option<String>, ConfigError> {
        let value = self.text(name)?;
        let Some(path) = self.text(&format!("{name}_FILE"))? else { return Ok(value) };
        if value.is_some() {
            return Err(ConfigError::Both { name: name.to_owned() });
        }
        match std::fs::read_to_string(Path::new(&path)) {
            Ok(contents) => Ok(Some(contents.trim().to_owned()).filter(|contents| !contents.is_empty())),
            Err(reason) => Err(ConfigError::File { name: name.to_owned(), path, reason }),
        }
    }

    /// Reads the value of `name` as a `T`; `allowed` says what it must be, for the message.
    ///
    /// # Errors
    /// Those of [`Environment::get`], and a value that is no `T`.
    pub fn parse<T: FromStr>(&self, name: &str, allowed: &str) -> Result<Option<T>, ConfigError> {
        let Some(value) = self.get(name)? else { return Ok(None) };
        match value.parse() {
            Ok(parsed) => Ok(Some(parsed)),
            Err(_) => Err(ConfigError::Invalid { name: name.to_owned(), value, allowed: allowed.to_owned() }),
        }
    }

    /// Reads the value of `name` as a `T`, keeping the value out of the message.
    ///
    /// # Errors
    /// Those of [`Environment::get`], and a value that is no `T`.
    pub fn parse_secret<T: FromStr>(&self, name: &str, allowed: &str) -> Result<Option<T>, ConfigError> {
        let Some(value) = self.get(name)? else { return Ok(None) };
        value
            .parse()
            .map(Some)
            .map_err(|_| ConfigError::InvalidSecret { name: name.to_owned(), allowed: allowed.to_owned() })
    }

    /// Gives the value of `name`, which cannot be done without.
    ///
    /// # Errors
    /// Those of [`Environment::get`], and the absence of the variable.
    pub fn require(&self, name: &str, allowed: &str) -> Result<String, ConfigError> {
        self.get(name)?
            .ok_or_else(|| ConfigError::Missing { name: name.to_owned(), allowed: allowed.to_owned() })
    }

    /// Reads the value of `name` as one of a few words.
    ///
    /// # Errors
    /// Those of [`Environment::get`], and any other word.
    pub fn one_of<T: Copy>(&self, name: &str, words: &[(&str, T)]) -> Result<Option<T>, ConfigError> {
        let Some(value) = self.get(name)? else { return Ok(None) };
        if let Some((_, meaning)) = words.iter().find(|(word, _)| *word == value) {
            return Ok(Some(*meaning));
        }
        let words: Vec<_> = words.iter().map(|(word, _)| *word).collect();
        let allowed = match words.split_last() {
            Some((last, [])) => (*last).to_owned(),
            Some((last, first)) => format!("{} or {last}", first.join(", ")),
            None => String::new(),
        };
        Err(ConfigError::Invalid { name: name.to_owned(), value, allowed })
    }

    fn text(&self, name: &str) -> Result<Option<String>, ConfigError> {
        match self.variables.get(OsStr::new(name)) {
            None => Ok(None),
            Some(value) => match value.to_str() {
                Some(text) => Ok(Some(text.to_owned()).filter(|text| !text.is_empty())),
                None => Err(ConfigError::NotUnicode { name: name.to_owned() }),
            },
        }
    }
}

/// Shows the names alone: the values may be secret.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.variables.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_can_come_from_a_file() {
        let path = std::env::temp_dir().join(format!("runtime-environment-{}", std::process::id()));
        std::fs::write(&path, "hunter2\n").expect("a file");
        let environment = Environment::from_pairs([("PASSWORD_FILE", path.as_os_str())]);
        assert_eq!(environment.get("PASSWORD").expect("a value").as_deref(), Some("hunter2"));
        let mut both = environment;
        both.variables.insert("PASSWORD".into(), "other".into());
        assert!(matches!(both.get("PASSWORD"), Err(ConfigError::Both { .. })));
        std::fs::remove_file(&path).expect("the file is ours");
        both.variables.remove(std::ffi::OsStr::new("PASSWORD"));
        assert!(both.get("PASSWORD").expect_err("no file").to_string().starts_with("PASSWORD_FILE is"));
    }

    #[test]
    fn an_empty_value_is_unset_and_a_secret_stays_out_of_the_message() {
        let environment = Environment::from_pairs([("A", ""), ("B", "hunter2")]);
        assert_eq!(environment.get("A").expect("a value"), None);
        assert_eq!(
            environment.require("A", "a word").expect_err("unset").to_string(),
            "A is not set; it must be a word"
        );
        let error = environment.parse_secret::<u16>("B", "a number").expect_err("no number");
        assert!(!error.to_string().contains("hunter2") && !format!("{environment:?}").contains("hunter2"));
    }

    #[cfg(unix)]
    #[test]
    fn a_value_that_is_not_unicode_is_refused_only_when_asked_for() {
        use std::os::unix::ffi::OsStringExt;
        let broken = OsString::from_vec(vec![0xff]);
        let environment = Environment::from_pairs([("A", broken), ("B", OsString::from("1"))]);
        assert_eq!(environment.parse::<u16>("B", "a number").expect("a value"), Some(1));
        assert!(matches!(environment.get("A"), Err(ConfigError::NotUnicode { .. })));
    }
}
