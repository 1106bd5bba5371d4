//! The words of a text, and what must never be read as one: quotations, addresses, ticket numbers.

use std::borrow::Cow;

use crate::fold::{self, fold};
use crate::span::{Span, SpanKind};
use crate::words::{Slot, Table, Words};

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Letters and digits, with what is between them: "o'clock", "5:30pm", "2026-12-05".
    Word,
    /// A run of one punctuation mark.
    Mark,
    /// A `#tag`.
    Tag,
    /// A quotation, with its quotation marks.
    Quoted,
    /// A URL, an e-mail address, a ticket number: text that is never looked into.
    Opaque,
}

/// A token and its place.
#[derive(Debug, Clone)]
pub(crate) struct Token<'a> {
    /// As it was written.
    pub(crate) text: &'a str,
    /// In the form in which it is compared: lower case, one form of each letter, digit and mark.
    lower: Cow<'a, str>,
    /// The slot of that, if it is a word.
    slot: Slot,
    /// Whether that has neither digits nor marks in it.
    is_plain: bool,
    /// What it is.
    pub(crate) kind: Kind,
    /// Its first byte.
    pub(crate) from: usize,
    /// The byte after it.
    pub(crate) to: usize,
    /// Its first code point.
    start: usize,
    /// The code point after it.
    end: usize,
}

/// A text, or some of it: the tokens that are looked at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Text<'a> {
    /// The whole, as it was written.
    pub(crate) source: &'a str,
    /// The tokens in order.
    pub(crate) tokens: &'a [Token<'a>],
    end_of_words: usize,
}

/// The tokens of a text, where they are kept and changed.
#[derive(Debug, Clone)]
pub(crate) struct Tokens<'a> {
    source: &'a str,
    list: Vec<Token<'a>>,
}

impl<'a> Tokens<'a> {
    /// Splits a text, in time linear in its length.
    pub(crate) fn new(source: &'a str) -> Self {
        Self { source, list: Splitter::new(source).split() }
    }

    /// Gives them to be looked at.
    pub(crate) fn text(&self) -> Text<'_> {
        let Self { source, list: tokens } = self;
        Text { source, tokens, end_of_words: end_of_words(tokens) }
    }

    /// Gives the words and their places, to be changed.
    pub(crate) fn words(&mut self) -> impl Iterator<Item = (usize, &mut Token<'a>)> {
        self.list.iter_mut().enumerate().filter(|(_, token)| token.kind == Kind::Word)
    }

    /// Changes each word, and gives the same tokens unchanged, with breaks in the place of those of which `change` says so.
    pub(crate) fn parted(&mut self, change: impl Fn(&mut Token<'a>) -> bool) -> Self {
        let unchanged = |token: &mut Token<'a>| {
            let other = token.clone();
            if token.kind == Kind::Word && change(token) { other.into_break() } else { other }
        };
        Self { source: self.source, list: self.list.iter_mut().map(unchanged).collect() }
    }

    /// Takes tokens out, from one up to another.
    pub(crate) fn take_out(&mut self, from: usize, to: usize) {
        self.list.drain(from..to);
    }

    /// Puts the tokens from one up to another behind all others.
    pub(crate) fn put_last(&mut self, from: usize, to: usize) {
        self.list[from..].rotate_left(to - from);
    }

    /// Reads some words apart: `cut` gives the byte of a word where the next one begins.
    pub(crate) fn cut(&mut self, cut: impl Fn(&Token<'_>) -> Option<usize>) {
        let inside = |token: &Token<'_>, at: &usize| {
            (1..token.text.len()).contains(at) && token.text.is_char_boundary(*at)
        };
        let split = |token: &Token<'_>| {
            let at = if token.kind == Kind::Word { cut(token)? } else { return None };
            Some(at).filter(|at| inside(token, at))
        };
        let Some(first) = self.list.iter().position(|token| split(token).is_some()) else { return };
        for token in self.list.split_off(first) {
            match split(&token) {
                Some(at) => self.list.extend(token.halves(at)),
                None => self.list.push(token),
            }
        }
    }

    /// Reads some words as one: `is_one` is asked about each two that only a joiner parts.
    pub(crate) fn join(&mut self, is_one: impl Fn(&str) -> bool) {
        if !self.source.contains(JOINER) {
            return;
        }
        let mut tokens: Vec<Token<'a>> = Vec::with_capacity(self.list.len());
        for token in self.list.drain(..) {
            let joined = tokens.last().and_then(|last| {
                let is_near = token.kind == Kind::Word
                    && last.kind == Kind::Word
                    && self.source[last.to..token.from].chars().all(|c| c == JOINER)
                    && last.to < token.from;
                let text = &self.source[last.from..token.to];
                let lower = if is_near { fold(text) } else { return None };
                is_one(&lower)
                    .then(|| Token { text, to: token.to, end: token.end, ..last.clone() }.reading(lower))
            });
            match joined {
                Some(joined) => {
                    tokens.pop();
                    tokens.push(joined);
                }
                None => tokens.push(token),
            }
        }
        self.list = tokens;
    }

    /// Parts "due:friday" into its words, where the word before the colon is one of these.
    pub(crate) fn part(&mut self, keys: &Words) {
        if !self.source.contains(':') {
            return;
        }
        let mut tokens = Vec::with_capacity(self.list.len());
        for token in self.list.drain(..) {
            let parts = token.lower.split_once(':').filter(|(key, value)| {
                token.kind == Kind::Word
                    && keys.contains(key)
                    && value.starts_with(fold::is_alphanumeric)
                    && token.text.len() == token.lower.len()
                    && token.text.as_bytes().get(key.len()) == Some(&b':')
            });
            let Some((key, _)) = parts else {
                tokens.push(token);
                continue;
            };
            let [key, rest] = token.halves(key.len());
            let [mut mark, value] = rest.halves(1);
            mark.kind = Kind::Mark;
            tokens.extend([key, mark.reading(":".into()), value]);
        }
        self.list = tokens;
    }
}

