//! New tasks: "… کا ٹاسک بناؤ", "… یاد دلانا", "دودھ لانا ہے".

use domain::recurrence::{Frequency, Parts};

use crate::clause::Clause;
use crate::fold;
use crate::meaning::compose::{self, Meaning};
use crate::meaning::phrase::{Mode, Phrase, Value};
use crate::span::SpanKind;
use crate::token::{JOINER, Kind, Text, Tokens};
use crate::urdu::lexicon::{Lexemes, Said};
use crate::urdu::phrase::{self, Look};
use crate::urdu::{act, names, recurrence, target, title, verb, wish};
use crate::words::{Words, words};
use crate::{Action, Changes, Context, Problem, ReminderText, Target, TaskFields};

/// Reads tasks that are asked for as such; `None` when the words do not say so.
pub(crate) fn read_explicit(said: &Said<'_>, context: &Context) -> Option<Clause> {
    let text = &said.text;
    let words = text.end_of_words();
    let front = place(text);
    // "… کا ریمائنڈر بنا دو" is a wish as a whole.
    let wishes = wish::is_in(text);
    let (from, to) = match (
        opening(text).filter(|_| !(wishes && text.word(0) == "reminder")),
        closing(text, words).filter(|_| !wishes),
    ) {
        (None, None) if wishes => return Some(build(said, (0, text.len()), 0.95, context)),
        (None, None) => return beside_date(said, front, context),
        (from, to) => (from.unwrap_or(front), to.unwrap_or(text.len())),
    };
    if from > to && to > 0 {
        return None;
    }
    let lines = lines(text, from, to);
    if lines.len() > 1 {
        return Some(several(said, &lines, (from, to), context));
    }
    Some(build(said, (from.min(to), to), 0.93, context))
}

/// "دودھ لانا ایڈ کر دو کل", "کل کے لیے ٹاسک بناؤ: …": the verb stands next to the date.
fn beside_date(said: &Said<'_>, front: usize, context: &Context) -> Option<Clause> {
    let text = &said.text;
    if !text.has_any(words![
        "kar", "kar-o", "bana", "bana-o", "likh", "likh-o", "daal", "daal-o", "rakh", "rakh-o"
    ]) {
        return None;
    }
    let phrases = phrase::scan(said, context, Look::default());
    let (mut start, mut stop) = (0, text.end_of_words());
    for phrase in phrases.iter().filter(|phrase| phrase.is_temporal()) {
        start = if phrase.from == start { phrase.to } else { start };
    }
    for phrase in phrases.iter().rev().filter(|phrase| phrase.is_temporal()) {
        stop = if phrase.to == stop { phrase.from } else { stop };
    }
    let (at, stop, front) = match closing(text, stop) {
        Some(at) if stop < text.end_of_words() && at > front => (at, stop, front),
        // "کل کے لیے ٹاسک بناؤ: دودھ لانا"
        _ => (start, start + opening(&text.part(start, text.len())).filter(|_| start > 0)?, 0),
    };
    let mut rest = said.to_lexemes();
    rest.take_out(at, stop);
    let rest = rest.said();
    let mut clause = build(&rest, (front, rest.text.len()), 0.93, context);
    clause.commands[0].spans.extend(text.span(at, stop, SpanKind::Intent));
    clause.commands[0].spans.sort_by_key(|span| span.start);
    Some(clause)
}

/// Reads "میری لسٹ میں" in front of what is added.
fn place(text: &Text<'_>) -> usize {
    let rows = words![
        "mera kaam ki list mein",
        "mera list mein",
        "kaam ki list mein",
        "list mein",
        "mera kaam mein",
        "kaam mein",
    ];
    text.after_any(0, rows).unwrap_or(0)
}

/// Reads anything else: a task when it looks like one, with honest doubt.
pub(crate) fn read_implicit(said: &Said<'_>, context: &Context) -> Clause {
    let text = &said.text;
    let mut clause = build(said, (0, text.len()), 0.6, context);
    let Action::Create(fields) = &clause.commands[0].action else { return clause };
    let fields = fields.clone();
    let confidence = sureness(text, &fields);
    if clause.problem.is_some() {
        clause.confidence = clause.confidence.min(0.5);
        return clause;
    }
    if confidence < 0.5 {
        let spans = std::mem::take(&mut clause.commands[0].spans);
        return Clause::unclear(fields, spans, confidence);
    }
    clause.confidence = confidence;
    clause.problem = (confidence < 0.7).then_some(Problem::UnclearIntent);
    clause
}

