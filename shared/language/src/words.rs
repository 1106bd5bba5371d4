//! Lists of words, of which most words of a text are in none.
//!
//! Hundreds of lists are asked about each word, so that it is seen at once where a word can not be in one: every word has one of 256
//! slots, and a list knows, since it was compiled, the slots of the words that its rows begin with. Only a word that has one of these
//! is compared.

use std::hash::{BuildHasherDefault, Hasher};

/// One of 256 slots, as a bit in one of four groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slot {
    group: u8,
    bit: u64,
}

impl Slot {
    /// That of no word.
    pub(crate) const NOWHERE: Self = Self { group: 0, bit: 0 };

    /// Gives the slot of a word, by its length, its first two letters and its last.
    pub(crate) const fn of(word: &str) -> Self {
        Self::of_letters(word.as_bytes(), word.len())
    }

    /// Gives the slot of the first word of a row.
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

/// Several slots.
#[derive(Debug)]
struct Slots([u64; 4]);

impl Slots {
    /// Takes in the slot that a row begins with.
    const fn with(mut self, row: &str) -> Self {
        let slot = Slot::of_first(row);
        self.0[slot.group as usize] |= slot.bit;
        self
    }

    const fn has(&self, slot: Slot) -> bool {
        self.0[slot.group as usize & 3] & slot.bit != 0
    }
}

/// Words, and words in a row: "day after tomorrow"; see [`words`].
#[derive(Debug)]
pub(crate) struct Words {
    rows: &'static [&'static str],
    begin: Slots,
}

impl Words {
    /// Lists words, and words in a row.
    pub(crate) const fn new(rows: &'static [&'static str]) -> Self {
        let (mut begin, mut at) = (Slots([0; 4]), 0);
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

    /// Says whether a word with that slot can begin one of them.
    pub(crate) fn can_begin(&self, slot: Slot) -> bool {
        self.begin.has(slot)
    }

    /// Says whether a word is one of them.
    pub(crate) fn contains(&self, word: &str) -> bool {
        self.can_begin(Slot::of(word)) && self.rows.contains(&word)
    }
}

/// Gives the rows of some lists that begin with a word, and what their list stands for.
pub(crate) fn rows_from<T>(
    lists: &'static [(&Words, T)],
    first: &str,
) -> impl Iterator<Item = (&'static str, &'static T)> {
    let slot = Slot::of(first);
    let begins = move |row: &&str| {
        row.as_bytes().get(first.len()).is_none_or(|end| *end == b' ') && row.starts_with(first)
    };
    let near = lists.iter().filter(move |(list, _)| list.can_begin(slot));
    near.flat_map(move |(list, value)| list.rows.iter().copied().filter(begins).map(move |row| (row, value)))
}

/// What words, and words in a row, stand for.
#[derive(Debug)]
pub(crate) struct Table<T: 'static> {
    rows: &'static [(&'static str, T)],
    begin: Slots,
}

impl<T> Table<T> {
    /// Lists words, and words in a row, with what they stand for.
    pub(crate) const fn new(rows: &'static [(&'static str, T)]) -> Self {
        let (mut begin, mut at) = (Slots([0; 4]), 0);
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

    /// Says whether a word with that slot can begin one of its rows.
    pub(crate) fn can_begin(&self, slot: Slot) -> bool {
        self.begin.has(slot)
    }

    /// Gives what a word stands for.
    pub(crate) fn get(&self, word: &str) -> Option<&'static T> {
        let rows = self.can_begin(Slot::of(word)).then_some(self.rows)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &Words = words!["the day", "day after tomorrow", "é", "دن"];

    #[test]
    fn each_row_can_be_begun_by_its_first_word() {
        for first in ["the", "day", "é", "دن"] {
            assert!(LIST.can_begin(Slot::of(first)), "{first}");
            let rows: Vec<_> = rows_from(LISTS, first).collect();
            assert_eq!(
                rows,
                [(LIST.rows().iter().copied().find(|row| row.starts_with(first)).unwrap_or(""), &())]
            );
        }
        assert!(!LIST.can_begin(Slot::of("")));
        assert!(!LIST.can_begin(Slot::NOWHERE));
    }

    const LISTS: &[(&Words, ())] = &[(LIST, ())];

    #[test]
    fn most_words_can_begin_none() {
        let words =
            ["milk", "report", "amna", "دودھ", "baje", "dentist", "invoice", "school", "bread", "bike"];
        let near = words.iter().filter(|word| LIST.can_begin(Slot::of(word)));
        assert!(near.count() <= 2);
    }

    #[test]
    fn a_word_is_found_whole() {
        static TABLE: Table<u32> = Table::new(&[("five", 5), ("fifty", 50)]);
        assert_eq!((TABLE.get("five"), TABLE.get("fife"), TABLE.get("")), (Some(&5), None, None));
        assert!(LIST.contains("دن") && !LIST.contains("the") && !LIST.contains("day"));
    }
}
