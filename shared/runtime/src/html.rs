//! Text inside of HTML.

/// Gives text that a page or a mail shows as it is, in an element or in a quoted attribute; control characters become blanks.
///
/// ```
/// assert_eq!(runtime::html::escape("<a href='x'>&\u{7}"), "&lt;a href=&#39;x&#39;&gt;&amp; ");
/// ```
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c if c.is_control() && c != '\n' => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}