fn sureness(text: &Text<'_>, fields: &TaskFields) -> f64 {
    #[rustfmt::skip]
    const ASKING: &Words = words![
        "kya", "kab", "kahan", "kaun", "kaunsa", "kitna", "kyun", "kaisa",
    ];
    let is_question = text.is_mark(text.end_of_words(), '?');
    if is_question || text.has_any(ASKING) {
        return 0.3;
    }
    let is_dated = fields.due.is_some() || fields.recurrence.is_some();
    let says_more = is_dated || fields.priority.is_some() || !fields.tags.is_empty() || fields.wants_reminder;
    let end = text.end_of_words();
    // What we are told to show or say is nothing to do.
    if verb::command_of(text, end, &["dikha", "bata", "suna"]).is_some() {
        return 0.3;
    }
    // What was, and what I was doing, is nothing to do.
    if end > 0 && text.is_any(end - 1, words!["tha", "hoon"]) {
        return 0.3;
    }
    if !says_task(text) {
        return 0.4;
    }
    let many_words = fields.title.as_deref().is_some_and(|title| title.split_whitespace().nth(1).is_some());
    match (has_verb(text) && many_words, says_more) {
        (true, true) => 0.88,
        (true, false) if is_order(text) => 0.6,
        (true, false) => 0.78,
        (false, true) if fields.title.is_some() => 0.75,
        _ => 0.6,
    }
}

/// Says whether a text may be about something that is yet to be done, and not about a task that exists or about the world.
fn says_task(text: &Text<'_>) -> bool {
    let end = act::without_courtesies(text);
    let last = end.checked_sub(1).map_or("", |last| text.word(last));
    let follows =
        |first: &Words, then: &Words| (0..end).any(|at| text.is_any(at, first) && text.is_any(at + 1, then));
    let commands = ["kar", "kara", "laga", "le"];
    let order = verb::command_of(text, end, &commands);
    let has_infinitive = (0..end).any(|at| verb::is_infinitive(text, at, false));
    // "دودھ والے کام …", "bill wale tasks …": those exist.
    let exists = (0..end).any(|at| text.word(at) == "wala" && text.word(at + 1) == "kaam");
    // "doodh lana kal kar do", "سب کل پر کر دو": a change of what exists, if anything.
    let changes = order.is_some_and(|order| {
        has_infinitive && !text.is_any(order.saturating_sub(1), words!["add"])
            || text.is_any(0, words!["sab", "ise", "yeh", "wo", "un"])
            || text.has_any(words!["kuch"])
    });
    // "ho sakta hai", "kal ho jayega": what may be and what will be.
    #[rustfmt::skip]
    const WILL: &Words = words![
        "jayega", "jaega", "jaiga", "jaygi", "jayegi", "jaegi", "jayenge", "jaenge", "jayga", "jae", "jaye", "jaey", "جائے", "جائیں",
        "جائےگا", "جائیگا", "جائیگی",
    ];
    let may = follows(words!["ho", "kar", "ja", "le", "mil"], words!["sakta"])
        || follows(words!["ho", "kar-a", "le-a", "mil"], WILL)
        || text.has_any(words!["ga"]) && follows(words!["ho", "mil"], words!["ja", "ja-o", "ja-e", "jae"]);
    // "آج بہت گرمی ہے": how the world is.
    let is_statement =
        matches!(last, "hai" | "tha" | "raha") && text.has_any(words!["behad"]) && !has_verb(text);
    // "chalo theek hai phir milte hain"
    let parts = last == "hai" && text.word(end.saturating_sub(2)).starts_with("milt");
    !(exists || changes || may || is_statement || parts)
}

/// "light band kar do", "کوئی لطیفہ سناؤ": what somebody is told, which may be the assistant.
fn is_order(text: &Text<'_>) -> bool {
    let end = act::without_courtesies(text);
    let told = ["kar", "kara", "khol", "laga", "band", "suna", "bata", "utha", "hata", "chal", "badal"];
    verb::command_of(text, end, &told).is_some() || end > 1 && text.is_any(end - 1, words!["do", "de-o"])
}