/// Gives where tokens end without the punctuation behind them.
fn end_of_words(tokens: &[Token<'_>]) -> usize {
    tokens.iter().rposition(|token| token.kind != Kind::Mark).map_or(0, |last| last + 1)
}

impl<'a> Text<'a> {
    /// Gives the tokens from one up to another as a text of their own; spans still count from the whole.
    pub(crate) fn part(&self, from: usize, to: usize) -> Self {
        let to = to.min(self.len());
        let from = from.min(to);
        let tokens = &self.tokens[from..to];
        let is_behind = to >= self.end_of_words;
        let end = if is_behind { self.end_of_words.saturating_sub(from) } else { end_of_words(tokens) };
        Self { tokens, end_of_words: end, ..*self }
    }

    /// Gives the tokens to be changed.
    pub(crate) fn to_tokens(self) -> Tokens<'a> {
        Tokens { source: self.source, list: self.tokens.to_vec() }
    }

    /// Finds words in a row at or after `from`, and gives where they begin and end.
    pub(crate) fn find(&self, from: usize, phrase: &str) -> Option<(usize, usize)> {
        (from..self.len()).find_map(|at| Some((at, self.after(at, phrase)?)))
    }

    /// Gives where the text ends without the punctuation behind it.
    pub(crate) fn end_of_words(&self) -> usize {
        self.end_of_words
    }

    /// Says whether one of these words is anywhere in it.
    pub(crate) fn has_any(&self, words: &Words) -> bool {
        (0..self.len()).any(|at| self.is_any(at, words))
    }

    /// Says whether one of these rows of words is anywhere in it.
    pub(crate) fn finds_any(&self, phrases: &Words) -> bool {
        (0..self.len()).any(|at| self.after_any(at, phrases).is_some())
    }

    /// Gives how many tokens there are.
    pub(crate) fn len(&self) -> usize {
        self.tokens.len()
    }

    /// Gives a word in lower case; empty for anything else, and past the end.
    pub(crate) fn word(&self, at: usize) -> &str {
        match self.tokens.get(at) {
            Some(token) if token.kind == Kind::Word => &token.lower,
            _ => "",
        }
    }

    /// Says whether there is neither a digit nor a mark in what [`word`](Self::word) gives: it is no "5pm", "mon-fri", "tag:home".
    pub(crate) fn is_plain(&self, at: usize) -> bool {
        self.tokens.get(at).is_none_or(|token| token.is_plain || token.kind != Kind::Word)
    }

    /// Gives what a word stands for.
    pub(crate) fn value<T: Copy>(&self, at: usize, table: &Table<T>) -> Option<T> {
        let word = if table.can_begin(self.slot(at)) { self.word(at) } else { return None };
        table.rows().iter().find(|(row, _)| *row == word).map(|(_, value)| *value)
    }

    /// Says whether all of it is one of these rows of words.
    pub(crate) fn is_whole(&self, phrases: &Words) -> bool {
        phrases.can_begin(self.slot(0))
            && phrases.rows().iter().any(|phrase| self.after(0, phrase) == Some(self.len()))
    }

    /// Gives the word before; empty when there is none.
    pub(crate) fn word_before(&self, at: usize) -> &str {
        at.checked_sub(1).map_or("", |before| self.word(before))
    }

    /// Says whether a token is this punctuation mark, or a run of it.
    pub(crate) fn is_mark(&self, at: usize, mark: char) -> bool {
        self.tokens.get(at).is_some_and(|token| token.kind == Kind::Mark && token.lower.starts_with(mark))
    }

    /// Says whether there is no word at `at`: the end, or punctuation.
    pub(crate) fn is_break(&self, at: usize) -> bool {
        self.tokens.get(at).is_none_or(|token| token.kind == Kind::Mark)
    }

    /// Says whether a word is one of these.
    #[inline]
    pub(crate) fn is_any(&self, at: usize, words: &Words) -> bool {
        words.can_begin(self.slot(at)) && words.rows().contains(&self.word(at))
    }

    /// Matches words in a row ("day after tomorrow"), and gives where they end.
    #[inline]
    pub(crate) fn after(&self, at: usize, phrase: &str) -> Option<usize> {
        // Most phrases differ in their first letter already, and this is asked for many of them at each word.
        if self.word(at).as_bytes().first() == phrase.as_bytes().first() {
            self.words_in_a_row(at, phrase)
        } else {
            None
        }
    }

    /// Matches the first of these rows of words; longer ones belong in front.
    #[inline]
    pub(crate) fn after_any(&self, at: usize, phrases: &Words) -> Option<usize> {
        let rows = phrases.can_begin(self.slot(at)).then(|| phrases.rows())?;
        rows.iter().find_map(|phrase| self.after(at, phrase))
    }

    /// Matches the first of these rows of words, and gives what it stands for and where it ends; longer ones belong in front.
    #[inline]
    pub(crate) fn look_up<T>(&self, at: usize, table: &Table<T>) -> Option<(&'static T, usize)> {
        let rows = table.can_begin(self.slot(at)).then(|| table.rows())?;
        rows.iter().find_map(|(phrase, value)| Some((value, self.after(at, phrase)?)))
    }

    /// Gives the slot of a word; none for anything else, and past the end.
    pub(crate) fn slot(&self, at: usize) -> Slot {
        self.tokens.get(at).map_or(Slot::NOWHERE, |token| token.slot)
    }

    /// Matches the first of these rows of words that ends at `end`, and gives where it begins; longer ones belong in front.
    pub(crate) fn row_before(&self, end: usize, rows: &[&str]) -> Option<usize> {
        let last = self.word(end.checked_sub(1)?);
        rows.iter().filter(|row| !last.is_empty() && row.ends_with(last)).find_map(|row| {
            let from = end.checked_sub(row.split(' ').count())?;
            (self.after(from, row) == Some(end)).then_some(from)
        })
    }

    fn words_in_a_row(&self, at: usize, phrase: &str) -> Option<usize> {
        let (mut rest, mut end) = (phrase, at);
        loop {
            let word = self.word(end);
            rest = rest.strip_prefix(word).filter(|_| !word.is_empty())?;
            end += 1;
            if rest.is_empty() {
                return Some(end);
            }
            rest = rest.strip_prefix(' ')?;
        }
    }

    /// Says whether a word begins with a capital letter.
    pub(crate) fn is_capital(&self, at: usize) -> bool {
        self.tokens.get(at).is_some_and(|token| {
            token.kind == Kind::Word && token.text.chars().next().is_some_and(char::is_uppercase)
        })
    }

    /// Gives the text from one token up to another; it is empty where a verb that was moved to the end
    /// comes before the first of them in the source.
    pub(crate) fn slice(&self, from: usize, to: usize) -> &'a str {
        match (self.tokens.get(from), to.checked_sub(1).and_then(|last| self.tokens.get(last))) {
            (Some(first), Some(last)) if from < to => {
                self.source.get(first.from..last.to).unwrap_or_default()
            }
            _ => "",
        }
    }

    /// Gives the span from one token up to another.
    pub(crate) fn span(&self, from: usize, to: usize, kind: SpanKind) -> Option<Span> {
        let text = self.slice(from, to);
        let (first, last) = (self.tokens.get(from)?, self.tokens.get(to.checked_sub(1)?)?);
        (!text.is_empty()).then(|| Span { start: first.start, end: last.end, kind, text: text.to_owned() })
    }
}

