//! What understanding an utterance costs: the corpora one by one, and a text that grows.

use std::hint::black_box;
use std::time::Instant;

use chrono_tz::Tz;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use domain::settings::Locale;
use language::{Context, parse};

const CORPORA: [(&str, &str); 2] = [
    ("english", include_str!("../tests/corpus/english.tsv")),
    ("urdu", include_str!("../tests/corpus/urdu.tsv")),
];

fn context() -> Context {
    Context { now: "2026-11-18T10:00:00".parse().expect("a time"), zone: Tz::UTC, locale: Locale::EnUs }
}

fn utterances(corpus: &'static str) -> Vec<&'static str> {
    let rows = corpus.lines().filter(|line| !line.is_empty() && !line.starts_with("# "));
    rows.filter_map(|line| line.split('\t').next()).collect()
}

fn whole_corpora(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("parse");
    for (name, corpus) in CORPORA {
        let utterances = utterances(corpus);
        group.throughput(Throughput::Elements(utterances.len() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                for text in &utterances {
                    let _ = black_box(parse(black_box(text), &context()));
                }
            });
        });
    }
    group.finish();
}

/// The best of many tries for each utterance, so that what else the machine does is left out; then the slowest 1 %.
fn each_utterance(_: &mut Criterion) {
    for (name, corpus) in CORPORA {
        let mut best: Vec<(u128, &str)> = utterances(corpus)
            .into_iter()
            .map(|text| {
                #[expect(clippy::disallowed_methods, reason = "a benchmark, and no part of any function")]
                let once = || {
                    let begun = Instant::now();
                    let _ = black_box(parse(black_box(text), &context()));
                    begun.elapsed().as_nanos()
                };
                ((0..50).map(|_| once()).min().unwrap_or(0), text)
            })
            .collect();
        best.sort_unstable();
        let at = |percent: usize| best[(best.len() * percent / 100).min(best.len() - 1)].0 as f64 / 1_000.0;
        let (worst, text) = best[best.len() - 1];
        println!(
            "{name}: {} utterances, p50 {:.1} us, p99 {:.1} us, worst {:.1} us ({text})",
            best.len(),
            at(50),
            at(99),
            worst as f64 / 1_000.0
        );
    }
}

fn growing_text(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("growing");
    for (name, words) in [
        ("plain", "buy milk and eggs for the party at home with friends "),
        ("dates", "monday at 5pm every second tuesday until december "),
        ("marks", "\""),
        ("quotes", "'a \"b `c \u{201c}d "),
        ("urdu", "کل شام پانچ بجے دودھ لانا یاد دلانا ہر پیر کو "),
    ] {
        for length in [1_000, 2_000, 4_000] {
            let text: String = words.chars().cycle().take(length).collect();
            group.throughput(Throughput::Elements(length as u64));
            group.bench_function(format!("{name} {length}"), |bencher| {
                bencher.iter(|| parse(black_box(&text), &context()));
            });
        }
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).warm_up_time(std::time::Duration::from_millis(500)).measurement_time(std::time::Duration::from_secs(1));
    targets = whole_corpora, each_utterance, growing_text
}
criterion_main!(benches);
