//! The corpora: utterances, and what they mean when they are said on Wednesday, 18 November 2026, at 10:00.

mod describe;

use chrono_tz::Tz;
use domain::settings::Locale;
use language::{Action, Context, Language, parse};

/// What is said in one language, and the user's locale.
struct Corpus {
    table: &'static str,
    locale: Locale,
}

const ENGLISH: Corpus = Corpus { table: include_str!("corpus/english.tsv"), locale: Locale::EnUs };
const URDU: Corpus = Corpus { table: include_str!("corpus/urdu.tsv"), locale: Locale::UrPk };

impl Corpus {
    fn context(&self) -> Context {
        Context { now: "2026-11-18T10:00:00".parse().expect("a time"), zone: Tz::UTC, locale: self.locale }
    }

    fn rows(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        rows(self.table)
    }

    fn check(&self) {
        let wrong: Vec<String> = self
            .rows()
            .filter_map(|(text, expected)| {
                let found = describe::describe(&parse(text, &self.context()).expect("short enough"));
                (found != expected).then(|| format!("{text}\n  expected {expected}\n  found    {found}"))
            })
            .collect();
        assert!(
            wrong.is_empty(),
            "{} of {} are wrong:\n{}",
            wrong.len(),
            self.rows().count(),
            wrong.join("\n")
        );
    }

    /// The sections of texts that name no date, however much they look like it.
    fn check_undated(&self, at_least: usize) {
        let sections = self.table.split("\n# ").filter(|section| {
            section.starts_with("No dates") || section.starts_with("Must not yield a date")
        });
        let rows: Vec<&str> =
            sections.flat_map(|section| section.lines().skip(1)).filter(|line| !line.is_empty()).collect();
        assert!(rows.len() >= at_least, "{}", rows.len());
        for row in rows {
            let text = row.split('\t').next().expect("the first column");
            let parse = parse(text, &self.context()).expect("short enough");
            for command in parse.commands {
                match command.action {
                    Action::Create(fields) | Action::Unknown(fields) => {
                        assert_eq!((fields.due, &fields.recurrence), (None, &None), "{text}");
                    }
                    Action::Complete { .. } | Action::Reopen { .. } | Action::Delete { .. } => {
                        assert!(parse.confidence < 0.7, "{text}: {:?}", command.action);
                    }
                    _ => {}
                }
            }
        }
    }
}

fn rows(table: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let is_row = |line: &&str| !line.is_empty() && !line.starts_with("# ");
    table.lines().filter(is_row).map(|line| line.split_once('\t').expect("columns are parted by tabs"))
}

#[test]
fn every_english_utterance_means_what_the_corpus_says() {
    ENGLISH.check();
}

#[test]
fn every_urdu_utterance_means_what_the_corpus_says() {
    URDU.check();
}

#[test]
fn the_corpora_are_large_enough() {
    assert!(ENGLISH.rows().count() >= 600, "{}", ENGLISH.rows().count());
    assert!(URDU.rows().count() >= 400, "{}", URDU.rows().count());
    for corpus in [ENGLISH, URDU] {
        let undated = corpus.rows().filter(|(_, expected)| expected.split('\t').nth(3) == Some("-"));
        assert!(undated.count() >= 60);
    }
}

#[test]
fn no_part_of_a_title_without_a_date_is_taken_for_one() {
    ENGLISH.check_undated(400);
    URDU.check_undated(60);
}

/// Everything that a parse says but the words of the user: titles, tags and what he is quoted with are in his script.
fn without_words(text: &str) -> (Language, String) {
    let parse = parse(text, &URDU.context()).expect("short enough");
    let described = describe::describe(&parse);
    let name = |name: &str| {
        if name == "-" || name.starts_with(['<', '#']) { name.to_owned() } else { "…".to_owned() }
    };
    let field = |word: &str| match word.split_once(['#', '=']) {
        Some((kind, _)) if !kind.starts_with("FREQ") => format!("{kind}…"),
        _ => word.to_owned(),
    };
    let columns = described.split('\t').enumerate().map(|(at, column)| match at {
        2 => column.split(" + ").map(name).collect::<Vec<_>>().join(" + "),
        4 => {
            let said = column.split_once(" { text").map_or(column, |(problem, _)| problem);
            said.split(' ').map(field).collect::<Vec<_>>().join(" ")
        }
        _ => column.to_owned(),
    });
    (parse.language, columns.collect::<Vec<_>>().join("\t"))
}

#[test]
fn latin_letters_mean_the_same_as_arabic_script() {
    let mut pairs = 0;
    let is_paired = |section: &&str| section.lines().next().is_some_and(|name| name.ends_with("(pairs)"));
    for section in URDU.table.split("\n# ").filter(is_paired) {
        let texts = section.lines().skip(1).filter_map(|line| line.split_once('\t'));
        let texts: Vec<&str> = texts.map(|(text, _)| text).collect();
        for pair in texts.chunks(2) {
            let (arabic, latin) = (without_words(pair[0]), without_words(pair[1]));
            assert_eq!((arabic.0, latin.0), (Language::Urdu, Language::LatinUrdu), "{pair:?}");
            assert_eq!(arabic.1, latin.1, "{pair:?}");
            pairs += 1;
        }
    }
    assert!(pairs >= 200, "{pairs}");
}

#[test]
fn no_english_utterance_stands_there_twice() {
    let mut texts: Vec<&str> = ENGLISH.rows().map(|(text, _)| text).collect();
    texts.sort_unstable();
    let twice: Vec<_> = texts.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect();
    assert!(twice.is_empty(), "{twice:?}");
}