impl<'a> Token<'a> {
    /// Gives the form in which it is compared.
    pub(crate) fn lower(&self) -> &str {
        &self.lower
    }

    /// Has it compared as another word.
    pub(crate) fn read_as(&mut self, lower: impl Into<Cow<'a, str>>) {
        self.lower = lower.into();
        self.slot = if self.kind == Kind::Word { Slot::of(&self.lower) } else { Slot::NOWHERE };
        self.is_plain = self.lower.bytes().all(|byte| byte.is_ascii_alphabetic() || !byte.is_ascii());
    }

    /// Gives a punctuation mark in its place, which nothing is read across.
    fn into_break(self) -> Self {
        Self { kind: Kind::Mark, ..self }.reading(",".into())
    }

    fn reading(mut self, lower: Cow<'a, str>) -> Self {
        self.read_as(lower);
        self
    }

    /// Gives the words before and after a byte.
    fn halves(&self, at: usize) -> [Self; 2] {
        let (head, tail) = self.text.split_at(at);
        let middle = self.start + head.chars().count();
        [
            Self { text: head, to: self.from + at, end: middle, ..self.clone() }.reading(fold(head)),
            Self { text: tail, from: self.from + at, start: middle, ..self.clone() }.reading(fold(tail)),
        ]
    }
}

