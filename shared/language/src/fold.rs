//! The form of a word in which it is compared: what is written in several ways is equal in it. Texts keep their own form.
//!
//! | written | compared as |
//! |---|---|
//! | `Milk`, `’` | `milk`, `'` |
//! | `ي` `ى`, `ك`, `ه` `ة` `ۃ` `ۂ`, `أ` `إ` `آ`, `ؤ`, `ئ` `ۓ` | `ی`, `ک`, `ہ`, `ا`, `و`, `ی` `ے` |
//! | letters and marks above or below them, composed or not | the letter alone |
//! | presentation forms: `ﺷ` `ﺎ` `ﻡ` | `ش` `ا` `م` |
//! | `٥` `۵`, `٪` `٫` `٬`, `،` `؛` `؟` `۔` | `5`, `%` `.` `,`, `,` `;` `?` `.` |
//! | tatweel, joiners, marks of direction | nothing |

use std::borrow::Cow;

/// Gives the form in which a word is compared.
pub(crate) fn fold(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        let is_lower = !text.bytes().any(|letter| letter.is_ascii_uppercase());
        return if is_lower { text.into() } else { text.to_ascii_lowercase().into() };
    }
    // Most words are in that form already.
    if !text.starts_with('ھ') && text.chars().all(|c| is_caseless(c) && plain(c) == Some(c)) {
        return text.into();
    }
    let mut folded = String::with_capacity(text.len());
    for c in text.chars().filter_map(plain) {
        match c {
            'ﻻ' => folded.push_str("لا"),
            // No word begins with the aspirating he: it is the other one, of another keyboard.
            'ھ' if folded.is_empty() => folded.push('ہ'),
            c if is_caseless(c) => folded.push(c),
            c => folded.extend(c.to_lowercase()),
        }
    }
    folded.into()
}

/// Says whether a character is surely neither a capital nor a small letter: those of Urdu are not.
fn is_caseless(c: char) -> bool {
    matches!(c, '\u{600}'..='\u{6ff}')
}

/// Says what [`char::is_alphabetic`] says, and at once for the letters of Urdu.
pub(crate) fn is_letter(c: char) -> bool {
    matches!(c, '\u{620}'..='\u{64a}' | '\u{671}'..='\u{6d3}') || c.is_alphabetic()
}

/// Says what [`char::is_alphanumeric`] says, and at once for the letters of Urdu.
pub(crate) fn is_alphanumeric(c: char) -> bool {
    is_letter(c) || c.is_numeric()
}

/// Gives the digit that a character is, of any of the three kinds.
pub(crate) fn digit(c: char) -> Option<char> {
    match c {
        '0'..='9' => Some(c),
        '٠'..='٩' => char::from_digit(u32::from(c) - u32::from('٠'), 10),
        '۰'..='۹' => char::from_digit(u32::from(c) - u32::from('۰'), 10),
        _ => None,
    }
}

