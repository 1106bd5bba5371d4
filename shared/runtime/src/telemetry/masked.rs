//! Lines without addresses: what others say of a mail names its recipient, and what is said of a URL may show a password.

use std::io::{self, Write};

/// What stands in the place of an address.
const MASK: &[u8] = "…@…".as_bytes();

/// Writes lines with every e-mail address, and every `password@host`, masked.
pub(super) struct Masked<W>(pub(super) W);

impl<W: Write> Write for Masked<W> {
    /// Takes all of it: what is written are whole lines, so that no address is cut in two.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match mask(line) {
            None => self.0.write_all(line)?,
            Some(masked) => self.0.write_all(&masked)?,
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Gives the line without addresses; `None` when there is none, as in nearly every line.
fn mask(line: &[u8]) -> Option<Vec<u8>> {
    let mut masked = Vec::new();
    let mut rest = line;
    while let Some(at) = rest.iter().position(|byte| *byte == b'@') {
        let begin = rest[..at].iter().rposition(|byte| !is_local(*byte)).map_or(0, |before| before + 1);
        let host = rest[at + 1..].iter().take_while(|byte| is_host(**byte)).count();
        let end = at + 1 + host;
        if begin == at || host == 0 {
            masked.extend_from_slice(&rest[..=at]);
            rest = &rest[at + 1..];
            continue;
        }
        masked.extend_from_slice(&rest[..begin]);
        masked.extend_from_slice(MASK);
        rest = &rest[end..];
    }
    (rest.len() < line.len()).then(|| [masked.as_slice(), rest].concat())
}

/// Says whether a byte may stand before the `@`; those of other scripts may. So may a backslash, which begins an escape of JSON: half of
/// one would be none.
fn is_local(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || br"!#$%&*+-.\^_`{|}~".contains(&byte) || !byte.is_ascii()
}

fn is_host(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-.".contains(&byte) || !byte.is_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(line: &str) -> String {
        let mut out = Vec::new();
        Masked(&mut out).write_all(line.as_bytes()).expect("memory takes all");
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn addresses_and_passwords_before_hosts_are_masked_and_nothing_else() {
        for (line, masked) in [
            ("550 5.1.1 <amna.khan+kaam@example.org>: no such user", "550 5.1.1 <…@…>: no such user"),
            (r#"{"why":"to a@b.org, c@d.org"}"#, r#"{"why":"to …@…, …@…"}"#),
            (r#"{"why":"to\namna@example.org"}"#, r#"{"why":"…@…"}"#),
            (
                r#"{"why":"\"amna\"@example.org, \"amna@example.org"}"#,
                r#"{"why":"\"amna\"@example.org, \"…@…"}"#,
            ),
            ("postgres://kaam:hunter2@db.example:5432/kaam", "postgres://kaam:…@…:5432/kaam"),
            ("آمنہ@example.org", "…@…"),
            ("a @ b, @here, there@", "a @ b, @here, there@"),
            ("nothing\n", "nothing\n"),
            ("", ""),
        ] {
            assert_eq!(written(line), masked, "{line}");
        }
    }
}
