//! A secret that this deployment made up for itself.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use runtime::clock::random;

/// Gives a new secret: 32 random bytes in hexadecimal.
pub(crate) fn new() -> String {
    random::<32>().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Gives the secret that is kept in a folder, and makes it the first time, for its owner only.
///
/// # Errors
/// When the file can not be read or written.
pub(crate) fn kept_in(folder: &Path) -> io::Result<String> {
    let path = folder.join("link-secret");
    match fs::read_to_string(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        found => return found.map(|secret| secret.trim().to_owned()),
    }
    fs::create_dir_all(folder)?;
    let secret = new();
    let unfinished = folder.join(".link-secret.unfinished");
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
    writeln!(file, "{secret}")?;
    file.sync_all()?;
    fs::rename(&unfinished, &path)?;
    Ok(secret)
}