/// Says whether a character only steers the direction of the text.
pub(crate) fn is_direction(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Gives the character that stands for one; `None` for what only changes how the one before looks.
fn plain(c: char) -> Option<char> {
    let c = unshaped(c);
    Some(match c {
        '\u{2018}' | '\u{2019}' => '\'',
        'ي' | 'ى' | 'ئ' | 'ۍ' | 'ې' => 'ی',
        'ك' | 'ڪ' => 'ک',
        'ه' | 'ة' | 'ۃ' | 'ۂ' | 'ۀ' | 'ە' => 'ہ',
        'أ' | 'إ' | 'آ' | 'ٱ' => 'ا',
        'ؤ' => 'و',
        'ۓ' => 'ے',
        '،' => ',',
        '؛' => ';',
        '؟' => '?',
        '۔' | '٫' => '.',
        '٬' => ',',
        '٪' => '%',
        'ء' | 'ـ' | '\u{200c}' | '\u{200d}' => return None,
        '\u{610}'..='\u{61a}' | '\u{64b}'..='\u{65f}' | '\u{670}' | '\u{6d6}'..='\u{6ed}' => return None,
        c if is_direction(c) => return None,
        c => digit(c).unwrap_or(c),
    })
}

/// The first form of each letter that Unicode has forms for, and the letter.
#[rustfmt::skip]
const FORMS: [(char, char); 72] = [
    ('\u{fb50}', 'ا'), ('\u{fb52}', 'ٻ'), ('\u{fb56}', 'پ'), ('\u{fb5a}', 'ڀ'), ('\u{fb5e}', 'ٺ'),
    ('\u{fb62}', 'ٿ'), ('\u{fb66}', 'ٹ'), ('\u{fb6a}', 'ڤ'), ('\u{fb6e}', 'ڦ'), ('\u{fb72}', 'ڄ'),
    ('\u{fb76}', 'ڃ'), ('\u{fb7a}', 'چ'), ('\u{fb7e}', 'ڇ'), ('\u{fb82}', 'ڍ'), ('\u{fb84}', 'ڌ'),
    ('\u{fb86}', 'ڎ'), ('\u{fb88}', 'ڈ'), ('\u{fb8a}', 'ژ'), ('\u{fb8c}', 'ڑ'), ('\u{fb8e}', 'ک'),
    ('\u{fb92}', 'گ'), ('\u{fb96}', 'ڳ'), ('\u{fb9a}', 'ڱ'), ('\u{fb9e}', 'ں'), ('\u{fba0}', 'ڻ'),
    ('\u{fba4}', 'ۀ'), ('\u{fba6}', 'ہ'), ('\u{fbaa}', 'ھ'), ('\u{fbae}', 'ے'), ('\u{fbb0}', 'ۓ'),
    ('\u{fbb2}', '\u{fbb2}'), ('\u{fbfc}', 'ی'), ('\u{fc00}', '\u{fc00}'), ('\u{fe80}', 'ء'),
    ('\u{fe81}', 'آ'), ('\u{fe83}', 'أ'), ('\u{fe85}', 'ؤ'), ('\u{fe87}', 'إ'), ('\u{fe89}', 'ئ'),
    ('\u{fe8d}', 'ا'), ('\u{fe8f}', 'ب'), ('\u{fe93}', 'ة'), ('\u{fe95}', 'ت'), ('\u{fe99}', 'ث'),
    ('\u{fe9d}', 'ج'), ('\u{fea1}', 'ح'), ('\u{fea5}', 'خ'), ('\u{fea9}', 'د'), ('\u{feab}', 'ذ'),
    ('\u{fead}', 'ر'), ('\u{feaf}', 'ز'), ('\u{feb1}', 'س'), ('\u{feb5}', 'ش'), ('\u{feb9}', 'ص'),
    ('\u{febd}', 'ض'), ('\u{fec1}', 'ط'), ('\u{fec5}', 'ظ'), ('\u{fec9}', 'ع'), ('\u{fecd}', 'غ'),
    ('\u{fed1}', 'ف'), ('\u{fed5}', 'ق'), ('\u{fed9}', 'ك'), ('\u{fedd}', 'ل'), ('\u{fee1}', 'م'),
    ('\u{fee5}', 'ن'), ('\u{fee9}', 'ه'), ('\u{feed}', 'و'), ('\u{feef}', 'ى'), ('\u{fef1}', 'ي'),
    ('\u{fef5}', 'ﻻ'), ('\u{fefd}', '\u{fefd}'), ('\u{ff00}', '\u{ff00}'),
];

/// Gives the letter of a presentation form, and anything else as it is.
fn unshaped(c: char) -> char {
    if !('\u{fb50}'..='\u{fefc}').contains(&c) {
        return c;
    }
    let at = FORMS.partition_point(|(first, _)| *first <= c);
    match FORMS.get(at.wrapping_sub(1)) {
        Some((first, letter)) if first != letter => *letter,
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_of_urdu_are_letters() {
        for c in '\u{600}'..='\u{6ff}' {
            assert_eq!((is_letter(c), is_alphanumeric(c)), (c.is_alphabetic(), c.is_alphanumeric()), "{c}");
            assert!(c.to_lowercase().eq([c]), "{c}");
        }
    }

    #[test]
    fn what_is_written_in_several_ways_is_compared_as_one() {
        for (written, compared) in [
            ("MILK’s", "milk's"),
            ("آج", "اج"),
            ("\u{627}\u{653}ج", "اج"),
            ("جمعۃ", "جمعہ"),
            ("كرنا", "کرنا"),
            ("جولائي", "جولایی"),
            ("\u{feb7}\u{fe8e}\u{fee1}", "شام"),
            ("\u{fefb}نا", "لانا"),
            ("ھفتہ", "ہفتہ"),
            ("دودھ", "دودھ"),
            ("شـــام", "شام"),
            ("کُل", "کل"),
            ("٥:۳۰", "5:30"),
            ("\u{2067}کل\u{2069}", "کل"),
            ("É", "é"),
        ] {
            assert_eq!(fold(written), compared, "{written}");
        }
    }
}