/// Says whether a verb says what is to be done: an infinitive, or what somebody is told to do.
fn has_verb(text: &Text<'_>) -> bool {
    (0..text.len()).any(|at| {
        let word = text.word(at);
        let followed = text.is_any(at + 1, words!["hai", "hoga", "parega", "chahiye"]);
        word.ends_with("-o")
            || verb::is_infinitive(text, at, followed)
                && (followed
                    || word.ends_with("-na")
                    || text.is_break(at + 1)
                    || at + 1 >= text.end_of_words())
            || (word == "kar" || word == "de") && text.is_any(at + 1, words!["do", "de-o", "de-na"])
            || at > 0
                && at + 1 == text.end_of_words()
                && ["do", "de-o", "de-na", "le-o", "le-na"].contains(&word)
            || is_told(word) && at + 1 >= text.end_of_words()
    })
}

/// "لیں", "بھیجیں", "خریدیں": what somebody is told to do, by its ending.
fn is_told(word: &str) -> bool {
    (word.ends_with("یں") || word.ends_with("یے")) && word.chars().count() >= 4
}

#[rustfmt::skip]
const NOUNS: &Words = words![
    "kaam", "reminder", "note", "entry",
];

/// Reads "نیا کام:", "task banao", "add karo"; gives where what is to be done begins.
fn opening(text: &Text<'_>) -> Option<usize> {
    let start = text
        .after_any(0, words!["mujhe 1", "mera list mein", "list mein", "mera kaam mein", "kaam mein"])
        .unwrap_or(0);
    let one = text
        .after_any(start, words!["1 naya", "1 aur naya", "1 aur", "1", "naya", "mera", "yeh"])
        .unwrap_or(start);
    let is_new = one > start && text.word(one - 1) == "naya";
    let is_noted = text.word(one) == "note" && verb::command(text, one + 1, "kar").is_some();
    let noun = (text.is_any(one, NOUNS) && !is_noted).then_some(one + 1);
    let after = |end: usize| {
        let end = text
            .after_any(end, words!["mera list mein", "list mein", "mera kaam mein", "kaam mein"])
            .unwrap_or(end);
        let end = text.after_any(end, words!["keh", "ke"]).unwrap_or(end);
        if text.is_mark(end, ':') || text.is_mark(end, '-') { end + 1 } else { end }
    };
    let verb = |at: usize| {
        ["bana", "likh", "daal", "laga", "rakh"]
            .iter()
            .find_map(|verb| verb::command(text, at, verb))
            .or_else(|| {
                let named = text.is_any(at, words!["add", "create", "note", "save"]).then_some(at + 1)?;
                verb::command(text, named, "kar").or_else(|| verb::command(text, named, "kara"))
            })
    };
    if let Some(noun) = noun {
        if let Some(end) = verb(noun) {
            return Some(after(end)).filter(|end| *end < text.len());
        }
        let is_named =
            text.is_mark(noun, ':') || is_new && !text.is_any(noun, words!["ka", "ki", "ke", "ko", "par"]);
        return is_named.then(|| after(noun)).filter(|end| *end < text.len());
    }
    // "add task doodh lana", "create task: …", "likh lo doodh lana"
    if text.is_any(start, words!["add", "create", "naya"]) && text.is_any(start + 1, NOUNS) {
        return Some(after(start + 2)).filter(|end| *end < text.len());
    }
    verb(start).map(after).filter(|end| *end < text.end_of_words())
}

