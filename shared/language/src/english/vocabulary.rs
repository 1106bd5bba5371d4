//! Words that steer the reading without meaning anything by themselves.

use std::collections::HashSet;
use std::sync::LazyLock;

use crate::english::clock;
use crate::english::names;
use crate::english::number;
use crate::token::{Kind, Text};
use crate::words::{ByLetters, Table, Words, words};

/// Words that tasks begin with, in their plain form.
#[rustfmt::skip]
pub(crate) const VERBS: &[&str] = &[
    "answer", "apply", "archive", "arrange", "ask", "assemble", "attend", "backup", "bake", "bathe", "bleed",
    "book", "borrow", "bring", "brush", "build", "buy", "call", "cancel", "celebrate", "change", "charge",
    "chase", "check", "clean", "clear", "close", "collect", "complete", "confirm", "congratulate", "contact",
    "cook", "copy", "create", "cut", "debug", "declare", "defrost", "deliver", "deploy", "deposit", "design",
    "discuss", "dispose", "dispute", "do", "donate", "download", "draft", "drain", "drink", "drive", "drop",
    "dust", "e-mail", "eat", "edit", "email", "empty", "escalate", "evaluate", "exercise", "fax", "feed",
    "fetch", "file", "fill", "finalise", "finalize", "finish", "fix", "fold", "follow", "gather", "get",
    "give", "go", "grab", "groom", "hang", "harvest", "have", "help", "hem", "hire", "hoover", "improve",
    "inform", "inspect", "install", "interview", "investigate", "invite", "iron", "jog", "join", "learn",
    "leave", "lift", "listen", "lock", "look", "mail", "make", "marinate", "meditate", "meet", "mend",
    "message", "migrate", "mop", "move", "mow", "negotiate", "nominate", "notarize", "notify", "oil", "order",
    "organise", "organize", "pack", "paint", "park", "pay", "phone", "pick", "plan", "plant", "polish",
    "post", "practice", "practise", "pray", "prep", "prepare", "present", "print", "proofread", "prune",
    "publish", "purchase", "push", "put", "rake", "read", "rearrange", "rebook", "reboot", "reconcile",
    "record", "recycle", "refund", "register", "rehearse", "reheat", "release", "remortgage", "remove",
    "renew", "rent", "repair", "replace", "reply", "research", "reserve", "respond", "restart", "return",
    "review", "revise", "rinse", "rotate", "run", "scan", "schedule", "scrub", "see", "sell", "send",
    "service", "set", "sew", "shampoo", "sharpen", "shave", "ship", "shop", "shovel", "shower", "shred",
    "shut", "sign", "skype", "soak", "sort", "speak", "start", "sterilise", "stop", "stretch", "study",
    "submit", "swap", "sweep", "swim", "switch", "sync", "take", "talk", "test", "text", "throw",
    "tidy", "tighten", "train", "transfer", "translate", "trim", "try", "turn", "typeset", "unclog",
    "unfreeze", "unload", "unlock", "unpack", "unplug", "unsubscribe", "update", "upgrade", "upload", "use",
    "vacuum", "varnish", "verify", "visit", "volunteer", "vote", "wake", "walk", "wash", "watch", "water",
    "weatherproof", "weed", "weigh", "wipe", "wish", "withdraw", "work", "wrap", "write",
];

/// Words that can not be what the date before them describes: "on the 5th *with* Amna", not "the 5th *wave*".
#[rustfmt::skip]
const CONNECTING: &[&str] = &[
    "at", "on", "by", "in", "for", "with", "without", "to", "from", "and", "or", "but", "if", "when",
    "before", "after", "until", "till", "about", "because", "so", "that", "via", "unless", "while", "since",
    "please", "pls", "every", "each", "as", "then", "also", "again", "asap", "urgent", "urgently", "remind",
    "around", "near", "is", "are", "p1", "p2", "p3", "due", "using", "into", "onto", "tagged", "latest",
    "sharp", "plus", "regarding", "re", "through", "instead", "daily", "weekly", "monthly", "of", "there",
    "here", "he", "she", "we", "they", "i", "it", "thanks", "starting", "between", "except", "excluding",
];

