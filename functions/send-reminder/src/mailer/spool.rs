//! Mails into a folder, for whoever runs Kaam without a mail service.

use std::fs::{self, File};
use std::io::{self, Write};
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

/// Writes a mail beside its place, makes it durable, and moves it there: a reader sees all of it or nothing.
fn write_whole(folder: &Path, id: Uuid, content: &[u8]) -> io::Result<PathBuf> {
    fs::create_dir_all(folder)?;
    let (path, unfinished) = (folder.join(format!("{id}.eml")), folder.join(format!(".{id}.unfinished")));
    let mut file = File::create(&unfinished)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&unfinished, &path)?;
    File::open(folder)?.sync_all()?;
    Ok(path)
}
