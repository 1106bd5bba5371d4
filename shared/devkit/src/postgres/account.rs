//! The operating-system account that the server runs as.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use super::layout::Layout;

/// The account that the server runs as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Account {
    /// The program's own.
    Own {
        /// Its user id.
        uid: u32,
    },
    /// Another one, because the program runs as root and PostgreSQL refuses to.
    Other {
        /// Its user id.
        uid: u32,
        /// Its group id.
        gid: u32,
    },
}

impl Account {
    /// The account for the server of a directory: the program's own; under root, the owner of the cluster that
    /// is there, else `postgres`, else `nobody`.
    pub(super) fn of_server(layout: &Layout) -> Result<Self> {
        let own_uid = rustix::process::geteuid().as_raw();
        let owner = match fs::symlink_metadata(&layout.server) {
            Ok(metadata) => Some((metadata.uid(), metadata.gid())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => {
                return Err(error).with_context(|| format!("failed to look at {}", layout.server.display()));
            }
        };
        match owner {
            Some((uid, _)) if own_uid != 0 && uid != own_uid => bail!(
                "the cluster in {} belongs to user {uid}, not to user {own_uid}; \
                 run as that user or set another DATA_DIR",
                layout.root.display()
            ),
            _ if own_uid != 0 => Ok(Self::Own { uid: own_uid }),
            Some((uid, gid)) if uid != 0 => Ok(Self::Other { uid, gid }),
            _ => {
                let passwd = fs::read_to_string("/etc/passwd").context("failed to read /etc/passwd")?;
                ["postgres", "nobody"]
                    .into_iter()
                    .find_map(|name| find(&passwd, name))
                    .map(|(uid, gid)| Self::Other { uid, gid })
                    .context("PostgreSQL does not run as root, and there is no user postgres or nobody")
            }
        }
    }

    /// The user id.
    pub(super) fn uid(self) -> u32 {
        match self {
            Self::Own { uid } | Self::Other { uid, .. } => uid,
        }
    }

    /// Has a command run as this account, in a clean environment and without supplementary groups.
    pub(super) fn runs(self, command: &mut Command) -> &mut Command {
        // PGDATA, PGOPTIONS and the like are none of the server's business; messages stay English.
        command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").env("LC_ALL", "C").current_dir("/");
        if let Self::Other { uid, gid } = self {
            command.uid(uid).gid(gid);
        }
        command
    }
}

/// The user and group id of a name in the text of `/etc/passwd`, unless that is root.
fn find(passwd: &str, name: &str) -> Option<(u32, u32)> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        if fields.next()? != name {
            return None;
        }
        let uid = fields.nth(1)?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        (uid != 0).then_some((uid, gid))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_found_by_its_whole_name() {
        let passwd =
            "root:x:0:0::/root:/bin/sh\npostgresql:x:7:8::/:/bin/sh\npostgres:x:101:104:,,,:/var:/bin/sh\n";
        assert_eq!(find(passwd, "postgres"), Some((101, 104)));
        assert_eq!(find(passwd, "nobody"), None);
        assert_eq!(find(passwd, "root"), None);
    }
}