/// Reads "… کا ٹاسک بناؤ", "… list mein add kar do", "… لکھ لو"; gives where what is to be done ends.
fn closing(text: &Text<'_>, end: usize) -> Option<usize> {
    let mut end = end;
    while end > 0 && text.is_any(end - 1, words!["please", "ji", "na", "zara", "ga"]) {
        end -= 1;
    }
    let before = |end: usize, verbs: &[&str]| verb::command_of(text, end, verbs);
    let named = |end: usize| {
        let at = before(end, &["kar", "kara"])?;
        (at > 0 && text.is_any(at - 1, words!["add", "create", "note", "save", "likh", "set", "schedule"]))
            .then(|| at - 1)
    };
    if let Some(from) = verb::command_before(text, end, "rakh") {
        // "کل 5 بجے میٹنگ رکھ دو": what is set for a time, and not what is put somewhere.
        let is_timed = (0..text.len()).any(|at| {
            text.is_any(at, words!["baje", "aaj", "kal", "parson"]) || names::weekday(text.word(at)).is_some()
        });
        let is_put = from > 0 && text.is_any(from - 1, words!["mein", "par", "sath", "paas", "naam"]);
        return (is_timed && !is_put && from > 0).then_some(from);
    }
    // What is made, noted, or put somewhere is a task only where the words say so.
    let made = before(end, &["bana", "likh", "daal"]).or_else(|| named(end))?;
    let (mut at, mut is_task) = (made, named(end).is_some() || before(end, &["likh"]).is_some());
    for _ in 0..2 {
        let place = [
            "mera kaam ki list mein",
            "mera list mein",
            "list mein",
            "mera kaam mein",
            "kaam mein",
            "list par",
        ];
        if let Some(from) = text.row_before(at, &place) {
            (at, is_task) = (from, true);
        }
        let noun = [
            "ke liye 1 naya kaam",
            "ka 1 naya kaam",
            "ke liye naya kaam",
            "ke liye 1 kaam",
            "ka naya kaam",
            "ka 1 kaam",
            "ke liye kaam",
            "ke naam se kaam",
            "naam ka kaam",
            "ka kaam",
            "ki kaam",
            "ka reminder",
            "ke liye reminder",
            "1 naya kaam",
            "1 kaam",
            "naya kaam",
            "kaam",
            "reminder",
        ];
        if let Some(from) = text.row_before(at, &noun) {
            (at, is_task) = (from, true);
        }
    }
    if at > 0 && text.is_any(at - 1, words!["ko", "bhi", "ka"]) && is_task {
        at -= 1;
    }
    is_task.then_some(at)
}

/// Gives the parts of a list: by "،", or by lines.
fn lines(text: &Text<'_>, from: usize, to: usize) -> Vec<(usize, usize)> {
    let mut lines = Vec::new();
    let mut start = from;
    for at in from..to {
        let new_line = at > from && text.source[text.tokens[at - 1].to..text.tokens[at].from].contains('\n');
        if text.is_mark(at, ',') || new_line {
            lines.push((start, at));
            start = if new_line { at } else { at + 1 };
        }
    }
    lines.push((start, to));
    lines.retain(|(from, to)| from < to);
    // "دودھ، انڈے اور بریڈ": the last two as well.
    if lines.len() > 1
        && let Some((from, to)) = lines.pop()
    {
        match (from..to).find(|at| text.word(*at) == "aur") {
            Some(at) if at > from => lines.extend([(from, at), (at + 1, to)]),
            Some(at) => lines.push((at + 1, to)),
            None => lines.push((from, to)),
        }
    }
    lines.retain(|(from, to)| from < to && (*from..*to).any(|at| text.tokens[at].kind != Kind::Mark));
    lines
}

/// Several tasks; what is said about time in front of the first, or with it alone, is said of all.
fn several(said: &Said<'_>, lines: &[(usize, usize)], whole: (usize, usize), context: &Context) -> Clause {
    let mut clauses: Vec<Clause> = lines.iter().map(|line| build(said, *line, 0.9, context)).collect();
    let fields = |clause: &Clause| match &clause.commands[0].action {
        Action::Create(fields) => Some(fields.clone()),
        _ => None,
    };
    let all: Vec<TaskFields> = clauses.iter().filter_map(fields).collect();
    // "meeting kal, 5 baje": what a comma parts is one task after all.
    if all.len() != lines.len() || all.iter().any(|fields| fields.title.is_none()) || all.len() > 20 {
        return build(said, whole, 0.93, context);
    }
    let dated: Vec<usize> = (0..all.len()).filter(|at| all[*at].due.is_some()).collect();
    let shared = match dated[..] {
        [only] if only == 0 || only + 1 == all.len() => Some(all[only].clone()),
        _ => None,
    };
    let mut commands = Vec::new();
    let mut problem = None;
    let (opens, closes) = (
        said.text.span(0, whole.0, SpanKind::Intent),
        said.text.span(whole.1, said.text.len(), SpanKind::Intent),
    );
    for clause in &mut clauses {
        problem = problem.or(clause.problem.take());
        for mut command in clause.commands.drain(..) {
            if let (Action::Create(fields), Some(shared)) = (&mut command.action, &shared) {
                fields.due = shared.due;
                fields.recurrence.clone_from(&shared.recurrence);
                fields.reminders.clone_from(&shared.reminders);
                fields.wants_reminder = shared.wants_reminder;
            }
            command.spans.retain(|span| span.kind != SpanKind::Intent);
            commands.push(command);
        }
    }
    // What asks for them all is said once.
    if let Some(first) = commands.first_mut() {
        first.spans.splice(0..0, opens);
    }
    if let Some(last) = commands.last_mut() {
        last.spans.extend(closes);
    }
    Clause { commands, confidence: 0.9, problem: None }.with_problem(problem)
}

