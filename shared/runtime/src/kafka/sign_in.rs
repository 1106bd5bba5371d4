//! How clients of a cluster sign in.

use std::error::Error;

use rdkafka::{
    ClientContext,
    client::OAuthToken,
    config::{ClientConfig, FromClientConfigAndContext},
    consumer::ConsumerContext,
    error::KafkaResult,
};

use super::{Settings, Tokens};

/// Signs a client in by tokens, where the settings say so; librdkafka asks for the next one before the last has expired.
#[derive(Clone, Default)]
pub(crate) struct SignIn(Option<Tokens>);

impl SignIn {
    pub(crate) fn new(settings: &Settings) -> SignIn {
        SignIn(settings.tokens())
    }

    /// Tells whether it signs in by tokens.
    pub(crate) fn is_by_token(&self) -> bool {
        self.0.is_some()
    }

    /// Makes a client that signs in so.
    pub(crate) fn create<T: FromClientConfigAndContext<SignIn>>(
        &self,
        config: &ClientConfig,
    ) -> KafkaResult<T> {
        config.create_with_context(self.clone())
    }

    /// Gives a new token. Nobody but AWS reads whose it is, and finds that in the token.
    pub(crate) fn token(&self) -> Result<OAuthToken, Box<dyn Error>> {
        let tokens = self.0.as_ref().ok_or("no tokens are to be used")?;
        let (token, lifetime_ms) = tokens()?;
        Ok(OAuthToken { token, principal_name: String::new(), lifetime_ms })
    }
}

impl ClientContext for SignIn {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn generate_oauth_token(&self, _: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        self.token()
    }
}

impl ConsumerContext for SignIn {}
