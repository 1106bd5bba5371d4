//! Changes: "اسے کل پر کر دو", "دودھ کا نام دہی رکھ دو", "2 کو فوری کر دو", "میٹنگ ایک گھنٹہ آگے کر دو".

use chrono::{NaiveDateTime, TimeDelta};
use chrono_tz::Tz;
use domain::task::Priority;

use crate::clause::Clause;
use crate::meaning::clock;
use crate::meaning::compose::{self, Meaning};
use crate::meaning::phrase::{Mode, Phrase};
use crate::span::{Span, SpanKind};
use crate::token::{Kind, Text, quoted};
use crate::urdu::lexicon::{Lexemes, Said};
use crate::urdu::phrase::{self, Look};
use crate::urdu::target::{self, Found};
use crate::urdu::{act, duration, label, verb, wish};
use crate::words::{Words, words};
use crate::{Action, Change, Changes, Command, Context, DueChange, Problem, ReminderText, Target};

/// Reads a change of a task that exists.
pub(crate) fn read(said: &Said<'_>, context: &Context) -> Option<Clause> {
    snoozed(said, context)
        .or_else(|| renamed(said, context))
        .or_else(|| cleared(said, context))
        .or_else(|| tagged(said, context))
        .or_else(|| shifted(said, context))
        .or_else(|| changed(said, context))
        .or_else(|| changed(&verb_last(said)?.said(), context))
}

/// "X wala task postpone kar do sunday tak", "move karo X friday pe": the same with the verb where it belongs.
fn verb_last<'a>(said: &Said<'a>) -> Option<Lexemes<'a>> {
    let text = &said.text;
    let end = act::without_courtesies(text);
    let (from, to) = (0..end).find_map(|at| {
        let to =
            verb::command(text, at + 1, "kar").filter(|to| MOVES.contains(text.word(at)) && *to < end)?;
        Some((at, to))
    })?;
    let mut moved = said.part(0, end).to_lexemes();
    moved.put_last(from, to);
    Some(moved)
}

fn clause(
    said: &Said<'_>,
    found: Found,
    changes: Changes,
    verb: (usize, usize),
    value: Vec<Span>,
    confidence: f64,
) -> Clause {
    let mut spans = found.spans;
    spans.extend(said.text.span(verb.0, verb.1, SpanKind::Intent));
    spans.extend(value);
    let missing = found.targets.contains(&Target::Missing).then_some(Problem::MissingTarget);
    let empty = changes.is_empty().then_some(Problem::MissingChange);
    let action = |target| Action::Update { target, changes: changes.clone() };
    let mut targets = found.targets.into_iter();
    let mut clause = Clause::one(action(targets.next().unwrap_or(Target::Missing)), spans, confidence);
    clause.commands.extend(targets.map(|target| Command { action: action(target), spans: Vec::new() }));
    clause.with_problem(missing.or(empty))
}

/// How long "snooze" is, in minutes.
const SNOOZE_MINUTES: i64 = 10;

/// "snooze kar do", "10 منٹ بعد دوبارہ یاد دلانا", "kal subah tak snooze karo".
fn snoozed(said: &Said<'_>, context: &Context) -> Option<Clause> {
    let text = &said.text;
    let end = act::without_courtesies(text);
    let at = snooze_at(text)?;
    // What is said besides is the task, and until when.
    let (before, after) = (said.part(0, at), said.part(at, end));
    let look = Look { mode: Mode { is_value: true, ..Mode::default() }, ..Look::default() };
    let mut until = None;
    let mut value = Vec::new();
    let mut rest = before.part(0, before.text.len());
    for part in [&before, &after] {
        let Some((from, to, at)) = moment(part, context, look) else { continue };
        until = Some(at);
        value.extend(part.text.span(from, to, SpanKind::Reminder));
        if std::ptr::eq(part, &before) {
            let name = if from == 0 { part.part(to, part.text.len()) } else { part.part(0, from) };
            rest = name;
        }
    }
    let found = target::read(&rest, context);
    let found =
        if found.targets == [Target::Missing] { Found { targets: vec![Target::It], ..found } } else { found };
    let until = match until {
        Some(until) => until,
        None => context.now.checked_add_signed(TimeDelta::minutes(SNOOZE_MINUTES))?,
    };
    let mut spans = found.spans;
    spans.extend(text.span(at, end, SpanKind::Intent));
    spans.extend(value);
    let mut targets = found.targets.into_iter();
    Some(Clause::one(Action::Snooze { target: targets.next()?, until }, spans, 0.9))
}