#[rustfmt::skip]
const TEMPORAL: &[&str] = &[
    "today", "tomorrow", "tonight", "tonite", "tmrw", "tmr", "noon", "midday", "midnight", "morning",
    "afternoon", "evening", "night", "this", "next", "early", "late", "coming", "daily", "weekly",
    "monthly", "yearly",
];

/// Says whether a word is the plain form of what one does with a task.
pub(crate) fn is_verb(word: &str) -> bool {
    verb(word).is_some()
}

fn verb(word: &str) -> Option<&'static str> {
    static SET: LazyLock<HashSet<&str, ByLetters>> = LazyLock::new(|| VERBS.iter().copied().collect());
    SET.get(word).copied()
}

fn connects(word: &str) -> bool {
    static SET: LazyLock<HashSet<&str, ByLetters>> =
        LazyLock::new(|| CONNECTING.iter().chain(TEMPORAL).copied().collect());
    SET.contains(word)
}

/// Gives the plain form of a verb in the past tense: "bought" → "buy".
pub(crate) fn present_of(past: &str) -> Option<&'static str> {
    #[rustfmt::skip]
    static IRREGULAR: Table<&str> = Table::new(&[
        ("ate", "eat"), ("bought", "buy"), ("brought", "bring"), ("built", "build"), ("cut", "cut"),
        ("did", "do"), ("done", "do"), ("drank", "drink"), ("drove", "drive"), ("fed", "feed"),
        ("gave", "give"), ("got", "get"), ("left", "leave"), ("made", "make"), ("met", "meet"),
        ("paid", "pay"), ("put", "put"), ("ran", "run"), ("read", "read"), ("sent", "send"),
        ("sold", "sell"), ("spoke", "speak"), ("swam", "swim"), ("swept", "sweep"), ("took", "take"),
        ("went", "go"), ("wrote", "write"), ("written", "write"), ("threw", "throw"), ("taken", "take"),
        ("saw", "see"), ("woke", "wake"), ("hung", "hang"), ("set", "set"), ("found", "find"),
        ("taught", "teach"), ("learnt", "learn"),
    ]);
    if let Some(present) = IRREGULAR.get(past) {
        return Some(present);
    }
    let stem = past.strip_suffix("ed")?;
    let undoubled = || {
        let mut chars = stem.chars().rev();
        let (last, before) = (chars.next()?, chars.next()?);
        (last == before).then(|| verb(&stem[..stem.len() - last.len_utf8()])).flatten()
    };
    let with_y = || verb(&format!("{}y", stem.strip_suffix('i')?));
    verb(stem).or_else(|| verb(&past[..past.len() - 1])).or_else(undoubled).or_else(with_y)
}

/// Says whether what stands before `at` is complete there: the end, punctuation, a connecting word, or another date or time.
pub(crate) fn is_boundary(text: &Text<'_>, at: usize) -> bool {
    let Some(token) = text.tokens.get(at) else { return true };
    match token.kind {
        Kind::Mark | Kind::Tag => true,
        Kind::Quoted | Kind::Opaque => false,
        Kind::Word => {
            connects(token.lower())
                || names::weekday_at(text, at).is_some()
                || (names::month_at(text, at).is_some() && token.lower() != "may")
                || !text.is_plain(at) && clock::is_clock(token.lower())
                || number::at(text, at).is_some()
                    && text.is_any(at + 1, words!["am", "pm", "a.m", "p.m", "o'clock", "oclock"])
                || text.after_any(at, words!["high priority", "low priority", "medium priority"]).is_some()
                || text.after_any(at, words!["the day after", "the night before", "the day before"]).is_some()
        }
    }
}

/// Says whether a capitalised word is part of a name that goes on after it: "Sunday Times", "Tomorrow Never Dies".
pub(crate) fn is_in_name(text: &Text<'_>, from: usize, to: usize) -> bool {
    let named = |to: usize| text.is_capital(to) && !is_boundary(text, to);
    let to = if clock::part(text.word(to)).is_some() && named(to + 1) { to + 1 } else { to };
    from > 0
        && text.is_capital(from)
        && text.is_capital(to)
        && !is_boundary(text, to)
        && (text.tokens[from].text != text.tokens[from].text.to_uppercase())
}

