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
    // Whole, and of one maker, however many there are: it gets its name only when it is written, and only if there is none.
    let secret = make().trim().to_owned();
    let unfinished = folder.join(format!(".{name}.{}", hex::encode(random::<8>())));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
    writeln!(file, "{secret}")?;
    file.sync_all()?;
    let named = fs::hard_link(&unfinished, &path);
    fs::remove_file(&unfinished)?;
    match named {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            fs::read_to_string(&path).map(|secret| secret.trim().to_owned())
        }
        named => named.map(|()| secret),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::thread;

    use super::*;

    #[test]
    fn of_many_who_make_a_secret_at_once_all_have_the_one_that_is_kept() {
        let folder = std::env::temp_dir().join(format!("backend-secret-{}", std::process::id()));
        let start = Barrier::new(8);
        let make = || {
            // All have looked, and found none.
            start.wait();
            new()
        };
        let secrets: Vec<_> = thread::scope(|scope| {
            let makers: Vec<_> =
                (0..8).map(|_| scope.spawn(|| kept_in(&folder, OF_LINKS, make).expect("a folder"))).collect();
            makers.into_iter().map(|maker| maker.join().expect("no panic")).collect()
        });
        let kept = kept_in(&folder, OF_LINKS, new).expect("it is there");
        assert!(kept.len() == 64 && secrets.iter().all(|secret| *secret == kept), "{secrets:?}");
        assert_eq!(fs::read_dir(&folder).expect("a folder").count(), 1);
        fs::remove_dir_all(&folder).expect("the folder is ours");
    }
}