/// Says whether a text asks to be reminded again later.
pub(crate) fn is_snooze(text: &Text<'_>) -> bool {
    snooze_at(text).is_some()
}

fn snooze_at(text: &Text<'_>) -> Option<usize> {
    let end = act::without_courtesies(text);
    let again = |at: usize| {
        let next = text.after_any(at + 1, words!["se", "mujhe"]).unwrap_or(at + 1);
        text.is_any(at, words!["dobara", "phir"])
            && text.is_any(next, words!["yaad", "remind"])
            && wish::read(text, next) == Some(end)
    };
    (0..end).find(|at| text.word(*at) == "snooze" || again(*at))
}

/// Finds "10 منٹ بعد", "10 minute ke liye", "کل صبح 9 بجے تک" in a text.
fn moment(said: &Said<'_>, context: &Context, look: Look) -> Option<(usize, usize, NaiveDateTime)> {
    let text = &said.text;
    for at in 0..text.len() {
        if let Some((length, end)) = duration::read(text, at) {
            let end = text.after_any(end, words!["ke liye", "ke baad", "baad", "mein"]).unwrap_or(end);
            return Some((at, end, length.after(context.now, context.zone)?));
        }
        let rest = said.part(at, text.len());
        if !phrase::begins(&rest, context, look) {
            if at > 40 {
                return None;
            }
            continue;
        }
        let phrases: Vec<Phrase> = phrase::scan(&rest, context, look);
        let first = phrases.first().filter(|phrase| phrase.from == 0 && phrase.is_temporal());
        if first.is_some() {
            let end =
                phrases.iter().take_while(|phrase| phrase.is_temporal()).last().map_or(0, |phrase| phrase.to);
            let meaning = compose::compose(phrases, context, |_| String::new());
            let due = meaning.due?;
            let time = due.time.unwrap_or_else(|| clock::time(9, 0));
            return Some((at, at + end, due.date.and_time(time)));
        }
        if at > 40 {
            return None;
        }
    }
    None
}

/// "دودھ کا نام دہی رکھ دو", "2 ka title report bhejna kar do", "X ko badal kar Y kar do".
fn renamed(said: &Said<'_>, context: &Context) -> Option<Clause> {
    let text = &said.text;
    let end = act::without_courtesies(text);
    let verb = verb::command_of(text, end, &["rakh", "kar"]);
    let verb = verb.or_else(|| {
        let from = verb::command_of(text, end, &["badal", "tabdeel"]);
        from.or_else(|| end.checked_sub(1).filter(|at| text.is_any(*at, words!["badal-o"])))
    })?;
    let named = (1..verb).find_map(|at| {
        let end = text.after_any(
            at,
            words!["ka naam badal kar", "ka naam", "ka naya naam", "ko badal kar", "ko rename kar ke"],
        )?;
        Some((at, end))
    });
    let (at, start) = named?;
    let start = text.after_any(start, words!["badal kar", "ab"]).unwrap_or(start);
    let mut stop = verb;
    if stop > start && text.is_any(stop - 1, words!["rename", "set", "tabdeel"]) {
        stop -= 1;
    }
    let found = target::read(&said.part(0, at), context);
    let title = match text.tokens.get(start) {
        Some(token) if token.kind == Kind::Quoted && start + 1 == stop => quoted(token.text),
        _ => text.slice(start, stop),
    };
    let changes = Changes { title: (!title.is_empty()).then(|| title.to_owned()), ..Changes::default() };
    let value = text.span(start, stop, SpanKind::Title).into_iter().collect();
    Some(clause(said, found, changes, (stop, end), value, 0.93))
}

