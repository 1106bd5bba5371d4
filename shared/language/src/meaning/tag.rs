//! Names of tags.

use domain::task;

use crate::token::{Kind, Text, quoted};

/// Gives the tag that a token names: "#home", "home", "\"my home\"".
pub(crate) fn named(text: &Text<'_>, at: usize) -> Option<String> {
    let token = text.tokens.get(at)?;
    let name = match token.kind {
        Kind::Tag => return hashed(text, at),
        Kind::Word => token.text,
        Kind::Quoted => quoted(token.text),
        _ => return None,
    };
    task::parse_tag(name).ok()
}

/// Gives the tag of "#home".
pub(crate) fn hashed(text: &Text<'_>, at: usize) -> Option<String> {
    let token = text.tokens.get(at).filter(|token| token.kind == Kind::Tag)?;
    task::parse_tag(token.text.trim_start_matches('#')).ok()
}