/// What keeps two letters apart that would be joined, within a word or between the words of one.
pub(crate) const JOINER: char = '\u{200c}';

/// Gives what is between quotation marks.
pub(crate) fn quoted(text: &str) -> &str {
    let mut chars = text.chars();
    chars.next();
    chars.next_back();
    chars.as_str().trim()
}

/// Closing marks that were looked for in vain are not looked for again.
struct Splitter<'a> {
    source: &'a str,
    chars: Vec<(usize, char)>,
    at: usize,
    tokens: Vec<Token<'a>>,
    unclosed: Vec<char>,
}

impl<'a> Splitter<'a> {
    fn new(source: &'a str) -> Self {
        let mut chars = Vec::with_capacity(source.len());
        chars.extend(source.char_indices());
        let tokens = Vec::with_capacity(chars.len() / 4 + 2);
        Self { source, chars, at: 0, tokens, unclosed: Vec::new() }
    }

    fn split(mut self) -> Vec<Token<'a>> {
        while let Some(c) = self.char(self.at) {
            if is_blank(c) {
                self.at += 1;
            } else if !self.quotation(c) {
                self.chunk();
            }
        }
        self.tokens
    }

    fn char(&self, at: usize) -> Option<char> {
        self.chars.get(at).map(|(_, c)| *c)
    }

    fn byte(&self, at: usize) -> usize {
        self.chars.get(at).map_or(self.source.len(), |(byte, _)| *byte)
    }

    fn push(&mut self, start: usize, end: usize, kind: Kind) {
        let (from, to) = (self.byte(start), self.byte(end));
        let text = &self.source[from..to];
        let token = Token {
            text,
            lower: "".into(),
            slot: Slot::NOWHERE,
            is_plain: false,
            kind,
            from,
            to,
            start,
            end,
        };
        self.tokens.push(token.reading(fold(text)));
    }

    /// Takes a quotation that begins here; an apostrophe closes one only at the end of a word.
    fn quotation(&mut self, open: char) -> bool {
        let Some(close) = closing(open) else { return false };
        if self.unclosed.contains(&close) {
            return false;
        }
        let ends_word = |at: usize| self.char(at + 1).is_none_or(|next| !fold::is_alphanumeric(next));
        let is_close = |at: &usize| {
            self.char(*at) == Some(close) && (!matches!(close, '\'' | '\u{2019}') || ends_word(*at))
        };
        let Some(end) = (self.at + 1..self.chars.len()).find(is_close) else {
            self.unclosed.push(close);
            return false;
        };
        if end == self.at + 1 {
            return false;
        }
        self.push(self.at, end + 1, Kind::Quoted);
        self.at = end + 1;
        true
    }

    /// Takes what is between two blanks.
    fn chunk(&mut self) {
        let start = self.at;
        let is_end =
            |c| !fold::is_letter(c) && (is_blank(c) || matches!(c, '"' | '\u{201c}' | '\u{ab}' | '`'));
        let mut end = start + 1;
        while self.char(end).is_some_and(|c| !is_end(c)) {
            end += 1;
        }
        self.at = end;
        let (start, tail) = self.trim(start, end);
        if start < tail {
            self.core(start, tail);
        }
        self.marks(tail, end);
    }

    /// Takes the punctuation in front, and gives where the core begins and ends.
    fn trim(&mut self, start: usize, end: usize) -> (usize, usize) {
        let is_front = |at: usize| match self.char(at) {
            Some('#') => false,
            Some('@') => self.char(at + 1).is_none_or(|next| !fold::is_letter(next)),
            Some(c) => !fold::is_alphanumeric(c) && !matches!(c, '$' | '/' | '+' | '&'),
            None => false,
        };
        let mut first = start;
        while first < end && is_front(first) {
            first += 1;
        }
        let mut last = end;
        let is_back =
            |c: char| !fold::is_alphanumeric(c) && !matches!(c, '%' | '#' | '+' | '/' | '$' | '\u{b0}');
        while last > first && self.char(last - 1).is_some_and(is_back) {
            last -= 1;
        }
        self.marks(start, first);
        (first, last)
    }

    /// Takes punctuation, a run of the same mark as one token.
    fn marks(&mut self, start: usize, end: usize) {
        let mut from = start;
        while from < end {
            let mark = self.char(from);
            let mut to = from + 1;
            while to < end && self.char(to) == mark {
                to += 1;
            }
            self.push(from, to, Kind::Mark);
            from = to;
        }
    }

    fn core(&mut self, start: usize, end: usize) {
        let text = &self.source[self.byte(start)..self.byte(end)];
        if self.chars[start..end].iter().all(|(_, c)| fold::is_alphanumeric(*c)) {
            return self.push(start, end, Kind::Word);
        }
        if is_opaque(text) {
            return self.push(start, end, Kind::Opaque);
        }
        if text.starts_with('#') && text.chars().count() > 1 {
            return self.push(start, end, Kind::Tag);
        }
        let mut from = start;
        for at in start..end {
            if self.splits(at) {
                if from < at {
                    self.push(from, at, Kind::Word);
                }
                self.push(at, at + 1, Kind::Mark);
                from = at + 1;
            }
        }
        if from < end {
            self.push(from, end, Kind::Word);
        }
    }

    /// Says whether a mark inside of a chunk separates words: "milk,eggs" but not "1,000".
    fn splits(&self, at: usize) -> bool {
        let is_digit = |at: usize| self.char(at).and_then(fold::digit).is_some();
        match self.char(at) {
            Some(',' | '،' | '٬') => {
                let thousands = (1..=3).all(|n| is_digit(at + n)) && !is_digit(at + 4);
                !(at.checked_sub(1).is_some_and(is_digit) && thousands)
            }
            Some('؛' | '؟') => true,
            Some('۔') => !is_digit(at + 1),
            Some(';' | '(' | ')' | '[' | ']' | '\u{2014}' | '!' | '?' | '\u{2026}') => true,
            _ => false,
        }
    }
}

