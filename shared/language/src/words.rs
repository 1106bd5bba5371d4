//! Lists of words, of which most words of a text are in none.
//!
//! Hundreds of lists are asked about each word, so that it is seen at once where a word can not be in one: every word falls into one of
//! 256 places, and a list knows, since it was compiled, which places its own begin in. Only a word that falls into one of these is
//! compared.

/// Where a word falls: a place, as one bit in one of four groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    group: u8,
    bit: u64,
}

impl Place {
    /// Where nothing falls.
    pub(crate) const NOWHERE: Self = Self { group: 0, bit: 0 };

    /// Gives the place of what stands before the first blank.
    pub(crate) const fn of(row: &str) -> Self {
        let letters = row.as_bytes();
        if letters.is_empty() {
            return Self::NOWHERE;
        }
        // FNV-1a
        let (mut hash, mut at): (u32, usize) = (0x811c_9dc5, 0);
        while at < letters.len() && letters[at] != b' ' {
            hash = (hash ^ letters[at] as u32).wrapping_mul(0x0100_0193);
            at += 1;
        }
        Self { group: (hash >> 30) as u8, bit: 1 << (hash >> 24 & 63) }
    }
}

/// The places of several words.
#[derive(Debug)]
struct Places([u64; 4]);

impl Places {
    const fn with(mut self, place: Place) -> Self {
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
    pub(crate) const fn new(rows: &'static [&'static str]) -> Self {
        let (mut begin, mut at) = (Places([0; 4]), 0);
        while at < rows.len() {
            begin = begin.with(Place::of(rows[at]));
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

/// What words, and words in a row, stand for.
#[derive(Debug)]
pub(crate) struct Table<T: 'static> {
    rows: &'static [(&'static str, T)],
    begin: Places,
}

impl<T> Table<T> {
    pub(crate) const fn new(rows: &'static [(&'static str, T)]) -> Self {
        let (mut begin, mut at) = (Places([0; 4]), 0);
        while at < rows.len() {
            begin = begin.with(Place::of(rows[at].0));
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
}

/// Makes a list of [`Words`] when the program is compiled.
macro_rules! words {
    ($($row:expr),* $(,)?) => { const { &$crate::words::Words::new(&[$($row),*]) } };
}
pub(crate) use words;
