//! Writes down the offsets that chrono-tz has for each zone, in tables that need nothing done to them before a program starts.
//!
//! chrono-tz keeps a pointer to an abbreviation beside each change of the clocks. In a program that may be loaded anywhere each of them
//! has to be put right at the start, which every process then keeps for itself (1.3 MB), by a list as long (1.2 MB), for names that
//! nobody asks for.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::{env, fs};

use chrono::{DateTime, NaiveDate, Offset, TimeZone};
use chrono_tz::{TZ_VARIANTS, Tz};

/// How far apart a zone is looked at, in seconds. No clocks are changed twice in so short a time: the shortest is a week, nearly.
const STEP: i64 = 3 * 24 * 60 * 60;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let (mut ranges, mut since, mut offsets) = (String::new(), Vec::new(), Vec::new());
    // Many zones are others by another name.
    let mut known = HashMap::new();
    for (number, zone) in TZ_VARIANTS.iter().enumerate() {
        assert_eq!(*zone as usize, number, "{zone}: zones are numbered in another order than listed");
        let spans = spans(*zone);
        let (from, to) = *known.entry(spans).or_insert_with_key(|spans| {
            let from = since.len();
            for (at, offset) in spans {
                since.push(*at);
                offsets.push(*offset);
            }
            (from, since.len())
        });
        write!(ranges, "({from}, {to}), ").expect("text is written");
    }
    let text = format!(
        "static RANGES: [(u32, u32); {}] = [{ranges}];\nstatic SINCE: [i64; {}] = {since:?};\nstatic OFFSETS_S: [i32; {}] = {offsets:?};\n",
        TZ_VARIANTS.len(),
        since.len(),
        offsets.len(),
    );
    #[expect(
        clippy::disallowed_methods,
        reason = "Cargo tells a build script where to write in this way only"
    )]
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("Cargo names a folder"));
    fs::write(out.join("offsets.rs"), text).expect("Cargo's folder can be written to");
}

/// Gives from when on each offset holds, in seconds since 1970, and the offset, in seconds east.
fn spans(zone: Tz) -> Vec<(i64, i32)> {
    // Before any place took another's time for its own, and after the last change that is foreseen.
    let [begin, end] = [1_840, 2_110].map(second_of_year);
    let mut spans = vec![(i64::MIN, offset_s(zone, begin))];
    for next in (begin..=end).step_by(STEP as usize) {
        let (_, before) = spans[spans.len() - 1];
        if offset_s(zone, next) != before {
            let changed = first_after(next - STEP, next, |second| offset_s(zone, second) != before);
            assert!(
                changed - spans[spans.len() - 1].0.max(begin) > 2 * STEP,
                "{zone}: look more closely at {changed}"
            );
            spans.push((changed, offset_s(zone, next)));
        }
    }
    spans
}

/// Gives the first second for which something is so that is not so for `low`, and is for `high`.
fn first_after(mut low: i64, mut high: i64, is_so: impl Fn(i64) -> bool) -> i64 {
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if is_so(middle) { high = middle } else { low = middle }
    }
    high
}

fn offset_s(zone: Tz, second: i64) -> i32 {
    let at = DateTime::from_timestamp(second, 0).expect("a year of four digits");
    zone.offset_from_utc_datetime(&at.naive_utc()).fix().local_minus_utc()
}

fn second_of_year(year: i32) -> i64 {
    let day = NaiveDate::from_ymd_opt(year, 1, 1).expect("every year begins");
    day.and_hms_opt(0, 0, 0).expect("midnight").and_utc().timestamp()
}
