//! Reads utterances again and again, for a measurement of what one costs (tests/load/instructions.rs): `understanding en-US|ur-PK LENGTH
//! TIMES`, one to a line of standard input. Each is repeated until it is `LENGTH` characters long; with 0 it is what it is.

use std::hint::black_box;
use std::io::read_to_string;

use chrono_tz::Tz;
use domain::settings::Locale;
use language::{Context, parse};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [locale, length, times] = arguments.as_slice() else { panic!("there are three arguments") };
    let (length, times): (usize, u32) = (length.parse().expect("a length"), times.parse().expect("a number"));
    let context = Context {
        now: "2026-11-18T10:00:00".parse().expect("a time"),
        zone: Tz::UTC,
        locale: Locale::parse(locale).expect("a locale"),
    };
    let input = read_to_string(std::io::stdin()).expect("UTF-8");
    let stretched = |line: &str| match length {
        0 => line.to_owned(),
        length => line.chars().cycle().take(length).collect(),
    };
    let utterances: Vec<String> = input.lines().map(stretched).collect();
    for _ in 0..times {
        for utterance in &utterances {
            black_box(parse(black_box(utterance), &context)).expect("short enough");
        }
    }
}
