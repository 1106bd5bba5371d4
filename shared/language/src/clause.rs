//! What one clause of an utterance asks for, whatever the language.

use crate::span::Span;
use crate::{Action, Command, Language, Parse, Problem, TaskFields};

/// What one clause asks for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Clause {
    /// At least one.
    pub(crate) commands: Vec<Command>,
    /// 0–1.
    pub(crate) confidence: f64,
    /// What is wrong.
    pub(crate) problem: Option<Problem>,
}

impl Parse {
    /// Puts together what is asked for one after another; it is as sure as what is least so.
    pub(crate) fn of(language: Language, clauses: Vec<Clause>) -> Self {
        let mut parse = Self { language, commands: Vec::new(), confidence: 1.0, problem: None };
        for clause in clauses {
            if parse.commands.is_empty() {
                parse.commands = clause.commands;
            } else {
                parse.commands.extend(clause.commands);
            }
            parse.confidence = parse.confidence.min(clause.confidence);
            parse.problem = parse.problem.or(clause.problem);
        }
        parse
    }
}

impl Clause {
    /// Makes one of a single command; its spans may overlap.
    pub(crate) fn one(action: Action, spans: Vec<Span>, confidence: f64) -> Self {
        Self { commands: vec![Command { action, spans: ordered(spans) }], confidence, problem: None }
    }

    /// Whatever is wrong makes it unsure.
    pub(crate) fn with_problem(mut self, problem: Option<Problem>) -> Self {
        if problem.is_some() {
            self.confidence = self.confidence.min(0.5);
            self.problem = problem;
        }
        self
    }

    /// Puts the spans of each command in order, and drops those that overlap.
    pub(crate) fn order(&mut self) {
        for command in &mut self.commands {
            command.spans = ordered(std::mem::take(&mut command.spans));
        }
    }

    /// Makes one that is not understood.
    pub(crate) fn unclear(fields: TaskFields, spans: Vec<Span>, confidence: f64) -> Self {
        Self::one(Action::Unknown(fields), spans, confidence).with_problem(Some(Problem::UnclearIntent))
    }
}

/// Sorts spans and drops what overlaps.
fn ordered(mut spans: Vec<Span>) -> Vec<Span> {
    spans.sort_by_key(|span| (span.start, span.end));
    let mut end = 0;
    spans.retain(|span| {
        let is_free = span.start >= end && span.start < span.end;
        if is_free {
            end = span.end;
        }
        is_free
    });
    spans
}
