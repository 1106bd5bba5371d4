//! One stream, from the first message to its end.

use std::convert::Infallible;
use std::time::Duration;

use application::feed::{Cursor, News};
use axum::body::Body;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use events::Refusal;
use futures::stream;
use runtime::backoff::PAUSE;
use runtime::clock::{Clock, Stopwatch, random_fraction};
use tokio::sync::mpsc;
use tokio::time::{interval_at, sleep, timeout};
use tracing::{Instrument as _, Span};

use crate::message::{HEARTBEAT, Message, render};
use crate::streams::Place;

/// How many changes somebody may have missed and still be told of each; reading everything anew costs less than more of them.
const MOST_MISSED: usize = 1_000;
/// How often something is sent when nothing happens: proxies close what is silent for a minute.
const HEARTBEAT_EVERY: Duration = Duration::from_secs(15);
/// How many pieces wait for a reader at most.
const WAITING: usize = 4;
/// The longest life of a stream: one whose client vanished without a word is given up, and deployments get their share of streams. A
/// tenth of it is left to chance, lest all come back at once.
const LONGEST: Duration = Duration::from_secs(30 * 60);

/// What becomes a stream.
pub(crate) struct Stream {
    pub(crate) place: Place,
    pub(crate) user_id: String,
    pub(crate) clock: Clock,
    /// When the caller's token is over.
    pub(crate) expires_at: Option<DateTime<Utc>>,
}

impl Stream {
    /// Begins after `last`, or now, and gives the body of the answer.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`]: nothing was sent yet.
    pub(crate) async fn begin(self, last: Option<Result<Cursor, ()>>) -> Result<Body, Refusal> {
        let (first, cursor) = match last {
            None => self.anew(false).await?,
            Some(Err(())) => self.anew(true).await?,
            Some(Ok(cursor)) => match self.news(&cursor).await? {
                None => self.anew(true).await?,
                Some(news) => {
                    let ready = std::iter::once(Message::Ready(&cursor));
                    (render(ready.chain(messages(&news))), news.cursor())
                }
            },
        };
        let (sender, receiver) = mpsc::channel(WAITING);
        sender.try_send(first).expect("there is room for the first");
        tokio::spawn(self.run(sender, cursor).instrument(Span::current()));
        let pieces = stream::unfold(receiver, |mut receiver| async move {
            let piece: Bytes = receiver.recv().await?;
            Some((Ok::<_, Infallible>(piece), receiver))
        });
        Ok(Body::from_stream(pieces))
    }

    /// Begins at the end of the feed.
    async fn anew(&self, is_reset: bool) -> Result<(Bytes, Cursor), Refusal> {
        let cursor = self.place.streams().application().feed_end().await?;
        let reset = is_reset.then_some(Message::Reset);
        Ok((render(reset.into_iter().chain([Message::Ready(&cursor)])), cursor))
    }

    async fn news(&self, cursor: &Cursor) -> Result<Option<News>, Refusal> {
        self.place.streams().application().news(&self.user_id, cursor, MOST_MISSED).await
    }

    /// Sends until it has to end, and says why.
    async fn run(self, sender: mpsc::Sender<Bytes>, cursor: Cursor) {
        let watch = Stopwatch::start();
        let longest = LONGEST.mul_f64(1.0 - random_fraction() / 10.0);
        let expired = async {
            match self.expires_at {
                Some(at) => self.clock.sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        let why = tokio::select! {
            biased;
            () = self.place.streams().stop().cancelled() => "stopping",
            () = expired => "token expired",
            () = sender.closed() => "caller went away",
            () = sleep(longest) => "old",
            why = self.send(&sender, cursor) => why,
        };
        let duration_ms = watch.elapsed().as_secs_f64() * 1_000.0;
        tracing::info!(outcome = why, duration_ms, "stream ended");
    }

    async fn send(&self, sender: &mpsc::Sender<Bytes>, mut cursor: Cursor) -> &'static str {
        let mut heartbeat = interval_at(tokio::time::Instant::now() + HEARTBEAT_EVERY, HEARTBEAT_EVERY);
        loop {
            let piece = tokio::select! {
                () = self.place.told() => {
                    let looked = self.look(&mut cursor).await;
                    self.place.streams().note(looked.as_ref().err());
                    match looked {
                        Ok(piece) => piece,
                        Err(_) => {
                            sleep(PAUSE).await;
                            self.place.look_again();
                            None
                        }
                    }
                }
                _ = heartbeat.tick() => Some(HEARTBEAT),
            };
            let Some(piece) = piece else { continue };
            match timeout(self.place.streams().limits().patience, sender.send(piece)).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return "caller went away",
                Err(_) => return "reader too slow",
            }
        }
    }

    /// Gives what is new, if anything is.
    async fn look(&self, cursor: &mut Cursor) -> Result<Option<Bytes>, Refusal> {
        let (piece, next) = match self.news(cursor).await? {
            None => {
                let (piece, next) = self.anew(true).await?;
                (Some(piece), next)
            }
            Some(news) => ((!news.is_empty()).then(|| render(messages(&news))), news.cursor()),
        };
        *cursor = next;
        Ok(piece)
    }
}

fn messages(news: &News) -> impl Iterator<Item = Message<'_>> {
    news.changes().map(|(cursor, change)| Message::Changed(cursor, change))
}