/// Says whether what begins at `at` is what is watched, read or bought, and no date: "read 11/22/63", "listen to Monday Monday".
pub(crate) fn is_object(text: &Text<'_>, at: usize) -> bool {
    const TAKING: &Words = words![
        "watch", "read", "buy", "order", "stream", "download", "borrow", "sing", "play", "rewatch", "reread",
    ];
    let Some(before) = at.checked_sub(1) else { return false };
    if text.is_any(at, words!["today", "tomorrow", "tonight", "tmrw", "every", "daily", "weekly", "in"]) {
        return text.is_capital(at) && !is_boundary(text, at + 1);
    }
    let listens = |before: usize| text.word(before) == "to" && text.word_before(before) == "listen";
    // "listen to Manic Monday"
    let is_song =
        text.is_capital(at) && before.checked_sub(1).is_some_and(|to| text.is_capital(before) && listens(to));
    text.is_any(before, TAKING) || listens(before) || is_song
}

/// Says whether a name goes on with a date here: "A Week *in December*", "The Night of *the 5th*".
pub(crate) fn continues_name(text: &Text<'_>, at: usize) -> bool {
    const SPANS: &Words =
        words!["week", "day", "night", "year", "weekend", "summer", "winter", "month", "evening"];
    let Some(before) = at.checked_sub(1).filter(|before| *before >= 2) else { return false };
    text.is_any(before, SPANS)
        && text.is_any(before - 1, words!["a", "one", "the", "that", "another"])
        && text.is_capital(before)
        && text.is_capital(before - 1)
        && text.tokens[before].text.chars().any(char::is_lowercase)
}

/// Says whether the words from one to another belong to the name of what is watched or read: "High *Noon*", "Born *on the Fourth
/// of July*", "10 *to Midnight*". A weekday or a month in capitals says nothing by itself, for they always have them.
pub(crate) fn is_in_work(text: &Text<'_>, from: usize, to: usize) -> bool {
    #[rustfmt::skip]
    const TAKING: &Words = words!["watch", "read", "listen", "see", "play", "buy", "order", "stream", "rewatch", "reread", "borrow"];
    const SMALL: &Words = words!["a", "an", "the", "of", "in", "on", "at", "to", "is", "and", "for", "from"];
    let is_part = |at: usize| {
        text.is_capital(at)
            || text.is_any(at, SMALL)
            || text.word(at).bytes().all(|b| b.is_ascii_digit()) && !text.word(at).is_empty()
    };
    const ALWAYS: &Words = words!["today", "tomorrow", "tonight", "next", "this"];
    let always = |at: usize| {
        names::weekday_at(text, at).is_some()
            || names::month_at(text, at).is_some()
            || text.is_any(at, ALWAYS)
    };
    // "Buy Milk Tomorrow At Noon": all of it is written so.
    if (0..text.len())
        .all(|at| text.is_capital(at) || text.word(at).starts_with(|c: char| c.is_ascii_digit()))
    {
        return false;
    }
    // Of a long name nothing is looked into; the walk back is bounded.
    let Some(verb) =
        (from.saturating_sub(8)..from).rev().find(|at| !is_part(*at) || text.is_any(*at, TAKING))
    else {
        return false;
    };
    let begin = if text.word(verb) == "listen" && text.word(verb + 1) == "to" { verb + 2 } else { verb + 1 };
    if !text.is_any(verb, TAKING) || begin >= from || begin >= text.len() {
        return false;
    }
    let capitals =
        (begin..from).filter(|at| text.is_capital(*at) || text.word(*at).bytes().all(|b| b.is_ascii_digit()));
    let named = (from..to).any(|at| {
        text.is_capital(at) && !always(at) && text.tokens[at].text != text.tokens[at].text.to_uppercase()
    });
    let has_capital = text.is_capital(begin) || named && capitals.clone().count() > 0;
    let ends_in_name = (from..to).any(|at| text.is_capital(at));
    // "A Week in December", "Every Day Is Like Sunday"
    let is_long = text.is_any(begin, words!["a", "every"]) && text.is_capital(begin) || capitals.count() > 3;
    has_capital && (named || ends_in_name && is_long)
}