/// "دودھ کی تاریخ ہٹا دو", "2 ka reminder band kar do", "ise dohrana band karo".
pub(crate) fn cleared(said: &Said<'_>, context: &Context) -> Option<Clause> {
    let text = &said.text;
    let end = act::without_courtesies(text);
    let removes = verb::command_of(text, end, &["hata", "mita", "nikal", "khatam"]);
    let verb = removes.or_else(|| {
        let from = verb::command_before(text, end, "kar")?;
        let named = from.checked_sub(1)?;
        text.is_any(named, words!["delete", "khatam", "band", "cancel", "clear"]).then_some(named)
    })?;
    let any = |rows: &[&str]| text.row_before(verb, rows);
    let (changes, from) = if let Some(from) = any(&[
        "ki due date",
        "ki tarikh aur waqt",
        "ki tarikh",
        "ka waqt",
        "ki deadline",
        "ki ded lain",
        "ka time",
        "ki date",
    ]) {
        (Changes { due: Some(DueChange::Clear), ..Changes::default() }, from)
    } else if let Some(from) = any(&["ka reminder", "ki yaad dehani", "ke reminder", "ki reminder"]) {
        (Changes { reminders: Some(Change::Clear), ..Changes::default() }, from)
    } else if let Some(from) =
        any(&["ki takrar", "ka dohra-na", "ka repeat", "ko dohra-na", "ko repeat kar-na", "ki repeat"])
    {
        (Changes { recurrence: Some(Change::Clear), ..Changes::default() }, from)
    } else {
        let from = any(&["ki priority"])?;
        (Changes { priority: Some(Priority::Medium), ..Changes::default() }, from)
    };
    let found = target::read(&said.part(0, from), context);
    Some(clause(said, found, changes, (from, end), Vec::new(), 0.9))
}

/// "دودھ پر گھر کا ٹیگ لگا دو", "2 se ghar ka tag hata do".
fn tagged(said: &Said<'_>, context: &Context) -> Option<Clause> {
    let text = &said.text;
    let end = act::without_courtesies(text);
    let adds = verb::command_of(text, end, &["laga", "de", "kar", "daal"]);
    let adds = adds.map(|from| if from > 0 && text.word(from - 1) == "add" { from - 1 } else { from });
    let removes = verb::command_of(text, end, &["hata", "mita", "nikal"]);
    let (verb, is_added) = match (removes, adds) {
        (Some(from), _) => (from, false),
        (None, Some(from)) => (from, true),
        (None, None) => return None,
    };
    if verb < 2 {
        return None;
    }
    // "bill wale task mein tag #ghar add karo"
    let hash = verb - 1;
    if text.tokens[hash].text.starts_with('#') && is_added {
        let named = if text.word(hash - 1) == "tag" { hash - 1 } else { hash };
        let place = named.checked_sub(1).filter(|at| text.is_any(*at, words!["mein", "par", "ko", "ke"]))?;
        let tag = domain::task::parse_tag(text.tokens[hash].text.trim_start_matches('#')).ok()?;
        let found = target::read(&said.part(0, place), context);
        if found.targets == [Target::Missing] || !found.is_plain {
            return None;
        }
        let changes = Changes { add_tags: vec![tag], ..Changes::default() };
        let value = text.span(hash, verb, SpanKind::Tag).into_iter().collect();
        return Some(clause(said, found, changes, (verb, end), value, 0.9));
    }
    if verb < 3 || text.word(verb - 1) != "tag" {
        return None;
    }
    let name_end = if text.is_any(verb - 2, words!["ka", "ki"]) { verb - 2 } else { verb - 1 };
    let name_at = name_end.checked_sub(1)?;
    let token = text.tokens.get(name_at)?;
    let name = if token.kind == Kind::Quoted { quoted(token.text) } else { token.text };
    let tag = domain::task::parse_tag(name.trim_start_matches('#')).ok()?;
    let found = target::read(&said.part(0, name_at), context);
    if found.targets == [Target::Missing] {
        return None;
    }
    let changes = if is_added {
        Changes { add_tags: vec![tag], ..Changes::default() }
    } else {
        Changes { remove_tags: vec![tag], ..Changes::default() }
    };
    let value = text.span(name_at, name_end, SpanKind::Tag).into_iter().collect();
    Some(clause(said, found, changes, (name_end, end), value, 0.9))
}

#[rustfmt::skip]
const REPEATS: &Words = words!["dohra-o", "dohrao", "dohraao", "duhrao", "dohraein", "دہراؤ", "دہراو", "دوہراؤ", "دوہراو", "دہرائیں"];

