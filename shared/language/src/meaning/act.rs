//! What can be asked to be done to a task that exists, beside changing it.

use crate::{Action, Target};

/// An act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    /// It is done.
    Complete,
    /// It is open again.
    Reopen,
    /// It is gone.
    Delete,
}

impl Act {
    /// Gives the act on a task.
    pub(crate) fn on(self, target: Target) -> Action {
        match self {
            Self::Complete => Action::Complete { target },
            Self::Reopen => Action::Reopen { target },
            Self::Delete => Action::Delete { target },
        }
    }
}
