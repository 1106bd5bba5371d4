//! Mails through Amazon SES (API v2, `SendEmail`).

use std::time::Duration;

use anyhow::ensure;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, ConfigLoader};
use aws_sdk_sesv2::Client;
use aws_sdk_sesv2::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_sesv2::operation::send_email::SendEmailError;
use aws_sdk_sesv2::primitives::Blob;
use aws_sdk_sesv2::types::{Destination, EmailContent, MessageTag, RawMessage};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use lettre::message::Message;

use super::{DEADLINE, Letter};
use crate::delivery::Undelivered;

/// Sends mails through SES.
#[derive(Clone)]
pub struct Ses(Client);

impl Ses {
    /// Finds region, credentials and endpoint as every AWS program does (`AWS_REGION`, `AWS_ENDPOINT_URL`, roles, …).
    ///
    /// # Errors
    /// When no region is named.
    pub async fn from_aws_environment() -> anyhow::Result<Self> {
        Self::from_loader(aws_config::defaults(BehaviorVersion::latest())).await
    }

    /// Finds them by a loader that knows some already.
    ///
    /// # Errors
    /// When no region is named.
    pub async fn from_loader(loader: ConfigLoader) -> anyhow::Result<Self> {
        let https = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
        let config = loader
            .http_client(https)
            // The reminder has its own clock for that.
            .retry_config(RetryConfig::disabled())
            .timeout_config(TimeoutConfig::builder().operation_timeout(DEADLINE).build())
            .load()
            .await;
        ensure!(
            config.region().is_some(),
            "AWS_REGION is not set; it must be the region of SES such as eu-west-1"
        );
        Ok(Self(Client::new(&config)))
    }

    /// SES writes a Message-ID of its own; a repeated mail is recognised by the tag `delivery_id`.
    pub(super) async fn send(&self, letter: &Letter<'_>, message: Message) -> Result<(), Undelivered> {
        let unsound = |error| Undelivered::permanent(format!("the mail could not be composed: {error}"));
        let raw = RawMessage::builder().data(Blob::new(message.formatted())).build().map_err(unsound)?;
        let tag = MessageTag::builder().name("delivery_id").value(letter.delivery_id.to_string());
        let sent = self
            .0
            .send_email()
            .from_email_address(letter.from.to_string())
            .destination(Destination::builder().to_addresses(letter.to.email.to_string()).build())
            .content(EmailContent::builder().raw(raw).build())
            .email_tags(tag.build().map_err(unsound)?)
            .send()
            .await;
        sent.map(|_| ()).map_err(|error| undelivered(&error))
    }
}

/// Only what speaks of this very mail is for good; all else, such as throttling, a sender that is not verified or missing rights,
/// passes or can be mended by whoever runs Kaam.
fn undelivered(error: &SdkError<SendEmailError>) -> Undelivered {
    let service = error.as_service_error();
    let code = service.and_then(ProvideErrorMetadata::code).unwrap_or_default();
    let message = service.and_then(ProvideErrorMetadata::message).map(str::to_owned);
    let words = message.unwrap_or_else(|| DisplayErrorContext(error).to_string());
    let reason = format!("Amazon SES refused or failed: {code} {words}").replace(['\n', '\r'], " ");
    match code {
        "MessageRejected" | "BadRequestException" => Undelivered::permanent(reason),
        _ => Undelivered::temporary(reason).after(retry_after(error)),
    }
}

fn retry_after(error: &SdkError<SendEmailError>) -> Option<Duration> {
    let seconds = error.raw_response()?.headers().get("retry-after")?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}