const MOVES: &Words = words!["multavi", "muntaqil", "late", "aage", "peeche", "tabdeel"];

/// "میٹنگ ایک گھنٹہ آگے کر دو", "ise 2 din ke liye multavi karo", "dentist ek ghanta pehle kar do".
fn shifted(said: &Said<'_>, context: &Context) -> Option<Clause> {
    let text = &said.text;
    let end = act::without_courtesies(text);
    let does = verb::command_of(text, end, &["kar", "barha", "le", "kara"])?;
    let mut stop = does;
    let mut is_earlier = None;
    while stop > 0 {
        let word = text.word(stop - 1);
        if MOVES.contains(word) {
            is_earlier = is_earlier.or(Some(word == "peeche").filter(|earlier| *earlier));
            is_earlier = is_earlier.or(Some(false));
        } else if matches!(word, "pehle" | "jaldi") {
            is_earlier = Some(true);
        } else if word == "baad" {
            is_earlier = Some(false);
        } else if word == "liye" && stop > 1 && text.word(stop - 2) == "ke" {
            stop -= 1;
        } else if word != "mazeed" {
            break;
        }
        stop -= 1;
    }
    let is_earlier = is_earlier?;
    let first = stop.saturating_sub(6);
    let from = (first..stop).find(|from| duration::read(text, *from).is_some_and(|(_, end)| end == stop))?;
    let (length, _) = duration::read(text, from)?;
    let later = length.after(context.now, Tz::UTC)? - context.now;
    let shift = if is_earlier { TimeDelta::zero() - later } else { later };
    // "کا ریمائنڈر 1 گھنٹہ پہلے کر دو": when to remind, not when it is due.
    if let Some(name_end) = from
        .checked_sub(2)
        .filter(|at| text.word(at + 1) == "reminder" && text.is_any(*at, words!["ka", "ki"]))
    {
        let (lead, _) = duration::read_lead(text, from)?;
        let changes =
            Changes { reminders: Some(Change::Set(vec![ReminderText::Lead(lead)])), ..Changes::default() };
        let found = target::read(&said.part(0, name_end), context);
        let value = text.span(from, stop, SpanKind::Reminder).into_iter().collect();
        return Some(clause(said, found, changes, (does, end), value, 0.9));
    }
    let found = target::read(&said.part(0, from), context);
    let changes = Changes { due: Some(DueChange::Shift(shift)), ..Changes::default() };
    let value = text.span(from, stop, SpanKind::Duration).into_iter().collect();
    Some(clause(said, found, changes, (does, end), value, 0.9))
}

/// "اسے کل پر کر دو", "دودھ والا کام جمعے پر منتقل کرو", "2 کو فوری کر دو", "report ki priority high karo".
fn changed(said: &Said<'_>, context: &Context) -> Option<Clause> {
    let text = &said.text;
    let end = act::without_courtesies(text);
    let repeats = end.checked_sub(1).filter(|at| text.is_any(*at, REPEATS));
    let does =
        verb::command_of(text, end, &["kar", "le", "rakh", "bana", "badal", "kara", "daal"]).or(repeats)?;
    let mut verb = does;
    let mut moves = text.is_any(does, words!["badal", "badal-o"]);
    while verb > 0
        && (MOVES.contains(text.word(verb - 1))
            || text.is_any(verb - 1, words!["set", "update", "mark", "repeat"]))
    {
        verb -= 1;
        moves |= !text.is_any(verb, words!["set", "mark"]);
    }
    let Some((from, meaning, mut value, priority)) = value_before(said, verb, context) else {
        // Without a new date it is a change only where a task is named as one.
        let found = target::read(&said.part(0, verb), context);
        let names = moves && found.targets != [Target::Missing];
        return names.then(|| clause(said, found, Changes::default(), (verb, end), Vec::new(), 0.5));
    };
    let (name_end, says_field) = without_field(text, from);
    let name = said.part(0, name_end);
    let is_marked =
        name_end > 0 && text.is_any(name_end - 1, words!["ko", "ka", "ki", "ke"]) || name_end < from;
    let found = target::read(&name, context);
    let changes = of_meaning(&meaning, priority);
    if changes.is_empty() || found.targets == [Target::Missing] && !(moves || says_field) {
        return None;
    }
    let lead = text.is_any(verb.saturating_sub(1), words!["par", "tak", "ko"]);
    // "کل ڈاکٹر سے ملاقات 5 بجے رکھ دو" makes a new one.
    let confidence = match (found.is_plain, moves || says_field || is_marked) {
        (true, _) | (_, true) => 0.93,
        (false, false) if lead && text.word(does) != "rakh" => 0.8,
        (false, false) if changes.priority.is_some() && changes.due.is_none() => 0.8,
        (false, false) => return None,
    };
    let problem = meaning.problem;
    value.sort_by_key(|span| span.start);
    Some(clause(said, found, changes, (verb, end), value, confidence).with_problem(problem))
}

