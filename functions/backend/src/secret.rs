//! A secret that this deployment made up for itself.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use runtime::clock::random;

/// By which name the secret of links in mails is kept.
pub(crate) const OF_LINKS: &str = "link-secret";

/// Gives a new secret: 32 random bytes in hexadecimal.
pub(crate) fn new() -> String {
    hex::encode(random::<32>())
}

/// Gives the secret that is kept in a folder by a name, and makes it the first time, for its owner only.
///
/// # Errors
/// When the file can not be read or written.
pub(crate) fn kept_in(folder: &Path, name: &str, make: impl FnOnce() -> String) -> io::Result<String> {
    let path = folder.join(name);
    match fs::read_to_string(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        found => return found.map(|secret| secret.trim().to_owned()),
    }
    fs::create_dir_all(folder)?;
    let secret = make().trim().to_owned();
    let unfinished = folder.join(format!(".{name}.unfinished"));
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
    writeln!(file, "{secret}")?;
    file.sync_all()?;
    fs::rename(&unfinished, &path)?;
    Ok(secret)
}