/// Takes the phrases out of what is to be done, and makes the task of what is left.
fn build(said: &Said<'_>, (from, to): (usize, usize), confidence: f64, context: &Context) -> Clause {
    let body = said.part(from, to);
    let text = &body.text;
    let wants_reminder = wish::is_in(text);
    let look = Look {
        mode: Mode { wants_reminder, ..Mode::default() },
        is_past: false,
        has_verb: has_verb(text) || wants_reminder,
    };
    let said_of = |phrase: &Phrase| text.slice(phrase.from, phrase.to).to_owned();
    let mut phrases = phrase::scan(&body, context, look);
    wish_first(text, &mut phrases);
    let again = said_again(&phrases);
    let is_either = either(text, &phrases);
    let mut meaning = compose::compose(phrases, context, said_of);
    remind_at(&mut meaning);
    // A repetition that never ends is not what was asked for.
    if (0..text.len()).any(|at| recurrence::read_endless_times(text, at).is_some()) {
        meaning.rule = None;
        meaning.due = None;
        meaning.reminders.clear();
    }
    let mut taken = meaning.used.clone();
    taken.extend(again);
    taken.extend(padding(text, &meaning));
    taken.sort_by_key(|phrase| phrase.from);
    let (title, title_spans) = title::title(text, &taken);
    let mut spans = title_spans;
    spans.extend(said.text.span(0, from, SpanKind::Intent));
    spans.extend(said.text.span(to, said.text.len(), SpanKind::Intent));
    spans.extend(
        meaning.used.iter().filter_map(|phrase| text.span(phrase.from, phrase.to, phrase.value.kind())),
    );
    if let Some(clause) = about_it(title.as_deref(), &body, &meaning, &spans, context) {
        return clause;
    }
    let title = title.filter(|title| !is_placeholder(title));
    let unclear = is_either.then_some(Problem::UnclearIntent);
    let problem = meaning.problem.clone().or(unclear).or(title.is_none().then_some(Problem::MissingTitle));
    Clause::one(Action::Create(fields(meaning, title)), spans, confidence).with_problem(problem)
}

/// "کل یا پرسوں": which of both is for the user to say.
fn either(text: &Text<'_>, phrases: &[Phrase]) -> bool {
    phrases.windows(2).any(|pair| {
        let is_near = text.word(pair[0].to) == "ya" && pair[1].from == pair[0].to + 1;
        is_near && pair.iter().all(Phrase::is_temporal)
    })
}

/// "پیر اور جمعرات کو جم ہر ہفتے": the second rule only says that the first is one.
fn said_again(phrases: &[Phrase]) -> Option<Phrase> {
    let plain = |phrase: &&Phrase| matches!(&phrase.value, Value::Rule(rule) if rule.special.is_none() && rule.parts == Parts::every(Frequency::Weekly));
    let rules = phrases.iter().filter(|phrase| matches!(phrase.value, Value::Rule(_))).count();
    phrases.iter().filter(|_| rules == 2).rfind(plain).cloned()
}

/// "…, 4 بجے یاد دلانا": what stands between the comma and the wish is when to remind.
fn wish_first(text: &Text<'_>, phrases: &mut Vec<Phrase>) {
    let is_wish = |phrase: &Phrase| matches!(&phrase.value, Value::Reminder(wish) if wish.lead.is_none());
    let Some(wish) = phrases.iter().position(is_wish) else { return };
    let mut first = wish;
    while first > 0 && phrases[first - 1].to == phrases[first].from && phrases[first - 1].is_temporal() {
        first -= 1;
    }
    let begins = phrases[first].from;
    let is_apart = begins > 0
        && (text.is_mark(begins - 1, ',')
            || text.is_any(begins - 1, words!["aur", "mujhe", "lekin", "لیکن"]));
    let is_due_before = phrases[..first].iter().any(Phrase::is_temporal);
    if first < wish && is_apart && is_due_before {
        let wish = phrases.remove(wish);
        phrases.insert(first, wish);
    }
}

fn remind_at(meaning: &mut Meaning) {
    if meaning.wants_reminder && meaning.reminders.is_empty() && meaning.due.is_some() {
        meaning.reminders.push(ReminderText::AtDue);
    }
}

