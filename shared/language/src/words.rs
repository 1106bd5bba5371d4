//! Lists of words, of which most words of a text are in none.
//!
//! Hundreds of lists are asked about each word, so that it is seen at once where a word can not be in one: every word falls into one of
//! 256 places, and a list knows, since it was compiled, which places its own begin in. Only a word that falls into one of these is
//! compared.

use std::hash::{BuildHasherDefault, Hasher};

/// Where a word falls: a place, as one bit in one of four groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    group: u8,
    bit: u64,
}

impl Place {
    /// Where nothing falls.
    pub(crate) const NOWHERE: Self = Self { group: 0, bit: 0 };

    /// Gives the place of a word, by its length, its first two letters and its last.
    pub(crate) const fn of(word: &str) -> Self {
        Self::of_letters(word.as_bytes(), word.len())
    }

    /// Gives the place of the first of words in a row.
    pub(crate) const fn of_first(row: &str) -> Self {
        let mut len = 0;
        while len < row.len() && row.as_bytes()[len] != b' ' {
            len += 1;
        }
        Self::of_letters(row.as_bytes(), len)
    }

    const fn of_letters(letters: &[u8], len: usize) -> Self {
        if len == 0 {
            return Self::NOWHERE;
        }
        let second = if len > 1 { letters[1] } else { 0 };
        let key = u32::from_le_bytes([letters[0], second, letters[len - 1], len as u8]);
        let hash = key.wrapping_mul(0x9e37_79b1) >> 24;
        Self { group: (hash >> 6) as u8, bit: 1 << (hash & 63) }
    }
}

/// The places of several words.
#[derive(Debug)]
struct Places([u64; 4]);

impl Places {
    /// Takes in where a row begins.
    const fn with(mut self, row: &str) -> Self {
        let place = Place::of_first(row);
        self.0[place.group as usize] |= place.bit;
        self
    }

    const fn has(&self, place: Place) -> bool {
        self.0[place.group as usize & 3] & place.bit != 0
    }
}

/// Words, and words in a row: "day after tomorrow"; see [`words`].
#[derive(Debug)]
pub(crate) struct Words {
    rows: &'static [&'static str],
    begin: Places,
}

impl Words {
    /// Lists words, and words in a row.
    pub(crate) const fn new(rows: &'static [&'static str]) -> Self {
        let (mut begin, mut at) = (Places([0; 4]), 0);
        while at < rows.len() {
            begin = begin.with(rows[at]);
            at += 1;
        }
        Self { rows, begin }
    }

    /// Gives all of them, in their order.
    pub(crate) fn rows(&self) -> &'static [&'static str] {
        self.rows
    }

    /// Says whether a word at that place can begin one of them.
    pub(crate) fn can_begin(&self, place: Place) -> bool {
        self.begin.has(place)
    }

    /// Says whether a word is one of them.
    pub(crate) fn contains(&self, word: &str) -> bool {
        self.can_begin(Place::of(word)) && self.rows.contains(&word)
    }
}

/// Gives the rows of some lists that begin with a word, and what their list stands for.
pub(crate) fn rows_from<T>(
    lists: &'static [(&Words, T)],
    first: &str,
) -> impl Iterator<Item = (&'static str, &'static T)> {
    let place = Place::of(first);
    let begins = move |row: &&str| {
        row.as_bytes().get(first.len()).is_none_or(|end| *end == b' ') && row.starts_with(first)
    };
    let near = lists.iter().filter(move |(list, _)| list.can_begin(place));
    near.flat_map(move |(list, value)| list.rows.iter().copied().filter(begins).map(move |row| (row, value)))
}

/// What words, and words in a row, stand for.
#[derive(Debug)]
pub(crate) struct Table<T: 'static> {
    rows: &'static [(&'static str, T)],
    begin: Places,
}

impl<T> Table<T> {
    /// Lists words, and words in a row, with what they stand for.
    pub(crate) const fn new(rows: &'static [(&'static str, T)]) -> Self {
        let (mut begin, mut at) = (Places([0; 4]), 0);
        while at < rows.len() {
            begin = begin.with(rows[at].0);
            at += 1;
        }
        Self { rows, begin }
    }

    /// Gives all of it, in its order.
    pub(crate) fn rows(&self) -> &'static [(&'static str, T)] {
        self.rows
    }

    /// Says whether a word at that place can begin one of its rows.
    pub(crate) fn can_begin(&self, place: Place) -> bool {
        self.begin.has(place)
    }

    /// Gives what a word stands for.
    pub(crate) fn get(&self, word: &str) -> Option<&'static T> {
        let rows = self.can_begin(Place::of(word)).then_some(self.rows)?;
        rows.iter().find(|(row, _)| *row == word).map(|(_, value)| value)
    }
}

/// Hashes the words of our own tables (FNV-1a). Nobody else chooses what is in them, so that none can make them slow.
#[derive(Debug)]
pub(crate) struct Letters(u64);

/// Makes [`Letters`].
pub(crate) type ByLetters = BuildHasherDefault<Letters>;

impl Default for Letters {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Letters {
    fn write(&mut self, letters: &[u8]) {
        for letter in letters {
            self.0 = (self.0 ^ u64::from(*letter)).wrapping_mul(0x100_0000_01b3);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// Makes a list of [`Words`] when the program is compiled.
macro_rules! words {
    ($($row:expr),* $(,)?) => { const { &$crate::words::Words::new(&[$($row),*]) } };
}
pub(crate) use words;
