//! Versions as entity tags, and the two preconditions (RFC 9110 §8.8.3, §13.1).

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, HeaderName, HeaderValue, header, request::Parts},
};

use crate::problem::Problem;

/// Gives the strong `ETag` of a version: `"3"`.
pub fn format(version: i64) -> HeaderValue {
    HeaderValue::try_from(format!("\"{version}\"")).expect("digits in quotes are a header value")
}

/// The `If-Match` of a request: an extractor. A malformed header is a 400.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IfMatch(Option<Condition>);

impl IfMatch {
    /// Tells whether a change of the resource at `version` may go on: there is no `If-Match`, or it names the version.
    ///
    /// Compares strongly: a weak tag matches nothing (RFC 9110 §13.1.1).
    pub fn allows(&self, version: i64) -> bool {
        match &self.0 {
            None | Some(Condition::Any) => true,
            Some(Condition::Tags(tags)) => tags.iter().any(|tag| !tag.weak && tag.names(version)),
        }
    }

    /// Gives the versions on which the change may be made, for a conditional statement; `None` when any will do.
    pub fn versions(&self) -> Option<Vec<i64>> {
        match &self.0 {
            None | Some(Condition::Any) => None,
            Some(Condition::Tags(tags)) => {
                Some(tags.iter().filter(|tag| !tag.weak).filter_map(Tag::version).collect())
            }
        }
    }

    /// Gives the 412 that answers a change whose version has moved on.
    pub fn failed() -> Problem {
        Problem::precondition_failed("the version is no longer the one in If-Match, read it again")
    }
}

/// The `If-None-Match` of a request: an extractor. A malformed header is a 400.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IfNoneMatch(Option<Condition>);

impl IfNoneMatch {
    /// Tells whether the caller already has `version`, so that a GET is answered with 304.
    ///
    /// Compares weakly: `W/"3"` is the same as `"3"` (RFC 9110 §13.1.2).
    pub fn has(&self, version: i64) -> bool {
        match &self.0 {
            None => false,
            Some(Condition::Any) => true,
            Some(Condition::Tags(tags)) => tags.iter().any(|tag| tag.names(version)),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Condition {
    Any,
    Tags(Vec<Tag>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Tag {
    weak: bool,
    opaque: String,
}

impl Tag {
    fn names(&self, version: i64) -> bool {
        self.version() == Some(version)
    }

    /// Gives the version that the tag stands for; a tag that we never gave stands for none.
    fn version(&self) -> Option<i64> {
        self.opaque.parse().ok().filter(|version: &i64| version.to_string() == self.opaque)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<IfMatch, Problem> {
        condition(&parts.headers, header::IF_MATCH).map(IfMatch)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IfNoneMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<IfNoneMatch, Problem> {
        condition(&parts.headers, header::IF_NONE_MATCH).map(IfNoneMatch)
    }
}

/// Reads `*` or a list of tags, which may be spread over several header lines.
fn condition(headers: &HeaderMap, name: HeaderName) -> Result<Option<Condition>, Problem> {
    let malformed = || {
        Problem::bad_request(format!("the header {name} must be * or a list of entity tags such as \"3\""))
    };
    let mut lines = Vec::new();
    for line in headers.get_all(&name) {
        lines.push(line.to_str().map_err(|_| malformed())?);
    }
    match lines.as_slice() {
        [] => Ok(None),
        [line] if line.trim() == "*" => Ok(Some(Condition::Any)),
        lines => {
            let tags = parse_tags(&lines.join(",")).filter(|tags| !tags.is_empty()).ok_or_else(malformed)?;
            Ok(Some(Condition::Tags(tags)))
        }
    }
}

/// Reads `"3", W/"4"`; empty elements are skipped (RFC 9110 §5.6.1).
fn parse_tags(list: &str) -> Option<Vec<Tag>> {
    let mut tags = Vec::new();
    let mut rest = list.trim_start_matches([' ', '\t', ',']);
    while !rest.is_empty() {
        let (weak, quoted) = rest.strip_prefix("W/").map_or((false, rest), |quoted| (true, quoted));
        let (opaque, tail) = quoted.strip_prefix('"')?.split_once('"')?;
        if opaque.bytes().any(|byte| byte <= b' ' || byte == 0x7f) {
            return None;
        }
        tags.push(Tag { weak, opaque: opaque.to_owned() });
        let tail = tail.trim_start_matches([' ', '\t']);
        if !tail.is_empty() && !tail.starts_with(',') {
            return None;
        }
        rest = tail.trim_start_matches([' ', '\t', ',']);
    }
    Some(tags)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: HeaderName, lines: &[&'static str]) -> Result<Option<Condition>, Problem> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(name.clone(), HeaderValue::from_static(line));
        }
        condition(&headers, name)
    }

    fn if_match(lines: &[&'static str]) -> IfMatch {
        IfMatch(read(header::IF_MATCH, lines).expect("a condition"))
    }

    fn if_none_match(lines: &[&'static str]) -> IfNoneMatch {
        IfNoneMatch(read(header::IF_NONE_MATCH, lines).expect("a condition"))
    }

    #[test]
    fn a_version_is_a_strong_tag() {
        assert_eq!(format(3), "\"3\"");
    }

    #[test]
    fn if_match_compares_strongly() {
        assert!(if_match(&[]).allows(3));
        assert!(if_match(&["*"]).allows(3));
        assert!(if_match(&["\"3\""]).allows(3));
        assert!(if_match(&["\"1\", \"3\""]).allows(3));
        assert!(if_match(&["\"1\"", "\"3\""]).allows(3));
        assert!(!if_match(&["\"2\""]).allows(3));
        assert!(!if_match(&["W/\"3\""]).allows(3));
        assert!(!if_match(&["\"03\""]).allows(3));
        assert!(!if_match(&["\"99999999999999999999\""]).allows(3));
        assert_eq!(if_match(&["\"1\", W/\"2\", \"x\", \"3\""]).versions(), Some(vec![1, 3]));
        assert_eq!(if_match(&["*"]).versions(), None);
    }

    #[test]
    fn if_none_match_compares_weakly() {
        assert!(!if_none_match(&[]).has(3));
        assert!(if_none_match(&["*"]).has(3));
        assert!(if_none_match(&["W/\"3\""]).has(3));
        assert!(if_none_match(&["\"a,b\" ,, \"3\""]).has(3));
        assert!(!if_none_match(&["\"2\""]).has(3));
    }

    #[test]
    fn a_malformed_condition_is_refused() {
        for line in ["", "3", "\"3", "w/\"3\"", "*, \"3\"", "\"1\" \"2\"", ",", "\"a b\""] {
            assert_eq!(read(header::IF_MATCH, &[line]).expect_err(line).status(), 400);
        }
    }
}