/// Words that belong to the sentence and not to the title: "مجھے … ہے", "ہوگا", "چاہیے" behind what is to be done.
fn padding(text: &Text<'_>, meaning: &Meaning) -> Vec<Phrase> {
    let taken = |from: usize, to: usize| Phrase { from, to, value: Value::Unsupported };
    let mut found = Vec::new();
    let has_date = meaning.due.is_some() || meaning.wants_reminder;
    let mut says_duty = false;
    for at in 0..text.len() {
        if !text.is_any(at, words!["hai", "hoga", "parega", "chahiye"]) || at == 0 {
            continue;
        }
        let infinitive = verb::is_infinitive(text, at - 1, true);
        let last = text.is_any(at, words!["hai", "hoga"]) && at + 1 >= text.end_of_words();
        let before_phrase = meaning.used.iter().any(|phrase| phrase.from == at + 1);
        // "میٹنگ کل 5 بجے ہے، …"
        let behind_phrase = text.is_break(at + 1)
            && meaning.used.iter().any(|phrase| phrase.to == at && phrase.is_temporal());
        if infinitive || (has_date && (last || before_phrase || behind_phrase)) {
            let end = text.after_any(at + 1, words!["ga", "hai", "hoga"]).unwrap_or(at + 1);
            found.push(taken(at, end));
            says_duty = true;
        }
    }
    let has_verb = says_duty || has_verb(text) || meaning.wants_reminder;
    for at in 0..text.len().min(12) {
        let is_me = text.is_any(at, words!["mujhe", "hum", "mein", "mene"]) && has_verb;
        let polite = text.is_any(at, words!["please", "zara"]) && at == 0;
        let first = found.iter().any(|phrase| phrase.to == at)
            || at == 0
            || meaning.used.iter().any(|phrase| phrase.to == at);
        if first && (is_me || polite) {
            let end = if text.word(at) == "mein" && text.word(at + 1) == "ne" { at + 2 } else { at + 1 };
            let end = text.after_any(end, words!["ne", "to"]).unwrap_or(end);
            // "میں" alone is also "in".
            if text.word(at) != "mein" || at == 0 {
                found.push(taken(at, end));
            }
        }
    }
    found
}

/// "اسے کل یاد دلانا": no new task, but when to remind of one.
fn about_it(
    title: Option<&str>,
    body: &Said<'_>,
    meaning: &Meaning,
    spans: &[crate::Span],
    context: &Context,
) -> Option<Clause> {
    let due = meaning.due.filter(|_| meaning.wants_reminder)?;
    let text = &body.text;
    let lexemes = Lexemes::new(Tokens::new(title?));
    let words = lexemes.said();
    let is_task = words.text.has_any(words!["kaam"]) && words.text.has_any(words!["wala", "number"]);
    // "دودھ والے کام کے بارے میں یاد دلانا"
    let named = || match &target::read(&words, context).targets[..] {
        [target @ (Target::Number(_) | Target::Title(_))] => Some(target.clone()),
        _ => None,
    };
    let target = target::pointed_at(&words).or_else(|| if is_task { named() } else { None })?;
    if text.len() == 0 {
        return None;
    }
    let at = due.date.and_time(due.time.unwrap_or_else(|| crate::meaning::clock::time(9, 0)));
    let changes =
        Changes { reminders: Some(crate::Change::Set(vec![ReminderText::At(at)])), ..Changes::default() };
    Some(Clause::one(Action::Update { target, changes }, spans.to_vec(), 0.9))
}

fn is_placeholder(title: &str) -> bool {
    // It has two words at most, unless some are written as one.
    let mut words = title.split_whitespace().filter(|word| word.contains(fold::is_alphanumeric));
    if words.nth(2).is_some() && !title.contains(JOINER) {
        return false;
    }
    let lexemes = Lexemes::new(Tokens::new(title));
    let words = lexemes.said().text;
    let whole = [
        "kaam",
        "yeh",
        "wo",
        "kuch",
        "1 kaam",
        "naya kaam",
        "mujhe",
        "ka",
        "ki",
        "ke",
        "ko",
        "reminder",
        "kar-na",
    ];
    whole.iter().any(|row| words.after(0, row) == Some(words.len()))
}

fn fields(meaning: Meaning, title: Option<String>) -> TaskFields {
    TaskFields {
        title,
        description: None,
        due: meaning.due,
        priority: meaning.priority,
        tags: meaning.tags,
        recurrence: meaning.rule,
        reminders: meaning.reminders,
        reminder_method: meaning.method,
        wants_reminder: meaning.wants_reminder,
    }
}
