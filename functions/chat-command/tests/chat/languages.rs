//! The language of the reply.

use serde_json::json;

use crate::user::{User, words};

/// Says whether a text has letters of the Arabic script.
fn is_urdu(text: &str) -> bool {
    text.chars().any(|c| matches!(c, '\u{600}'..='\u{6ff}') && c.is_alphabetic())
}

#[tokio::test]
async fn an_emoji_is_answered_in_the_language_of_the_conversation() {
    let user = User::new().await;
    assert!(is_urdu(words(&user.say("یہ بات سمجھ میں نہ آنے والی ہے").await)));
    for text in ["👍", "🤔", "2"] {
        let answer = user.say(text).await;
        assert!(is_urdu(words(&answer)), "{text}: {answer}");
    }
    let answer = user.say("show my tasks").await;
    assert_eq!(words(&answer), "You have no open tasks.");
    let answer = user.say("👍").await;
    assert!(!is_urdu(words(&answer)), "{answer}");
}

#[tokio::test]
async fn the_locale_decides_where_nothing_else_does() {
    let user = User::new().await;
    for (locale, expected) in [("ur-PK", true), ("en-GB", false)] {
        let body = json!({"user_input": "👍", "locale": locale});
        let (_, answer) = user.post("/chat/command", &body).await;
        assert_eq!(is_urdu(words(&answer)), expected, "{answer}");
    }
}
