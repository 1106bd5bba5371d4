//! Builds the page in `page/` with Node.js and npm, and lists its files for `lib.rs`.
//!
//! All is done in `OUT_DIR`, on a copy: what a build leaves beside the sources would count as a change of them, and the next build would
//! begin anew. Packages are what `package-lock.json` says, run nothing of theirs while they are installed, and are taken from npm's cache
//! where they are in it, so that a second build needs no network.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io};

use anyhow::{Context, bail, ensure};
use sha2::{Digest, Sha256};

/// What esbuild and this build run on; Debian 12 has it.
const OLDEST_NODE: u32 = 18;

/// What is made in `page/` by working on it, and belongs to no build.
const MADE: [&str; 2] = ["node_modules", "dist"];

/// The `Content-Type` of each ending that a file of the page may have.
const TYPES: [(&str, &str); 9] = [
    ("css", "text/css; charset=utf-8"),
    ("html", "text/html; charset=utf-8"),
    ("js", "text/javascript; charset=utf-8"),
    ("json", "application/json"),
    ("png", "image/png"),
    ("svg", "image/svg+xml"),
    ("txt", "text/plain; charset=utf-8"),
    ("webmanifest", "application/manifest+json"),
    ("woff2", "font/woff2"),
];

fn main() -> anyhow::Result<()> {
    #[expect(
        clippy::disallowed_methods,
        reason = "Cargo tells a build script where to write in this way only"
    )]
    let out = PathBuf::from(std::env::var_os("OUT_DIR").context("Cargo names no OUT_DIR")?);
    let (page, files) = (out.join("page"), out.join("files"));
    println!("cargo:rerun-if-changed=compress.mjs");
    for entry in entries(Path::new("page"))? {
        println!("cargo:rerun-if-changed={}", entry.display());
    }
    refuse_old_node()?;
    copy_sources(Path::new("page"), &page)?;
    install(&page)?;
    empty(&files)?;
    run(Command::new("npm")
        .args(["run", "--silent", "build"])
        .current_dir(&page)
        .env("KAAM_PAGE_OUT", &files))?;
    run(Command::new("node").arg("compress.mjs").arg(&files))?;
    fs::write(out.join("files.rs"), listed(&files)?)
        .context("the list of the page's files can not be written")
}

/// Says what is missing in one line, before npm would in fifty.
fn refuse_old_node() -> anyhow::Result<()> {
    let needed = format!("Node.js {OLDEST_NODE} or newer, with npm, is needed to build the page");
    for program in ["node", "npm"] {
        let version = match Command::new(program).arg("--version").output() {
            Ok(output) => String::from_utf8_lossy(&output.stdout).into_owned(),
            Err(reason) => bail!("{needed}; {program} can not be run: {reason} (`make run` installs it)"),
        };
        let major = version.trim().trim_start_matches('v').split('.').next().unwrap_or_default();
        let is_old = program == "node" && major.parse().is_ok_and(|major: u32| major < OLDEST_NODE);
        ensure!(!is_old, "{needed}; here is {}", version.trim());
    }
    Ok(())
}