type Value = (usize, Meaning, Vec<Span>, Option<Priority>);

/// Finds the new value that ends at `end`: dates, times, priorities, repetitions, and the words that only link them.
fn value_before(said: &Said<'_>, end: usize, context: &Context) -> Option<Value> {
    let text = &said.text;
    let look = Look { mode: Mode { is_value: true, ..Mode::default() }, ..Look::default() };
    let first = end.saturating_sub(14);
    for from in first..end {
        if text.tokens[from].kind == Kind::Mark {
            continue;
        }
        let part = said.part(from, end);
        let is_first = phrase::begins(&part, context, look);
        let level = label::priority_word(part.text.word(0))
            .filter(|_| part.text.len() == 1 || part.text.word(1) == "priority" && part.text.len() == 2);
        if !is_first && level.is_none() {
            continue;
        }
        let phrases = phrase::scan(&part, context, look);
        let meaning =
            compose::compose(phrases, context, |phrase| part.text.slice(phrase.from, phrase.to).to_owned());
        let is_used = |at: usize| meaning.used.iter().any(|phrase| (phrase.from..phrase.to).contains(&at));
        let links =
            words!["par", "ko", "tak", "ke", "liye", "ki", "ka", "hi", "aur", "priority", "bhi", "ab"];
        let is_whole = (0..part.text.len())
            .all(|at| is_used(at) || part.text.tokens[at].kind == Kind::Mark || part.text.is_any(at, links));
        if is_whole && !meaning.used.is_empty() || level.is_some() {
            let spans = meaning
                .used
                .iter()
                .filter_map(|phrase| part.text.span(phrase.from, phrase.to, phrase.value.kind()));
            let mut spans: Vec<Span> = spans.collect();
            if spans.is_empty() {
                spans.extend(part.text.span(0, part.text.len(), SpanKind::Priority));
            }
            return Some((from, meaning, spans, level));
        }
    }
    None
}

/// Takes off "کا وقت", "کی تاریخ", "ki priority" before a value; gives where the target ends.
fn without_field(text: &Text<'_>, end: usize) -> (usize, bool) {
    let rows = [
        "ki date tabdeel kar ke",
        "ki tarikh tabdeel kar ke",
        "ki date tabdeel kar kar",
        "ki date tabdeel kar-kar",
        "ki tarikh tabdeel kar-kar",
        "ka waqt tabdeel kar-kar",
        "ka time tabdeel kar-kar",
        "ki date tabdeel karke",
        "ki tarikh tabdeel karke",
        "ka waqt tabdeel karke",
        "ka time tabdeel karke",
        "ki date badal kar",
        "ka waqt tabdeel kar ke",
        "ka time tabdeel kar ke",
        "ka time badal kar",
        "ka waqt badal kar",
        "ki tarikh badal kar",
        "ki due date",
        "ki deadline",
        "ki tarikh",
        "ka waqt",
        "ka time",
        "ki priority",
        "ki date",
        "ka din",
    ];
    text.row_before(end, &rows).map_or((end, false), |from| (from, true))
}

fn of_meaning(meaning: &Meaning, priority: Option<Priority>) -> Changes {
    let due = (meaning.date.is_some() || meaning.time.is_some()) && meaning.rule.is_none();
    Changes {
        due: due.then_some(DueChange::Set { date: meaning.date, time: meaning.time }),
        priority: meaning.priority.or(priority),
        add_tags: meaning.tags.clone(),
        recurrence: meaning.rule.clone().map(Change::Set),
        ..Changes::default()
    }
}
