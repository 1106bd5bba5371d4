//! The feed of a user's changes, as somebody reads it who stays.

use events::Refusal;

pub use store::feed::{Change, Cursor, Listener, News, mark, marks};

use crate::{Application, refuse};

impl Application {
    /// Gives where a reader of the feed begins who has read everything else by then.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`].
    pub async fn feed_end(&self) -> Result<Cursor, Refusal> {
        self.store.feed_end().await.map_err(refuse)
    }

    /// Gives a user's changes after `cursor`; `None` when there are more than `most`, when some of them may be gone already, or nobody knows
    /// the cursor: then everything is to be read anew, from [`Application::feed_end`] on.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`].
    pub async fn news(&self, user_id: &str, cursor: &Cursor, most: usize) -> Result<Option<News>, Refusal> {
        self.store.news(user_id, cursor, most).await.map_err(refuse)
    }

    /// Listens for whose feeds have something new; `None` where nobody can be told.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`].
    pub async fn listen_to_feed(&self) -> Result<Option<Listener>, Refusal> {
        self.store.listen().await.map_err(refuse)
    }
}
