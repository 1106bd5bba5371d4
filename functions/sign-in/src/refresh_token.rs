//! Refresh tokens: whose, of which session, and a secret.

use application::accounts::Hash;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use runtime::auth::SigningKeys;
use runtime::clock::random;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// Two identifiers and the secret, in bytes.
const LENGTH: usize = 16 + 16 + 32;
/// How much of the secret nobody can guess; the rest shows that it was issued here.
const UNGUESSABLE: usize = 16;

const FOLLOWS: &str = "kaam: the refresh token that follows";
const ISSUED: &str = "kaam: a refresh token that was issued here";

/// A refresh token. Users of accounts are UUIDs.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct RefreshToken {
    pub(crate) user_id: Uuid,
    pub(crate) session_id: Uuid,
    secret: [u8; 32],
}

impl RefreshToken {
    /// Makes the first one of a session.
    pub(crate) fn first(user_id: Uuid, session_id: Uuid, keys: &SigningKeys) -> Self {
        Self { user_id, session_id, secret: random() }.issued(keys)
    }

    /// Makes the one that follows: as random as this one for whoever does not have the signing key, and the same whenever this one is
    /// used, so that an answer that was lost can be given again though only hashes are kept.
    pub(crate) fn next(&self, keys: &SigningKeys) -> Self {
        let message = [&self.session_id.as_bytes()[..], &self.secret].concat();
        Self { secret: keys.derive(FOLLOWS, &message), ..self.clone() }.issued(keys)
    }

    /// Tells whether it was issued with one of these keys. What was made up of a session's id was not, and must not end that session
    /// as a token does that is used twice.
    pub(crate) fn was_issued(&self, keys: &SigningKeys) -> bool {
        keys.has_derived(ISSUED, &self.unguessable(), &self.secret[UNGUESSABLE..])
    }

    fn issued(mut self, keys: &SigningKeys) -> Self {
        let mark = keys.derive(ISSUED, &self.unguessable());
        let (_, rest) = self.secret.split_at_mut(UNGUESSABLE);
        rest.copy_from_slice(&mark[..rest.len()]);
        self
    }

    fn unguessable(&self) -> Vec<u8> {
        [&self.user_id.as_bytes()[..], self.session_id.as_bytes(), &self.secret[..UNGUESSABLE]].concat()
    }

    /// Reads one; `None` for what none of ours looks like.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; LENGTH] = URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?;
        let (user_id, rest) = bytes.split_at(16);
        let (session_id, secret) = rest.split_at(16);
        let id = |bytes| Uuid::from_slice(bytes).ok();
        Some(Self { user_id: id(user_id)?, session_id: id(session_id)?, secret: secret.try_into().ok()? })
    }

    /// Gives it as it is handed out.
    pub(crate) fn text(&self) -> String {
        let ids = [&self.user_id.as_bytes()[..], self.session_id.as_bytes()].concat();
        URL_SAFE_NO_PAD.encode([&ids[..], &self.secret].concat())
    }

    /// Gives what is kept of it.
    pub(crate) fn hash(&self) -> Hash {
        Sha256::digest(self.secret).into()
    }
}

#[cfg(test)]
mod tests {
    use runtime::config::Environment;

    use super::*;

    #[test]
    fn a_token_is_read_as_it_was_written_and_its_successor_is_always_the_same() {
        let keys = || {
            let environment = Environment::from_pairs([("SIGNING_KEY", SigningKeys::generate())]);
            SigningKeys::from_environment(&environment).expect("a key").expect("it is set")
        };
        let (ours, others) = (keys(), keys());
        let token = RefreshToken::first(Uuid::from_u128(1), Uuid::from_u128(2), &ours);
        assert!(RefreshToken::parse(&token.text()) == Some(token.clone()));
        let next = token.next(&ours);
        assert!(next == token.next(&ours) && next != token && next != token.next(&others));
        assert!(
            next.next(&ours) != next && (next.user_id, next.session_id) == (token.user_id, token.session_id)
        );
        assert!(RefreshToken::first(token.user_id, token.session_id, &ours) != token);
        assert!(token.was_issued(&ours) && next.was_issued(&ours) && !token.was_issued(&others));
        let of_another = RefreshToken { session_id: Uuid::from_u128(3), ..token.clone() };
        let made_up = RefreshToken { secret: random(), ..token.clone() };
        assert!(!of_another.was_issued(&ours) && !made_up.was_issued(&ours));
        let [old, new] = [(); 2].map(|()| SigningKeys::generate());
        let keys = |pairs: &[(&str, &String)]| {
            let environment = Environment::from_pairs(pairs.iter().map(|(name, key)| (*name, key.as_str())));
            SigningKeys::from_environment(&environment).expect("keys").expect("they are set")
        };
        let before = keys(&[("SIGNING_KEY", &old)]);
        let token = RefreshToken::first(Uuid::from_u128(1), Uuid::from_u128(2), &before);
        assert!(token.was_issued(&keys(&[("SIGNING_KEY", &new), ("SIGNING_KEY_PREVIOUS", &old)])));
        assert!(!token.was_issued(&keys(&[("SIGNING_KEY", &new)])));
        for text in
            ["", "x", &token.text()[1..], &format!("{}A", token.text()), &format!("{}=", token.text())]
        {
            assert!(RefreshToken::parse(text).is_none(), "{text}");
        }
    }
}
