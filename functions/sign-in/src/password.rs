//! Passwords: which are taken, and what is kept of them (NIST SP 800-63B-4 §3.1.1, OWASP's parameters of Argon2id).
//!
//! Any characters make a password, in any mixture. What zxcvbn (Wheeler, USENIX Security 2016) finds with fewer than a million guesses is
//! refused: the thirty thousand most frequent ones, names, words, dates, keyboard walks, repetitions, and the user's own address.

use std::sync::Arc;
use std::time::Duration;

use application::accounts::Email;
use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, PasswordHasher as _, PasswordVerifier as _};
use runtime::clock::random;
use runtime::problem::Problem;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use unicode_normalization::UnicodeNormalization as _;
use zxcvbn::{Score, zxcvbn};

/// How long a password is, in characters.
const SHORTEST: usize = 8;
const LONGEST: usize = 256;
/// How much of a password is looked at to say how soon it is guessed: more makes it no worse, and takes longer.
const LOOKED_AT: usize = 64;
/// The most hashes that are computed at once: each takes 19 MiB, and a processor for a while.
const AT_ONCE: usize = 2;
/// How long somebody waits for their turn.
const PATIENCE: Duration = Duration::from_secs(2);
/// What is kept of a password that nobody has: random bytes, in the form of every other.
const NOBODYS: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$JEEzCwRERyR4radWyFA1Iw$3e+iBrt87DwWsibRfEF8CSjpVXPy1o/LgZ7Xlu1dei8";
/// What must not make up a password here, beside the parts of the address.
const OF_THIS_PLACE: &str = "kaam";

/// A password as it is hashed: in one form of Unicode, so that it does not depend on the keyboard.
#[derive(Clone)]
pub(crate) struct Password(String);

impl Password {
    /// Takes what somebody signs in with; too long is never right, and not worth a hash.
    pub(crate) fn given(text: &str) -> Option<Self> {
        // Every character of the longest in four bytes, and room for another form of it.
        let is_bounded = text.len() <= 4 * 4 * LONGEST;
        is_bounded.then(|| Self(text.nfkc().collect()))
    }

    /// Takes what somebody chooses.
    ///
    /// # Errors
    /// Why it is not taken.
    fn chosen(text: &str, address: &str) -> Result<Self, String> {
        let too_long = || format!("must be {SHORTEST} to {LONGEST} characters long");
        let password = Self::given(text).ok_or_else(too_long)?;
        if !(SHORTEST..=LONGEST).contains(&password.0.chars().count()) {
            return Err(too_long());
        }
        if password.is_guessed_soon(address) {
            return Err(
                "is among the first million that are tried; choose a longer one, of several words".to_owned()
            );
        }
        Ok(password)
    }

    fn is_guessed_soon(&self, address: &str) -> bool {
        // zxcvbn tries every mixture of the signs that may stand for a letter, so each letter gets just one.
        let reduced = |text: &str| text.chars().take(LOOKED_AT).map(one_sign_a_letter).collect::<String>();
        let parts = address.split('@').chain(address.split(['@', '.']));
        let known: Vec<_> = parts.chain([address, OF_THIS_PLACE]).map(reduced).collect();
        let known: Vec<_> = known.iter().map(String::as_str).collect();
        zxcvbn(&reduced(&self.0), &known).score() < Score::Two
    }
}

fn one_sign_a_letter(sign: char) -> char {
    match sign {
        '@' => '4',
        '{' | '[' | '<' => '(',
        '!' | '|' => '1',
        '$' => '5',
        '+' => '7',
        other => other,
    }
}

/// Computes hashes, a few at a time.
#[derive(Clone, Debug)]
pub(crate) struct Hasher {
    turns: Arc<Semaphore>,
    patience: Duration,
}

impl Hasher {
    pub(crate) fn new() -> Self {
        Self { turns: Arc::new(Semaphore::new(AT_ONCE)), patience: PATIENCE }
    }

    /// Takes what somebody chooses, or says why not: to guess it takes time, too.
    pub(crate) async fn chosen(
        &self,
        text: &str,
        email: Option<&Email>,
    ) -> Result<Result<Password, String>, Problem> {
        let (text, address) =
            (text.to_owned(), email.map_or_else(String::new, |email| email.address.clone()));
        self.compute(move || Password::chosen(&text, &address)).await
    }

    /// Gives what is kept of a password.
    pub(crate) async fn hash(&self, password: Password) -> Result<String, Problem> {
        self.compute(move || {
            let hashed: Result<PasswordHash, _> =
                Argon2::default().hash_password_with_salt(password.0.as_bytes(), &random::<16>());
            hashed.map(|hash| hash.to_string()).map_err(|error| error.to_string())
        })
        .await?
        .map_err(|error| {
            tracing::error!(error, "a password could not be hashed");
            Problem::internal()
        })
    }