fn closing(open: char) -> Option<char> {
    match open {
        '"' => Some('"'),
        '`' => Some('`'),
        '\'' => Some('\''),
        '\u{201c}' | '\u{201e}' => Some('\u{201d}'),
        '\u{2018}' => Some('\u{2019}'),
        '\u{ab}' => Some('\u{bb}'),
        _ => None,
    }
}

fn is_blank(c: char) -> bool {
    if c.is_ascii() {
        return c <= ' ' || c == '\u{7f}';
    }
    c.is_whitespace()
        || c.is_control()
        || fold::is_direction(c)
        || matches!(c, '\u{200b}' | JOINER | '\u{feff}')
}

/// URLs, e-mail addresses and ticket numbers.
fn is_opaque(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    if lower.contains("://") || lower.starts_with("www.") || lower.starts_with("mailto:") {
        return true;
    }
    if let Some((name, host)) = text.split_once('@')
        && !name.is_empty()
        && host.contains('.')
    {
        return true;
    }
    if let Some(number) = text.strip_prefix('#') {
        return number.starts_with(|c: char| c.is_ascii_digit());
    }
    is_ticket(text) || is_host_with_path(&lower)
}

/// `ABC-123`, `ABC-12345-A1`: capitals, a hyphen, a digit.
fn is_ticket(text: &str) -> bool {
    text.split_once('-').is_some_and(|(project, number)| {
        project.len() >= 2
            && project.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
            && project.starts_with(|c: char| c.is_ascii_uppercase())
            && number.starts_with(|c: char| c.is_ascii_digit())
    })
}

