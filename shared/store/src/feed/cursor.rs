//! What a reader of the feed has seen, as a text to be given back later.
//!
//! Numbers are given to transactions when they begin to write, and they commit in any order; so "all up to here" loses what commits late.
//! What a reader has seen is therefore a snapshot, as PostgreSQL makes one for each statement: the transactions that were over by then.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// What a cursor begins with, so that another kind of it is known to be one.
const KIND: u8 = 1;
/// The longest cursor that is read, in characters: some hundred transactions at once, which are as many connections. Each change that was
/// missed has one, so a longer one would cost a reader nothing, and the server much.
const LONGEST: usize = 1024;

/// The low half of a transaction's number. Where it is 0, PostgreSQL takes it for no number.
const LOW: u64 = 0xffff_ffff;

/// Which transactions somebody has seen: all before `end` but those in `unseen`, of the database that has this epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Snapshot {
    epoch: u32,
    end: u64,
    unseen: BTreeSet<u64>,
}

impl Snapshot {
    /// Reads what PostgreSQL writes: `xmin:xmax:xip,xip,…`; the first is the least that was not seen.
    pub(super) fn parse(epoch: i32, text: &str) -> Option<Self> {
        let epoch = u32::try_from(epoch).ok()?;
        let mut parts = text.split(':').skip(1);
        let end = parts.next()?.parse().ok()?;
        let running = parts.next()?.split(',').filter(|number| !number.is_empty());
        let unseen = running.map(str::parse).collect::<Result<BTreeSet<_>, _>>().ok()?;
        Some(Self { epoch, end, unseen })
    }

    /// Gives the least transaction that was not seen.
    fn first_unseen(&self) -> u64 {
        self.unseen.first().copied().unwrap_or(self.end)
    }

    #[cfg(test)]
    fn has(&self, transaction: u64) -> bool {
        transaction < self.end && !self.unseen.contains(&transaction)
    }

    /// Says whether a snapshot that was taken later may be this one: whether it is of the same database, and all that was seen is in its
    /// past.
    pub(super) fn is_before(&self, later: &Self) -> bool {
        self.epoch == later.epoch && self.end <= later.end
    }

    /// Gives this one, and of the transactions before `transaction` what a later one has seen.
    pub(super) fn with_those_before(&self, transaction: u64, later: &Self) -> Self {
        let of_later = later.unseen.range(..transaction);
        let own = self.unseen.range(transaction..);
        let unseen = of_later.chain(own).copied().collect();
        Self { epoch: self.epoch, end: self.end.max(transaction), unseen }
    }

    /// Gives this one and `transaction`, which is not beyond its end.
    fn with(&self, transaction: u64) -> Self {
        let mut unseen = self.unseen.clone();
        unseen.remove(&transaction);
        Self { epoch: self.epoch, end: self.end.max(after(transaction)), unseen }
    }
}

/// Gives the number that comes after a transaction's: those whose low half is 0, 1 or 2 are left out, for they have another meaning.
fn after(transaction: u64) -> u64 {
    let next = transaction + 1;
    if next & LOW < 3 { (next & !LOW) + 3 } else { next }
}

