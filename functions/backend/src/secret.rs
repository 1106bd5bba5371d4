//! A secret that this deployment made up for itself.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use anyhow::Context as _;
use runtime::clock::random;
use runtime::config::Environment;
use rustix::fs::{CWD, RenameFlags, renameat_with};

use crate::serve;

/// By which name the secret of links in mails is kept.
pub(crate) const OF_LINKS: &str = "link-secret";

/// Gives a new secret: 32 random bytes in hexadecimal.
pub(crate) fn new() -> String {
    hex::encode(random::<32>())
}

/// Gives what is kept in `DATA_DIR` by a name, and makes it the first time; `what` says in errors what it is.
pub(crate) fn kept(
    environment: &Environment,
    name: &str,
    what: &str,
    make: impl FnOnce() -> String,
) -> anyhow::Result<String> {
    let data_dir = serve::private_options(environment)?.data_dir;
    kept_in(&data_dir, name, make).with_context(|| {
        format!("DATA_DIR is {:?}; {what} could not be kept there", data_dir.display().to_string())
    })
}

/// Gives the secret that is kept in a folder by a name, and makes it the first time, for its owner only.
///
/// # Errors
/// When the file can not be read or written.
pub(crate) fn kept_in(folder: &Path, name: &str, make: impl FnOnce() -> String) -> io::Result<String> {
    kept_by(&[renamed, linked], folder, name, make)
}

/// A way to give a file another name, if nobody has that.
type Naming = fn(&Path, &Path) -> io::Result<()>;

fn renamed(from: &Path, to: &Path) -> io::Result<()> {
    Ok(renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE)?)
}

fn linked(from: &Path, to: &Path) -> io::Result<()> {
    fs::hard_link(from, to)?;
    fs::remove_file(from)
}

/// The same by the first way that the volume has: links are not there on exFAT, such renaming is not on NFS.
fn kept_by(ways: &[Naming], folder: &Path, name: &str, make: impl FnOnce() -> String) -> io::Result<String> {
    let path = folder.join(name);
    match fs::read_to_string(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        found => return found.map(|secret| secret.trim().to_owned()),
    }
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    // Whole, and of one maker, however many there are: it gets its name only when it is written, and only if there is none.
    let secret = make().trim().to_owned();
    let unfinished = folder.join(format!(".{name}.{}", hex::encode(random::<8>())));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
    writeln!(file, "{secret}")?;
    file.sync_all()?;
    let next_way = |named: io::Result<()>, way: &Naming| match named {
        Err(error) if is_missing(&error) => way(&unfinished, &path),
        named => named,
    };
    let named = ways.iter().fold(Err(io::ErrorKind::Unsupported.into()), next_way);
    if named.is_err() {
        fs::remove_file(&unfinished)?;
    }
    match named {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            fs::read_to_string(&path).map(|secret| secret.trim().to_owned())
        }
        named => named.map(|()| secret),
    }
}

/// Says whether it is the volume that does not know this way.
fn is_missing(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidInput, PermissionDenied, Unsupported};
    matches!(error.kind(), InvalidInput | PermissionDenied | Unsupported)
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::thread;

    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn of_many_who_make_a_secret_at_once_all_have_the_one_that_is_kept() {
        // As exFAT says it of links, and NFS of renaming.
        let no_links: Naming = |_, _| Err(rustix::io::Errno::PERM.into());
        let no_renaming: Naming = |_, _| Err(rustix::io::Errno::INVAL.into());
        let ways: [[Naming; 2]; 4] =
            [[renamed, no_links], [linked, renamed], [no_renaming, linked], [no_links, renamed]];
        for (number, ways) in ways.iter().enumerate() {
            let folder = std::env::temp_dir().join(format!("backend-secret-{}-{number}", std::process::id()));
            let start = Barrier::new(8);
            let make = || {
                // All have looked, and found none.
                start.wait();
                new()
            };
            let secrets: Vec<_> = thread::scope(|scope| {
                let one = || kept_by(ways, &folder, OF_LINKS, make).expect("a folder");
                let makers: Vec<_> = (0..8).map(|_| scope.spawn(one)).collect();
                makers.into_iter().map(|maker| maker.join().expect("no panic")).collect()
            });
            let kept = kept_in(&folder, OF_LINKS, new).expect("it is there");
            assert!(kept.len() == 64 && secrets.iter().all(|secret| *secret == kept), "{secrets:?}");
            assert_eq!(fs::read_dir(&folder).expect("a folder").count(), 1);
            let mode = fs::metadata(&folder).expect("a folder").permissions().mode();
            assert_eq!(mode & 0o777, 0o700, "it is nobody else's");
            let nobody = kept_by(&[no_renaming, no_links], &folder, "other", new);
            assert!(nobody.is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied));
            assert_eq!(fs::read_dir(&folder).expect("a folder").count(), 1, "nothing is left behind");
            fs::remove_dir_all(&folder).expect("the folder is ours");
        }
    }
}
