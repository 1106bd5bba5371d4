//! The query string as a checked map.

use axum::http::Uri;

use crate::{
    percent,
    problem::{FieldError, Problem},
};

/// The parameters of a request, each known and given once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Reads the query string of `uri`; only the parameters in `allowed` may stand in it, each once.
    ///
    /// `+` and `%20` are a space, as forms write them. A parameter without `=` has the value `""`.
    ///
    /// # Errors
    /// 400 naming the parameter: unknown, repeated, broken percent-encoding, not UTF-8, or with a NUL.
    pub fn parse(uri: &Uri, allowed: &[&str]) -> Result<Query, Problem> {
        let mut parameters: Vec<(String, String)> = Vec::new();
        for pair in uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = percent::decode(name.as_bytes(), true)
                .ok_or_else(|| Problem::bad_request("the query string is not valid percent-encoded UTF-8"))?;
            if !allowed.contains(&&*name) {
                return Err(wrong(&shortened(&name), "is not known here"));
            }
            if parameters.iter().any(|(known, _)| *known == name) {
                return Err(wrong(&name, "is given more than once"));
            }
            match percent::decode(value.as_bytes(), true) {
                None => return Err(wrong(&name, "is not valid percent-encoded UTF-8")),
                Some(value) if value.contains('\0') => {
                    return Err(wrong(&name, "must not contain the character NUL"));
                }
                Some(value) => parameters.push((name.into_owned(), value.into_owned())),
            }
        }
        Ok(Query(parameters))
    }

    /// Gives the value of a parameter, decoded, if it was given.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Tells whether no parameter was given.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Gives the 400 that names the parameter `name`, for values that only the operation can judge.
///
/// ```
/// let problem = runtime::query::wrong("limit", "must be a number from 1 to 100");
/// assert_eq!(problem.detail(), "the parameter limit must be a number from 1 to 100");
/// ```
pub fn wrong(name: &str, message: &str) -> Problem {
    Problem::bad_request(format!("the parameter {name} {message}"))
        .with_errors(vec![FieldError::new(name, message)])
}

fn shortened(name: &str) -> String {
    let mut short: String =
        name.chars().take(50).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if short.len() < name.len() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALLOWED: &[&str] = &["q", "limit"];

    fn parse(query: &str) -> Result<Query, Problem> {
        Query::parse(&format!("/api/tasks?{query}").parse().expect("a URI"), ALLOWED)
    }

    #[test]
    fn values_are_decoded() {
        let query = parse("q=%D8%AF%D9%88%D8%AF%DA%BE+lana&limit=10").expect("a query");
        assert_eq!((query.get("q"), query.get("limit")), (Some("دودھ lana"), Some("10")));
        assert_eq!(parse("q=a=b").expect("a query").get("q"), Some("a=b"));
        assert_eq!(parse("&q&").expect("a query").get("q"), Some(""));
        assert!(Query::parse(&Uri::from_static("/"), ALLOWED).expect("a query").is_empty());
    }

    #[test]
    fn a_wrong_parameter_is_refused_by_name() {
        for (query, field) in
            [("page=2", "page"), ("q=a&q=a", "q"), ("q=%ff", "q"), ("q=%0", "q"), ("limit=1&q=%00", "q")]
        {
            let problem = parse(query).expect_err(query);
            assert_eq!((problem.status().as_u16(), &*problem.errors()[0].field), (400, field), "{query}");
        }
        assert_eq!(parse("%ff=1").expect_err("a refusal").status(), 400);
    }
}
