//! `TIME_ZONE`, with a hint for who mistyped it.

use chrono_tz::{TZ_VARIANTS, Tz};

use super::{ConfigError, Environment};

const EXAMPLE: &str = "Asia/Karachi";
const CLOSE: usize = 3;

/// Reads `TIME_ZONE`, an IANA name; default UTC.
pub(super) fn read(environment: &Environment) -> Result<Tz, ConfigError> {
    let Some(name) = environment.get("TIME_ZONE")? else { return Ok(Tz::UTC) };
    name.parse().map_err(|_| ConfigError::Invalid {
        allowed: format!("an IANA name such as {}", nearest(&name).unwrap_or(EXAMPLE)),
        name: "TIME_ZONE".to_owned(),
        value: name,
    })
}

/// Gives the zone whose name, or whose city, is closest to what was typed, if any is close.
fn nearest(typed: &str) -> Option<&'static str> {
    let typed: String = typed.to_lowercase().replace(' ', "_").chars().take(64).collect();
    let city = |name: &str| name.rsplit('/').next().unwrap_or_default().to_owned();
    TZ_VARIANTS
        .iter()
        .map(|zone| {
            let name = zone.name().to_lowercase();
            (distance(&name, &typed).min(distance(&city(&name), &typed)), zone.name())
        })
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, _)| *distance <= CLOSE && *distance * 2 < typed.len())
        .map(|(_, name)| name)
}

/// Counts the letters to change, add or remove (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let changed = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_zone_is_recognised() {
        assert_eq!(nearest("asia/karachi"), Some("Asia/Karachi"));
        assert_eq!(nearest("Karachi"), Some("Asia/Karachi"));
        assert_eq!(nearest("America/New York"), Some("America/New_York"));
        assert_eq!(nearest("Europe/Berlni"), Some("Europe/Berlin"));
        assert_eq!(nearest("nowhere at all"), None);
    }
}
