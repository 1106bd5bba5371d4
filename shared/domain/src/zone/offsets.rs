//! The offsets of every zone from UTC, which are chrono-tz's.

use chrono::{DateTime, FixedOffset, NaiveDateTime, Utc};
use chrono_tz::Tz;

// RANGES: of each zone, which entries of the other two are its own. SINCE: from when on, in seconds since 1970, ascending, and first what
// held before anything else. OFFSETS_S: how far east of UTC, in seconds.
include!(concat!(env!("OUT_DIR"), "/offsets.rs"));

/// What a zone's clocks have shown, one span of time after the other.
struct Spans {
    since: &'static [i64],
    offsets_s: &'static [i32],
}

impl Spans {
    fn of(zone: Tz) -> Self {
        let (from, to) = RANGES[zone as usize];
        let own = from as usize..to as usize;
        Self { since: &SINCE[own.clone()], offsets_s: &OFFSETS_S[own] }
    }

    /// Gives which one a second since 1970 is in.
    fn at(&self, second: i64) -> usize {
        self.since.partition_point(|since| *since <= second) - 1
    }

    fn offset(&self, span: usize) -> FixedOffset {
        FixedOffset::east_opt(self.offsets_s[span]).expect("no clock is a day off")
    }
}

/// Gives the offset at an instant.
pub(super) fn at(at: DateTime<Utc>, zone: Tz) -> FixedOffset {
    let spans = Spans::of(zone);
    spans.offset(spans.at(at.timestamp()))
}

/// Gives the offset of a wall time: that of the first, if it happens twice, and then that of the second, too; that which held before, if
/// it never does.
pub(super) fn of_local(local: NaiveDateTime, zone: Tz) -> (FixedOffset, Option<FixedOffset>) {
    const DAY_S: i64 = 24 * 60 * 60;
    let spans = Spans::of(zone);
    let shown = local.and_utc().timestamp();
    let is_since = |span: usize| shown - i64::from(spans.offsets_s[span]) >= spans.since[span];
    let is_over = |span: usize| match spans.since.get(span + 1) {
        Some(end) => shown - i64::from(spans.offsets_s[span]) >= *end,
        None => false,
    };
    // Wherever the zone is, this is not too late.
    let mut span = spans.at(shown - DAY_S);
    while is_over(span) {
        span += 1;
    }
    if !is_since(span) {
        return (spans.offset(span - 1), None);
    }
    let is_twice = span + 1 < spans.since.len() && is_since(span + 1);
    (spans.offset(span), is_twice.then(|| spans.offset(span + 1)))
}

#[cfg(test)]
mod tests {
    use chrono::{MappedLocalTime, Offset as _, TimeDelta, TimeZone as _};
    use chrono_tz::TZ_VARIANTS;

    use super::*;

    /// Gives every instant at which something might be wrong: around each change of a zone's clocks, in the middle between two, and far
    /// before the first and after the last.
    fn telling(zone: Tz) -> Vec<DateTime<Utc>> {
        let changes = || Spans::of(zone).since[1..].iter().copied();
        let around = changes()
            .flat_map(|at| [-90_000, -3_600, -1_800, -1, 0, 1, 1_800, 3_600, 90_000].map(|by| at + by));
        let between = changes().zip(changes().skip(1)).map(|(one, next)| one + (next - one) / 2);
        let far = [-20_000_000_000, 0, 20_000_000_000];
        around.chain(between).chain(far).filter_map(|second| DateTime::from_timestamp(second, 0)).collect()
    }

    #[test]
    fn every_offset_is_that_of_chrono_tz() {
        for zone in TZ_VARIANTS {
            for instant in telling(zone) {
                assert_eq!(
                    at(instant, zone),
                    zone.offset_from_utc_datetime(&instant.naive_utc()).fix(),
                    "{zone} {instant}"
                );
            }
        }
    }

    #[test]
    fn every_wall_time_means_what_it_means_to_chrono_tz() {
        let own = |offset: &chrono_tz::TzOffset| offset.fix();
        for zone in TZ_VARIANTS {
            for shown in telling(zone).into_iter().map(|at| at.naive_utc()) {
                let expected = match zone.offset_from_local_datetime(&shown) {
                    MappedLocalTime::Single(offset) => (own(&offset), None),
                    MappedLocalTime::Ambiguous(first, second) => (own(&first), Some(own(&second))),
                    MappedLocalTime::None => {
                        let mut earlier = (1..48).map(|hours| shown - TimeDelta::hours(hours));
                        let before =
                            earlier.find_map(|shown| zone.offset_from_local_datetime(&shown).latest());
                        (own(&before.expect("no gap is so long")), None)
                    }
                };
                assert_eq!(of_local(shown, zone), expected, "{zone} {shown}");
            }
        }
    }
}