/// Written as PostgreSQL reads it.
impl fmt::Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:", self.first_unseen(), self.end)?;
        for (place, transaction) in self.unseen.iter().enumerate() {
            write!(f, "{}{transaction}", if place == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

/// Where a reader of the feed is. Its text is opaque: letters, digits, `-` and `_`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    pub(super) seen: Snapshot,
    /// A transaction of which the events up to this `seq` were seen, and no later one; it is not in `seen`, nor beyond its end.
    pub(super) within: Option<(u64, i64)>,
}

impl Cursor {
    pub(super) fn at(seen: Snapshot) -> Self {
        Self { seen, within: None }
    }

    /// Gives where somebody is who has read what was left of the transaction that they were within.
    pub(super) fn after_the_rest(&self) -> Self {
        Self::at(
            self.within.map_or_else(|| self.seen.clone(), |(transaction, _)| self.seen.with(transaction)),
        )
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = vec![KIND];
        put(&mut bytes, self.seen.epoch.into());
        put(&mut bytes, self.seen.end);
        put(&mut bytes, u64::try_from(self.seen.unseen.len()).expect("there are few"));
        let mut last = self.seen.end;
        for transaction in self.seen.unseen.iter().rev() {
            put(&mut bytes, last - transaction);
            last = *transaction;
        }
        if let Some((transaction, seq)) = self.within {
            put(&mut bytes, self.seen.end - transaction);
            put(&mut bytes, seq.unsigned_abs());
        }
        f.write_str(&URL_SAFE_NO_PAD.encode(bytes))
    }
}

/// A text that no version of this program gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no cursor of the feed")]
pub struct NoCursor;

impl FromStr for Cursor {
    type Err = NoCursor;

    fn from_str(text: &str) -> Result<Self, NoCursor> {
        if text.len() > LONGEST {
            return Err(NoCursor);
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| NoCursor)?;
        read(&bytes).ok_or(NoCursor)
    }
}

fn read(bytes: &[u8]) -> Option<Cursor> {
    let (kind, mut rest) = bytes.split_first()?;
    let is_number = |number: u64| number & LOW > 0 && number < 1 << 62;
    let epoch = take(&mut rest).filter(|_| *kind == KIND).and_then(|epoch| u32::try_from(epoch).ok())?;
    let end = take(&mut rest).filter(|end| is_number(*end))?;
    let mut unseen = BTreeSet::new();
    let mut last = end;
    for _ in 0..take(&mut rest)? {
        let step = take(&mut rest).filter(|step| (1..last).contains(step))?;
        last -= step;
        unseen.insert(Some(last).filter(|last| is_number(*last))?);
    }
    let seen = Snapshot { epoch, end, unseen };
    if rest.is_empty() {
        return Some(Cursor::at(seen));
    }
    let transaction = end.checked_sub(take(&mut rest)?)?;
    let seq = i64::try_from(take(&mut rest)?).ok()?;
    let is_unseen = transaction == end || seen.unseen.contains(&transaction);
    (is_unseen && rest.is_empty()).then_some(Cursor { seen, within: Some((transaction, seq)) })
}

/// Writes a number, seven bits a byte, the least ones first.
fn put(bytes: &mut Vec<u8>, mut number: u64) {
    loop {
        let low = u8::try_from(number & 0x7f).expect("seven bits");
        number >>= 7;
        if number == 0 {
            return bytes.push(low);
        }
        bytes.push(low | 0x80);
    }
}

fn take(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for place in 0..10 {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(first & 0x7f).checked_shl(7 * place)?;
        if first & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const EPOCH: u32 = 7;

    fn snapshot(end: u64, unseen: &[u64]) -> Snapshot {
        Snapshot { epoch: EPOCH, end, unseen: unseen.iter().copied().collect() }
    }

    #[test]
    fn a_snapshot_is_read_and_written_as_postgresql_does() {
        for (text, known) in [
            ("10:10:", snapshot(10, &[])),
            ("10:20:10,14,15", snapshot(20, &[10, 14, 15])),
            ("795:798:795", snapshot(798, &[795])),
        ] {
            assert_eq!(Snapshot::parse(7, text), Some(known.clone()), "{text}");
            assert_eq!(known.to_string(), text);
        }
        for text in ["", "1", "1:2", "a:b:c", "1:2:x"] {
            assert_eq!(Snapshot::parse(7, text), None, "{text}");
        }
    }

    #[test]
    fn a_cursor_comes_back_as_it_was() {
        let long: Vec<u64> = (1_000_000..1_000_500).collect();
        for cursor in [
            Cursor::at(snapshot(3, &[])),
            Cursor::at(snapshot((1 << 61) + 3, &[1, 2, (1 << 60) + 3])),
            Cursor::at(snapshot(1_000_500, &long)),
            Cursor { seen: snapshot(20, &[10, 14]), within: Some((14, 7)) },
            Cursor { seen: snapshot(20, &[10]), within: Some((20, i64::MAX)) },
            Cursor::at(Snapshot { epoch: u32::MAX, ..snapshot(20, &[10]) }),
        ] {
            let text = cursor.to_string();
            assert_eq!(text.parse(), Ok(cursor), "{text}");
        }
        assert!(Cursor::at(snapshot(100_000_000, &[99_999_990])).to_string().len() <= 14);
    }

    #[test]
    fn a_snapshot_of_another_database_is_before_none() {
        let (earlier, later) = (snapshot(10, &[]), snapshot(20, &[]));
        assert!(earlier.is_before(&later) && earlier.is_before(&earlier) && !later.is_before(&earlier));
        assert!(!earlier.is_before(&Snapshot { epoch: EPOCH + 1, ..later }));
    }

    #[test]
    fn the_numbers_of_transactions_go_on_after_four_billion() {
        assert_eq!((after(41), after(LOW - 1), after(LOW)), (42, LOW, (1 << 32) + 3));
        let within = Cursor { seen: snapshot(LOW, &[10]), within: Some((LOW, 1)) };
        assert_eq!(within.after_the_rest(), Cursor::at(snapshot((1 << 32) + 3, &[10])));
    }

    #[test]
    fn a_text_that_is_no_cursor_is_none() {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        for wrong in [
            String::new(),
            "nonsense!".to_owned(),
            "x".repeat(LONGEST + 1),
            text(&[2, 7, 10, 0]),
            text(&[1]),
            text(&[1, 7]),
            // An epoch that is none.
            text(&[1, 0x80, 0x80, 0x80, 0x80, 0x10, 10, 0]),
            text(&[1, 7, 0, 0]),
            // 2³².
            text(&[1, 7, 0x80, 0x80, 0x80, 0x80, 0x10, 0]),
            text(&[1, 7, 10]),
            text(&[1, 7, 10, 1]),
            // Unseen are: the end itself, and 0.
            text(&[1, 7, 10, 1, 0]),
            text(&[1, 7, 10, 1, 10]),
            // Within one that was seen, beyond its end; and more than there is to say.
            text(&[1, 7, 10, 1, 1, 2, 5]),
            text(&[1, 7, 10, 1, 1, 11, 5]),
            text(&[1, 7, 10, 1, 1, 1, 5, 5]),
            text(&[1, 7, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0]),
            text(&[1, 7, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x40, 0]),
        ] {
            assert_eq!(wrong.parse::<Cursor>(), Err(NoCursor), "{wrong}");
        }
    }

    /// Events by (transaction, seq), as a reader sees them who has seen nothing of `cursor`'s.
    fn news(cursor: &Cursor, now: &Snapshot, events: &[(u64, i64)]) -> Vec<((u64, i64), Cursor)> {
        let is_visible =
            |(transaction, _): &&(u64, i64)| now.has(*transaction) && !cursor.seen.has(*transaction);
        let mut all = Vec::new();
        let mut from = cursor.clone();
        if let Some((within, after)) = cursor.within {
            let rest = events.iter().filter(|(transaction, seq)| *transaction == within && *seq > after);
            all.extend(rest.map(|event| (*event, Cursor { within: Some(*event), ..cursor.clone() })));
            from = cursor.after_the_rest();
        }
        let mut others: Vec<_> =
            events.iter().filter(is_visible).filter(|event| !from.seen.has(event.0)).copied().collect();
        others.sort_unstable();
        let place = |event: &(u64, i64)| Cursor {
            seen: from.seen.with_those_before(event.0, now),
            within: Some(*event),
        };
        all.extend(others.iter().map(|event| (*event, place(event))));
        all
    }

    proptest! {
        /// Transactions begin and commit in any order; a reader reads now and then, goes away in the middle, and comes back with what it
        /// had last, which went through a text.
        #[test]
        fn every_event_is_read_once_whatever_commits_when_and_wherever_a_reader_goes_away(
            steps in prop::collection::vec((0_u8..4, 0_usize..8, 1_usize..4), 1..80),
        ) {
            let mut next = 100;
            let mut seq = 0;
            let mut running: Vec<(u64, Vec<(u64, i64)>)> = Vec::new();
            let mut committed = Vec::new();
            let mut cursor = Cursor::at(snapshot(next, &[]));
            let mut read = Vec::new();
            let look = |cursor: &mut Cursor, read: &mut Vec<(u64, i64)>, running: &[(u64, Vec<(u64, i64)>)], next, committed: &[(u64, i64)], at_most: usize| {
                let now = Snapshot { epoch: EPOCH, end: next, unseen: running.iter().map(|(transaction, _)| *transaction).collect() };
                let found = news(cursor, &now, committed);
                let is_all = found.len() <= at_most;
                for (event, place) in found.into_iter().take(at_most) {
                    read.push(event);
                    *cursor = place.to_string().parse().expect("what was given is read");
                }
                if is_all {
                    *cursor = Cursor::at(now);
                }
            };
            for (step, which, count) in steps {
                match step {
                    0 => {
                        running.push((next, Vec::new()));
                        next += 1;
                    }
                    1 if !running.is_empty() => {
                        let place = which % running.len();
                        for _ in 0..count {
                            seq += 1;
                            let transaction = running[place].0;
                            running[place].1.push((transaction, seq));
                        }
                    }
                    2 if !running.is_empty() => {
                        let (_, events) = running.remove(which % running.len());
                        committed.extend(events);
                    }
                    _ => look(&mut cursor, &mut read, &running, next, &committed, which),
                }
            }
            committed.extend(running.drain(..).flat_map(|(_, events)| events));
            look(&mut cursor, &mut read, &running, next, &committed, usize::MAX);
            read.sort_unstable();
            committed.sort_unstable();
            prop_assert_eq!(read, committed);
        }
    }
}