/// `example.com/2026/12/05`.
fn is_host_with_path(lower: &str) -> bool {
    lower.split_once('/').is_some_and(|(host, _)| {
        host.contains('.')
            && host
                .rsplit('.')
                .next()
                .is_some_and(|top| top.len() >= 2 && top.bytes().all(|b| b.is_ascii_lowercase()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::words;

    fn kinds(source: &str) -> Vec<(String, Kind)> {
        Tokens::new(source).list.iter().map(|token| (token.text.to_owned(), token.kind)).collect()
    }

    #[test]
    fn words_marks_tags_and_opaque_text_are_told_apart() {
        let of = |text: &str, kind| (text.to_owned(), kind);
        assert_eq!(
            kinds("fix ABC-123, see https://a.org/2026-12-05 \"at 5pm\" #home!!"),
            [
                of("fix", Kind::Word),
                of("ABC-123", Kind::Opaque),
                of(",", Kind::Mark),
                of("see", Kind::Word),
                of("https://a.org/2026-12-05", Kind::Opaque),
                of("\"at 5pm\"", Kind::Quoted),
                of("#home", Kind::Tag),
                of("!!", Kind::Mark),
            ]
        );
    }

    #[test]
    fn a_key_is_parted_from_its_value_only_where_both_stand_in_the_text() {
        let parted = |source| {
            let mut tokens = Tokens::new(source);
            tokens.part(words!["due"]);
            tokens.list.into_iter().map(|token| token.text).collect::<Vec<_>>()
        };
        assert_eq!(parted("Due:friday"), ["Due", ":", "friday"]);
        assert_eq!(parted("due:\u{130}"), ["due:\u{130}"]);
        // As many bytes as what they are compared as, which has no hamza but longer letters.
        assert_eq!(parted("due\u{621}:\u{130}\u{130}"), ["due\u{621}:\u{130}\u{130}"]);
    }

    #[test]
    fn an_apostrophe_inside_of_a_word_closes_no_quotation() {
        assert_eq!(kinds("'don't stop' now")[0], ("'don't stop'".to_owned(), Kind::Quoted));
        assert_eq!(kinds("don't")[0], ("don't".to_owned(), Kind::Word));
    }
}
