//! Which tasks are meant: words against titles, numbers and pronouns against what was shown last.

use application::Filter;
use application::chat::Loaded;
use domain::task::Status;
use events::Refusal;
use language::Target;
use unicode_normalization::UnicodeNormalization;
use uuid::Uuid;

use crate::filter;
use crate::reply;
use crate::state::Act;
use crate::turn::Talk;
use crate::understanding::Utterance;

/// The most tasks that one sentence may act on.
pub(crate) const MAX_AT_ONCE: usize = 100;
/// The most tasks that are offered to choose from.
const MAX_CANDIDATES: usize = 20;

/// The tasks that are meant.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Found {
    /// This one, named well enough.
    Sure(Loaded),
    /// Probably this one.
    Loose(Loaded),
    /// One of these.
    Several(Vec<Loaded>),
    /// All of these.
    All(Vec<Loaded>),
    /// None, and why.
    Nothing(String),
    /// None, and the question which one is meant.
    Unknown(String),
}

/// Finds the tasks that an act is meant for.
///
/// # Errors
/// [`Refusal::Unavailable`].
pub(crate) async fn find(
    talk: &Talk<'_>,
    about: &Utterance,
    act: Act,
    target: &Target,
) -> Result<Found, Refusal> {
    if let Some(chosen) = about.chosen {
        return by_id(talk, act, Some(chosen), reply::gone(talk.language)).await;
    }
    let language = talk.language;
    let shown = talk.state.shown(talk.cause.now);
    match target {
        Target::Title(title) => by_title(talk, act, title).await,
        Target::Number(number) => {
            let place = usize::try_from(*number).ok().and_then(|number| number.checked_sub(1));
            let id = place.and_then(|place| shown.get(place)).copied();
            by_id(talk, act, id, reply::unknown_number(language, *number, shown.len())).await
        }
        Target::Last => {
            by_id(talk, act, shown.last().copied().or(talk.state.last), reply::unknown_it(language)).await
        }
        Target::It => by_id(talk, act, talk.state.last, reply::unknown_it(language)).await,
        Target::All { filter } => {
            let found = filter::find(talk, about, filter, MAX_AT_ONCE).await?;
            Ok(match found.tasks.len() {
                _ if found.has_more => Found::Nothing(reply::too_many(language, MAX_AT_ONCE)),
                0 => Found::Nothing(reply::no_such_tasks(
                    language,
                    &reply::described(language, filter, about, 0),
                )),
                _ => Found::All(found.tasks),
            })
        }
        Target::Missing => Ok(Found::Unknown(reply::missing_target(language))),
    }
}

async fn by_id(talk: &Talk<'_>, act: Act, id: Option<Uuid>, unknown: String) -> Result<Found, Refusal> {
    let Some(id) = id else { return Ok(Found::Unknown(unknown)) };
    let found = talk.application.tasks_by_id(&talk.cause.user_id, &[id]).await?.pop();
    Ok(match found {
        Some(loaded) if loaded.task.status != Status::Deleted => Found::Sure(loaded),
        // Deleting twice is the same as once, and is said so by who acts.
        Some(loaded) if act == Act::Delete => {
            Found::Nothing(reply::already(talk.language, act, loaded.task.title.as_str()))
        }
        _ => Found::Unknown(reply::gone(talk.language)),
    })
}

async fn by_title(talk: &Talk<'_>, act: Act, title: &str) -> Result<Found, Refusal> {
    // Where such a task ought to be first; elsewhere only if nothing is there.
    let order = match act {
        Act::Reopen => [Status::Completed, Status::Active],
        _ => [Status::Active, Status::Completed],
    };
    for status in order {
        let found = search(talk, title, status).await?;
        if status == order[1]
            && act == Act::Update
            && let Some(loaded) = found.first()
        {
            return Ok(Found::Nothing(reply::done_already_so_not_changed(
                talk.language,
                loaded.task.title.as_str(),
            )));
        }
        let exact: Vec<&Loaded> = found.iter().filter(|loaded| is_same(title, &loaded.task.title)).collect();
        match (&exact[..], &found[..]) {
            ([only], _) => return Ok(Found::Sure((*only).clone())),
            ([], []) => {}
            ([], [only]) => return Ok(Found::Loose(only.clone())),
            ([], several) => return Ok(Found::Several(several.to_vec())),
            (several, _) => return Ok(Found::Several(several.iter().copied().cloned().collect())),
        }
    }
    Ok(Found::Unknown(reply::no_such_title(talk.language, title)))
}