/// Says whether what is made or read is called by the words before: "*in 5 minutes* challenge", "*every day* english book".
pub(crate) fn describes_work(text: &Text<'_>, to: usize) -> bool {
    const WORKS: &Words =
        words!["poem", "song", "book", "movie", "film", "album", "novel", "challenge", "magazine", "poster"];
    let last = text.end_of_words().wrapping_sub(1);
    let is_near = last >= to && last < to + 3 && text.is_any(last, WORKS);
    is_near
        && (to..last).all(|at| {
            !is_verb(text.word(at)) && !text.is_any(at, words!["a", "the", "my", "on", "at", "about"])
        })
}

/// Gives where what is asked for begins behind a long way of asking: "i was wondering if you could *remind me*".
pub(crate) fn skip_courtesy(text: &Text<'_>, at: usize) -> usize {
    #[rustfmt::skip]
    const COURTESY: &Words = words![
        "hi", "hello", "hey", "there", "kaam", "good", "morning", "evening", "afternoon", "please", "pls", "could", "can", "would",
        "will", "you", "i", "was", "am", "i'm", "wondering", "if", "whether", "it", "is", "be", "so", "kind", "nice", "as",
        "to", "kindly", "really", "appreciate", "like", "love", "want", "need", "just", "also", "possible", "for", "do", "me",
        "a", "favor", "favour", "and", "ok", "okay", "well", "great", "that", "might", "may", "ask", "quickly", "then", "now",
        "i'd", "we", "my", "friend", "dear", "mate", "thanks", "sorry", "bother", "help", "by", "any", "chance", "able",
        "maybe", "perhaps", "go", "ahead", "think", "grateful", "very", "much",
    ];
    #[rustfmt::skip]
    const ASKED: &Words = words![
        "remind me", "add a", "add an", "add the", "add to my", "create a", "create an", "set a reminder", "set up a reminder",
        "set me a reminder", "make a note", "delete the", "delete my", "delete all", "remove the", "mark the", "mark my",
        "mark it", "move the", "move my", "move it", "reschedule", "postpone", "show me", "show my", "tell me what", "list my",
        "complete the", "rename", "change the", "put", "add", "don't let me forget", "make sure i don't forget", "snooze",
    ];
    #[rustfmt::skip]
    const ACTED: &Words = words![
        "delete", "remove", "mark", "move", "reschedule", "postpone", "complete", "rename", "change", "snooze",
    ];
    let asks = words!["you", "please", "pls", "kindly"];
    let (mut requests, mut greets) = ((0..at).any(|at| text.is_any(at, asks)), false);
    for next in at..text.len().min(at + 18) {
        let is_asked = text.after_any(next, ASKED).is_some_and(|end| end < text.len());
        let is_act = is_asked && text.after_any(next, ACTED).is_some();
        if is_asked && (requests || greets && !is_act) {
            return next;
        }
        requests |= text.is_any(next, asks);
        greets |= text.is_any(next, words!["hi", "hello", "hey", "ok", "okay", "kaam"]);
        let is_mark = [',', '.', '!', '?'].into_iter().any(|mark| text.is_mark(next, mark));
        if !(is_mark || text.is_any(next, COURTESY)) {
            return at;
        }
    }
    at
}

/// Says whether what was promised or asked for is polite padding, and gives where it ends.
pub(crate) fn skip_polite(text: &Text<'_>, mut at: usize) -> usize {
    #[rustfmt::skip]
    const PADDING: &Words = words![
        "i would like you to", "i'd like you to", "i want you to", "i need you to", "would you mind",
        "would you please", "could you please", "can you please", "will you please", "can you help me",
        "would you", "could you", "can you", "you can", "can u", "will you", "please", "pls", "plz",
        "kindly", "hey kaam", "hi kaam", "hello kaam", "ok kaam", "kaam", "hey", "just", "okay so", "ok so",
        "so", "also", "and then", "then", "now", "let's", "go ahead and", "i would like to", "i'd like to",
        "help me",
    ];
    loop {
        if text.is_mark(at, ',')
            || text.is_mark(at, '-')
            || text.is_mark(at, '*')
            || text.is_mark(at, '\u{2022}')
        {
            at += 1;
        } else if text.is_any(at, words!["no", "yes", "yep", "yeah", "yup", "ok", "okay", "wait", "stop"])
            && text.is_mark(at + 1, ',')
        {
            at += 2;
        } else if let Some(end) = text.after_any(at, PADDING).filter(|end| *end < text.len()) {
            at = end;
        } else {
            return at;
        }
    }
}