    /// Says whether a password is the one that something was kept of; where nothing was, it says no by the same work.
    pub(crate) async fn is_right(&self, password: Password, kept: Option<String>) -> Result<bool, Problem> {
        self.compute(move || match PasswordHash::new(kept.as_deref().unwrap_or(NOBODYS)) {
            Ok(kept) => Argon2::default().verify_password(password.0.as_bytes(), &kept).is_ok(),
            Err(error) => {
                tracing::error!(%error, "what is kept of a password can not be read");
                false
            }
        })
        .await
    }

    async fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let Ok(Ok(turn)) = timeout(self.patience, Arc::clone(&self.turns).acquire_owned()).await else {
            return Err(Problem::unavailable(1));
        };
        let done = tokio::task::spawn_blocking(move || {
            // Held until the work is done, also when nobody waits for it any more.
            let _turn = turn;
            work()
        });
        done.await.map_err(|error| {
            tracing::error!(%error, "a hash was not computed");
            Problem::internal()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> Option<String> {
        let email = Email::parse("amna.khan@example.org");
        Password::chosen(text, email.as_ref().map_or("", |email| &email.address)).err()
    }

    #[test]
    fn a_password_is_long_enough_and_nothing_else_is_asked_of_it() {
        let longest = "correct horse battery staple ".repeat(9);
        for text in ["xkqvbnwe", "correct horse battery staple", "دودھ لانا ہے", &longest[..256]] {
            assert_eq!(refusal(text), None, "{text:?}");
        }
        for text in ["", "xkqvbnw", &"x".repeat(257), &"😀".repeat(10_000)] {
            assert!(refusal(text).is_some_and(|why| why.contains("8 to 256")), "{text:?}");
        }
        assert_eq!(refusal("😀🐫🌙🍵📎🎈🧭🪔"), None, "characters, not bytes");
    }

    #[tokio::test]
    async fn where_nothing_is_kept_the_work_is_that_of_what_is() {
        let hasher = Hasher::new();
        let password = Password::given("xkqvbnwe").expect("short enough");
        let kept = hasher.hash(password.clone()).await.expect("it is hashed");
        // All but the salt and the hash themselves, and how long these are.
        let form = |hash: &str| {
            let parts = hash.split('$').map(str::to_owned).collect::<Vec<_>>();
            (parts[..4].to_vec(), parts[4..].iter().map(String::len).collect::<Vec<_>>())
        };
        assert_eq!(form(NOBODYS), form(&kept));
        assert!(PasswordHash::new(NOBODYS).is_ok());
        assert!(!hasher.is_right(password.clone(), None).await.expect("it is computed"));
        assert!(hasher.is_right(password, Some(kept)).await.expect("it is computed"));
    }

    #[test]
    fn what_everybody_tries_first_is_refused() {
        for text in [
            "password",
            "12345678",
            "PassWord1",
            "P@ssw0rd",
            "ｐａｓｓｗｏｒｄ",
            "qwertyuiop",
            "11.06.1999",
            "kaamkaam",
            "amna.khan@example.org",
            "AMNA.KHAN",
            "example.org",
            "nahkanma",
            "        x",
            &"x".repeat(256),
        ] {
            assert!(refusal(text).is_some_and(|why| why.contains("first million")), "{text:?}");
        }
    }

    #[test]
    fn no_password_takes_long_to_look_at() {
        let signs = "4@8({[<369&#!1|0$5+7%2";
        let digits = "8273645019".repeat(25);
        for text in [signs, &signs[..16], &signs.repeat(11), &digits, &"a4".repeat(128)] {
            let watch = runtime::clock::Stopwatch::start();
            let _ = refusal(text);
            // It was 23 s, of a program that is not optimised.
            assert!(watch.elapsed() < Duration::from_secs(3), "{text}: {:?}", watch.elapsed());
        }
    }

    #[tokio::test]
    async fn a_hash_is_argon2id_with_a_salt_of_its_own_and_knows_its_password_in_any_form() {
        let hasher = Hasher::new();
        let given = |text: &str| Password::given(text).expect("it is bounded");
        let composed = "pass\u{e9}word";
        let first = hasher.hash(given(composed)).await.expect("a hash");
        assert!(first.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{first}");
        assert_ne!(first, hasher.hash(given(composed)).await.expect("a hash"));
        assert!(hasher.is_right(given("passe\u{301}word"), Some(first.clone())).await.expect("an answer"));
        assert!(!hasher.is_right(given("passeword"), Some(first)).await.expect("an answer"));
        assert!(!hasher.is_right(given(composed), None).await.expect("an answer"));
        assert!(!hasher.is_right(given(composed), Some("no hash".to_owned())).await.expect("an answer"));
    }

    #[tokio::test]
    async fn who_comes_when_too_many_are_at_it_is_told_to_come_back() {
        let hasher = Hasher { patience: Duration::from_millis(10), ..Hasher::new() };
        let all = Arc::clone(&hasher.turns).acquire_many_owned(2).await.expect("turns");
        let refused = hasher.hash(Password::given("correct horse").expect("bounded")).await;
        assert_eq!(refused.expect_err("no turn").status(), 503);
        drop(all);
        assert!(hasher.hash(Password::given("correct horse").expect("bounded")).await.is_ok());
    }
}