/// Gives the tasks whose titles have all the words.
async fn search(talk: &Talk<'_>, title: &str, status: Status) -> Result<Vec<Loaded>, Refusal> {
    let wanted = words(title);
    // One word narrows it down by the index of the search, the others are looked for here.
    let longest = wanted.iter().max_by_key(|word| word.chars().count());
    let text = longest.cloned().unwrap_or_else(|| title.to_owned());
    let filter = Filter { status: Some(status), text: Some(text), ..Filter::default() };
    let keep = |task: &domain::task::Task| has_words(&wanted, title, task.title.as_str());
    let Talk { application, cause, settings, .. } = talk;
    Ok(application.find_tasks(&cause.user_id, settings, &filter, MAX_CANDIDATES, keep).await?.tasks)
}

/// Gives the only task among some whose title has the words.
pub(crate) fn only_match<'a>(title: &str, tasks: &'a [Loaded]) -> Option<&'a Loaded> {
    let wanted = words(title);
    let fits = |same: bool| {
        let mut fitting = tasks.iter().filter(|loaded| {
            if same {
                is_same(title, &loaded.task.title)
            } else {
                has_words(&wanted, title, loaded.task.title.as_str())
            }
        });
        fitting.next().filter(|_| fitting.next().is_none())
    };
    fits(true).or_else(|| fits(false))
}

fn is_same(said: &str, title: &domain::task::Title) -> bool {
    let title = title.as_str();
    fold(said) == fold(title) || (!words(said).is_empty() && words(said) == words(title))
}

fn has_words(wanted: &[String], said: &str, title: &str) -> bool {
    if wanted.is_empty() {
        return fold(title).contains(&fold(said));
    }
    let title = words(title);
    wanted.iter().all(|word| title.iter().any(|known| known.starts_with(word.as_str())))
}

/// Gives the words that tell tasks apart, folded.
fn words(text: &str) -> Vec<String> {
    const ARTICLES: [&str; 4] = ["a", "an", "the", "my"];
    let folded = fold(text);
    let all = folded.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    all.filter(|word| !ARTICLES.contains(word)).map(str::to_owned).collect()
}

/// Makes texts equal that look equal, like the search of the store does.
pub(crate) fn fold(text: &str) -> String {
    let same = |c: char| match c {
        '\u{64a}' | '\u{649}' => Some('\u{6cc}'),
        '\u{643}' => Some('\u{6a9}'),
        '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => None,
        other => Some(other),
    };
    text.nfc()
        .collect::<String>()
        .to_lowercase()
        .chars()
        .filter_map(same)
        .collect::<String>()
        .trim()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use domain::task::Title;

    use super::*;

    #[test]
    fn articles_case_and_form_make_no_difference() {
        for (said, title, expected) in [
            ("buy the milk", "Buy milk", true),
            ("CAFE\u{301}", "Café", true),
            ("كتاب", "کتاب", true),
            ("milk", "buy milk", false),
            ("🎉", "🎉", true),
        ] {
            let title = Title::parse(title).expect("a title");
            assert_eq!(is_same(said, &title), expected, "{said}");
        }
    }

    #[test]
    fn a_loose_match_has_every_word() {
        assert!(has_words(&words("milk"), "milk", "buy milk"));
        assert!(has_words(&words("call bank"), "call bank", "call the bank about the card"));
        assert!(!has_words(&words("buy milk"), "buy milk", "buy bread"));
        assert!(!has_words(&words("ilk"), "ilk", "buy milk"));
    }
}
