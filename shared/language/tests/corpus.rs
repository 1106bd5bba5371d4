//! The corpus: utterances, and what they mean when they are said on Wednesday, 18 November 2026, at 10:00.

mod describe;

use domain::settings::Locale;
use language::{Action, Context, parse};

const ENGLISH: &str = include_str!("corpus/english.tsv");

fn context() -> Context {
    Context { now: "2026-11-18T10:00:00".parse().expect("a time"), locale: Locale::EnUs }
}

fn rows() -> impl Iterator<Item = (&'static str, &'static str)> {
    let is_row = |line: &&str| !line.is_empty() && !line.starts_with("# ");
    ENGLISH.lines().filter(is_row).map(|line| line.split_once('\t').expect("columns are parted by tabs"))
}

#[test]
fn every_utterance_means_what_the_corpus_says() {
    let wrong: Vec<String> = rows()
        .filter_map(|(text, expected)| {
            let found = describe::describe(&parse(text, &context()).expect("short enough"));
            (found != expected).then(|| format!("{text}\n  expected {expected}\n  found    {found}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{} of {} are wrong:\n{}", wrong.len(), rows().count(), wrong.join("\n"));
}

#[test]
fn the_corpus_is_large_enough() {
    assert!(rows().count() >= 150, "{}", rows().count());
    let undated = rows().filter(|(_, expected)| expected.split('\t').nth(3) == Some("-"));
    assert!(undated.count() >= 60);
}

#[test]
fn no_part_of_a_title_without_a_date_is_taken_for_one() {
    let section = ENGLISH.split("# No dates").nth(1).expect("the section of false dates");
    let section = section.split("\n# ").next().expect("its first part");
    let rows: Vec<_> = section.lines().skip(1).filter(|line| !line.is_empty()).collect();
    assert!(rows.len() >= 60, "{}", rows.len());
    for row in rows {
        let text = row.split('\t').next().expect("the first column");
        let parse = parse(text, &context()).expect("short enough");
        let (Action::Create(fields) | Action::Unknown(fields)) = &parse.commands[0].action else {
            continue;
        };
        assert_eq!((fields.due, &fields.recurrence), (None, &None), "{text}");
    }
}
