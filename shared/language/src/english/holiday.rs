//! Holidays that are on the same day of every year: "christmas eve", "valentine's day". Those that move stay in the title.

use crate::english::date::Place;
use crate::english::vocabulary;
use crate::meaning::lead::Lead;
use crate::token::Text;
use crate::words::{Table, Words, words};

/// Names, month and day, and whether the name alone says that a day is meant.
#[rustfmt::skip]
static HOLIDAYS: Table<(u32, u32, bool)> = Table::new(&[
    ("christmas eve", (12, 24, true)), ("xmas eve", (12, 24, true)), ("christmas day", (12, 25, true)),
    ("xmas day", (12, 25, true)), ("christmas", (12, 25, false)), ("xmas", (12, 25, false)),
    ("boxing day", (12, 26, true)), ("st stephen's day", (12, 26, true)),
    ("new year's eve", (12, 31, true)), ("new years eve", (12, 31, true)), ("new year eve", (12, 31, true)),
    ("nye", (12, 31, false)), ("new year's day", (1, 1, true)), ("new years day", (1, 1, true)),
    ("new year day", (1, 1, true)), ("the new year", (1, 1, false)), ("new year's", (1, 1, false)),
    ("new years", (1, 1, false)), ("new year", (1, 1, false)), ("burns night", (1, 25, true)),
    ("groundhog day", (2, 2, false)), ("valentine's day", (2, 14, true)), ("valentines day", (2, 14, true)),
    ("valentine day", (2, 14, true)), ("valentine's", (2, 14, false)), ("valentines", (2, 14, false)),
    ("st patrick's day", (3, 17, true)), ("st patricks day", (3, 17, true)), ("saint patrick's day", (3, 17, true)),
    ("april fools' day", (4, 1, true)), ("april fool's day", (4, 1, true)), ("april fools day", (4, 1, true)),
    ("st george's day", (4, 23, true)), ("earth day", (4, 22, false)), ("may day", (5, 1, false)),
    ("cinco de mayo", (5, 5, false)), ("halloween", (10, 31, false)), ("hallowe'en", (10, 31, false)),
    ("guy fawkes night", (11, 5, true)), ("bonfire night", (11, 5, true)), ("st andrew's day", (11, 30, true)),
]);

/// Those of the United States only.
static AMERICAN: Table<(u32, u32, bool)> = Table::new(&[
    ("independence day", (7, 4, false)),
    ("fourth of july", (7, 4, true)),
    ("juneteenth", (6, 19, false)),
    ("veterans day", (11, 11, true)),
    ("veteran's day", (11, 11, true)),
    ("flag day", (6, 14, false)),
    ("tax day", (4, 15, true)),
]);

/// Reads a holiday, and gives its month and day: behind "on", "by", "before", "for" and the like, or at the end where its name
/// says that a day is meant. "christmas party" is none.
pub(crate) fn read(text: &Text<'_>, at: usize, place: Place, is_american: bool) -> Option<(u32, u32, usize)> {
    let start = if text.word(at) == "this" || text.word(at) == "next" { at + 1 } else { at };
    let (&(month, day, is_plain), end) = text
        .look_up(start, &HOLIDAYS)
        .or_else(|| dotted(text, start))
        .or_else(|| text.look_up(start, &AMERICAN).filter(|_| is_american))?;
    #[rustfmt::skip]
    const NAMES: &Words = words![
        "a", "an", "the", "of", "about", "like", "merry", "happy", "my", "our", "your", "and", "or", "nightmare",
        "night", "white", "first", "last", "with", "watch", "read", "to", "is", "called", "father", "blue", "plan",
        "celebrate",
    ];
    let before = text.word_before(start);
    let leader = at.checked_sub(1).map_or("", |lead| text.word_before(lead));
    let is_led = place.lead.is_any() && place.lead != Lead::At || place.lead == Lead::At && !is_plain;
    let is_title = ["nightmare", "night", "road", "countdown"].contains(&leader)
        || at > 0 && text.is_capital(at - 1) && text.is_capital(start) && at > 1;
    let is_free = vocabulary::is_boundary(text, end) || place.is_start && vocabulary::is_verb(text.word(end));
    let at_end = is_plain && start >= 2 && !NAMES.contains(before) && !vocabulary::is_verb(before);
    let is_day = is_led && !is_title
        || place.in_query
        || place.beside_date
        || start > at
        || at_end
        || at == 0 && is_plain;
    (is_day && is_free).then_some((month, day, end))
}

/// "st. patrick's day"
fn dotted(text: &Text<'_>, at: usize) -> Option<(&'static (u32, u32, bool), usize)> {
    let saint = (text.word(at) == "st" && text.is_mark(at + 1, '.')).then_some(at + 2)?;
    let of_saint =
        |(name, day): &'static (&str, _)| Some((day, text.after(saint, name.strip_prefix("st ")?)?));
    HOLIDAYS.rows().iter().find_map(of_saint)
}