/// Brings the copy to what the sources are now, and leaves the packages in it.
fn copy_sources(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(to)?;
    for old in entries(to)? {
        if old.is_dir() { fs::remove_dir_all(&old) } else { fs::remove_file(&old) }?;
    }
    for entry in entries(from)? {
        copy(&entry, &to.join(entry.file_name().unwrap_or_default()))?;
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    if !from.is_dir() {
        fs::copy(from, to).with_context(|| format!("{} can not be copied", from.display()))?;
        return Ok(());
    }
    fs::create_dir_all(to)?;
    for entry in entries(from)? {
        copy(&entry, &to.join(entry.file_name().unwrap_or_default()))?;
    }
    Ok(())
}

/// Installs what the build needs, unless it is there already.
fn install(page: &Path) -> anyhow::Result<()> {
    let (lock, installed) = (page.join("package-lock.json"), page.join("node_modules/.installed"));
    let wanted = fs::read(&lock).context("page/package-lock.json can not be read")?;
    if fs::read(&installed).is_ok_and(|had| had == wanted) {
        return Ok(());
    }
    // What only tests and checks need is left out.
    let arguments = [
        "ci",
        "--ignore-scripts",
        "--omit=dev",
        "--prefer-offline",
        "--no-audit",
        "--no-fund",
        "--loglevel=error",
    ];
    run(Command::new("npm").args(arguments).current_dir(page))?;
    fs::create_dir_all(page.join("node_modules"))?;
    Ok(fs::write(installed, wanted)?)
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let output = command.output().with_context(|| format!("{command:?} can not be run"))?;
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    ensure!(
        output.status.success(),
        "{command:?} failed:\n{}\n{}",
        said(&output.stdout),
        said(&output.stderr)
    );
    Ok(())
}

/// Makes a folder that is empty.
fn empty(folder: &Path) -> io::Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder)
}

/// Gives what is in a folder, in order, without what is made there.
fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut entries = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    entries.retain(|path| !MADE.iter().any(|made| path.file_name() == Some(OsStr::new(made))));
    entries.sort();
    Ok(entries)
}

/// Gives every file below a folder, but what brotli and gzip made.
fn plain_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in entries(folder)? {
        if entry.is_dir() {
            files.extend(plain_files(&entry)?);
        } else if !matches!(entry.extension().and_then(OsStr::to_str), Some("br" | "gz")) {
            files.push(entry);
        }
    }
    Ok(files)
}

/// Gives the list as Rust: `&[File { path: "/", … }]`.
fn listed(files: &Path) -> anyhow::Result<String> {
    let mut list = String::from("&[\n");
    for file in plain_files(files)? {
        let name =
            file.strip_prefix(files)?.to_str().context("a file of the page has a name that is no UTF-8")?;
        let ending = name.rsplit('.').next().unwrap_or_default();
        let Some((_, content_type)) = TYPES.iter().find(|(known, _)| *known == ending) else {
            bail!("nobody knows the Content-Type of {name}; TYPES in functions/web/build.rs is the place");
        };
        let path = if name == "index.html" { "/".to_owned() } else { format!("/{name}") };
        let is_kept = name.starts_with("assets/");
        ensure!(
            !is_kept || has_hash(name),
            "{name} has no hash in its name, and browsers would keep it for ever; its name must be like app-MHW4F4MB.js"
        );
        let encoded = |ending: &str| -> anyhow::Result<String> {
            let path = PathBuf::from(format!("{}.{ending}", file.display()));
            Ok(if path.exists() { format!("Some({})", body(&path)?) } else { "None".to_owned() })
        };
        writeln!(
            list,
            "    File {{ path: {path:?}, content_type: {content_type:?}, is_kept: {is_kept}, plain: {}, brotli: {}, gzip: {} }},",
            body(&file)?,
            encoded("br")?,
            encoded("gz")?,
        )?;
    }
    ensure!(list.contains("path: \"/\""), "the page has no index.html");
    Ok(list + "]\n")
}

/// Gives bytes of a file as Rust, with a number that changes whenever they do: the first 63 bits of their SHA-256.
fn body(path: &Path) -> anyhow::Result<String> {
    let hash = Sha256::digest(fs::read(path)?);
    let version = hash.iter().take(8).fold(0, |bits, byte| bits << 8 | i64::from(*byte)) & i64::MAX;
    Ok(format!("Body {{ version: {version}, bytes: include_bytes!({path:?}) }}"))
}

/// Says whether a name has at least eight letters and digits between its last `-` and its ending.
fn has_hash(name: &str) -> bool {
    let stem = name.rsplit('/').next().unwrap_or_default().split('.').next().unwrap_or_default();
    let hash = stem.rsplit_once('-').map_or("", |(_, hash)| hash);
    hash.len() >= 8 && hash.bytes().all(|byte| byte.is_ascii_alphanumeric())
}
