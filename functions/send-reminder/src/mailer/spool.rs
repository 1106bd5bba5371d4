//! Mails into a folder, for whoever runs Kaam without a mail service.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use uuid::Uuid;

use crate::delivery::Undelivered;

/// Writes mails into a folder.
#[derive(Clone)]
pub(super) struct Spool(Arc<Path>);

impl Spool {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self(folder.into())
    }

    pub(super) async fn write(&self, id: Uuid, content: Vec<u8>) -> Result<(), Undelivered> {
        let folder = Arc::clone(&self.0);
        match tokio::task::spawn_blocking(move || write_whole(&folder, id, &content)).await {
            Ok(Ok(path)) => {
                tracing::info!(path = %path.display(), "mail written");
                Ok(())
            }
            Ok(Err(error)) => Err(Undelivered::temporary(format!("the mail could not be written: {error}"))),
            Err(_) => Err(Undelivered::temporary("writing the mail was cut off")),
        }
    }
}

/// Writes a mail beside its place, makes it durable, and moves it there: a reader sees all of it or nothing. The links in it act without
/// signing in, so no other account of this machine may read it.
fn write_whole(folder: &Path, id: Uuid, content: &[u8]) -> io::Result<PathBuf> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let (path, unfinished) = (folder.join(format!("{id}.eml")), folder.join(format!(".{id}.unfinished")));
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&unfinished, &path)?;
    File::open(folder)?.sync_all()?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_mail_is_nobody_elses_and_may_be_written_again() -> io::Result<()> {
        let above = std::env::temp_dir().join(format!("send-reminder-spool-{}", std::process::id()));
        let folder = above.join("mail");
        for content in [&b"the first"[..], b"again"] {
            let path = write_whole(&folder, Uuid::nil(), content)?;
            assert_eq!(fs::read(&path)?, content);
            let mode = |path: &Path| Ok::<_, io::Error>(fs::metadata(path)?.permissions().mode() & 0o777);
            assert_eq!([mode(&above)?, mode(&folder)?, mode(&path)?], [0o700, 0o700, 0o600]);
        }
        fs::remove_dir_all(above)
    }
}
