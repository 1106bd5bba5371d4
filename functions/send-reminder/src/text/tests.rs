use chrono::DateTime;

use super::*;

fn task(due_date: Option<&str>) -> TaskBody {
    let created_at: DateTime<Utc> = "2026-05-01T00:00:00Z".parse().expect("an instant");
    TaskBody {
        id: Uuid::nil(),
        user_id: "amna".to_owned(),
        title: "buy milk".to_owned(),
        description: None,
        due_date: due_date.map(str::to_owned),
        all_day: false,
        time_zone: "Asia/Karachi".to_owned(),
        priority: "medium".to_owned(),
        tags: Vec::new(),
        status: "active".to_owned(),
        reminder_config: None,
        recurrence_rule: None,
        reminder_id: None,
        snoozed_until: None,
        parent_task_id: None,
        created_at,
        updated_at: created_at,
        completed_at: None,
        version: 1,
    }
}

fn mail(task: TaskBody, locale: Locale, now: &str, links: Option<&Links>) -> Mail {
    let now = now.parse().expect("an instant");
    Message { content: &Content::Task(Box::new(task)), locale, now, links }.mail()
}

const NOON: Option<&str> = Some("2026-06-01T12:00:00+05:00");
const EARLY: &str = "2026-06-01T06:45:00Z";

#[test]
fn a_due_time_is_spelled_out_and_told_as_past_when_it_is() {
    let due = |due_date, locale, now| {
        mail(task(due_date), locale, now, None).plain.lines().nth(1).unwrap_or_default().to_owned()
    };
    let english = "Monday, 1 June 2026 at 12:00 (Asia/Karachi)";
    assert_eq!(due(NOON, Locale::EnUs, EARLY), format!("Due {english}"));
    assert_eq!(due(NOON, Locale::EnGb, "2026-06-01T07:00:59Z"), format!("Due {english}"));
    assert_eq!(due(NOON, Locale::EnGb, "2026-06-01T07:01:00Z"), format!("Was due {english}"));
    let urdu = "پیر، 1 جون 2026، 12:00 بجے (\u{2066}Asia/Karachi\u{2069})";
    assert_eq!(due(NOON, Locale::UrPk, EARLY), format!("مقررہ وقت: {urdu}"));
    assert_eq!(due(NOON, Locale::UrPk, "2026-06-01T08:00:00Z"), format!("مقررہ وقت گزر چکا ہے: {urdu}"));
    let day = Some("2026-06-07");
    assert_eq!(
        due(day, Locale::EnUs, "2026-06-07T18:59:59Z"),
        "Due Sunday, 7 June 2026",
        "still that day in Karachi"
    );
    assert_eq!(due(day, Locale::EnUs, "2026-06-07T19:00:00Z"), "Was due Sunday, 7 June 2026");
    assert_eq!(due(day, Locale::UrPk, EARLY), "مقررہ وقت: اتوار، 7 جون 2026");
    assert_eq!(due(None, Locale::EnUs, EARLY), "");
}

#[test]
fn what_a_user_wrote_is_text_in_html() {
    let links = Links {
        done: "https://kaam.test/done?a=1&b=2".to_owned(),
        snooze: "https://kaam.test/snooze".to_owned(),
    };
    let evil = TaskBody {
        title: "<script>alert('1')</script>".to_owned(),
        description: Some("\"</p><img src=x onerror=alert(1)>\" & so on".to_owned()),
        priority: "high".to_owned(),
        ..task(NOON)
    };
    let Mail { plain, html, .. } = mail(evil, Locale::UrPk, EARLY, Some(&links));
    assert!(html.contains("<html lang=\"ur\" dir=\"rtl\">"));
    assert!(!html.contains("<script") && !html.contains("<img"), "{html}");
    assert!(
        html.contains("&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;")
            && html.contains("&quot;&lt;/p&gt;&lt;img")
    );
    assert!(html.contains("<a href=\"https://kaam.test/done?a=1&amp;b=2\">ہو گیا</a>"), "{html}");
    assert!(html.contains("<p>ترجیح: زیادہ</p>"));
    assert!(
        plain.contains("ہو گیا: https://kaam.test/done?a=1&b=2\r\n10 منٹ بعد: https://kaam.test/snooze"),
        "{plain}"
    );
}

#[test]
fn a_title_keeps_its_direction_to_itself_and_to_one_line() {
    let subject = |title: &str, locale| {
        mail(TaskBody { title: title.to_owned(), ..task(None) }, locale, EARLY, None).subject
    };
    assert_eq!(subject("call Amna!", Locale::UrPk), "یاد دہانی: \u{2068}call Amna!\u{2069}");
    assert_eq!(subject("دودھ لانا", Locale::EnUs), "Reminder: دودھ لانا");
    // One that ends our isolate and turns the rest around.
    assert_eq!(subject("a\u{2069}\u{202e}b", Locale::EnUs), "Reminder: \u{2068}ab\u{2069}");
    assert_eq!(subject("a\r\nBcc: b\u{2028}c\0d", Locale::EnUs), "Reminder: a  Bcc: b c d");
}

#[test]
fn a_digest_lists_each_missed_task_with_its_due_time_in_the_order_given() {
    let at: DateTime<Utc> = EARLY.parse().expect("an instant");
    let missed = |titles: &[&str]| {
        let one = |title: &&str| (at, TaskBody { title: (*title).to_owned(), ..task(NOON) });
        Content::Missed(titles.iter().map(one).collect())
    };
    let now = "2026-06-03T07:00:00Z".parse().expect("an instant");
    let mail = |content: &Content, locale| Message { content, locale, now, links: None }.mail();
    let both = mail(&missed(&["first", "second"]), Locale::EnGb);
    assert_eq!(both.subject, "2 missed reminders");
    let was = "Was due Monday, 1 June 2026 at 12:00 (Asia/Karachi)";
    assert!(both.plain.contains(&format!("first\r\n{was}\r\n\r\nsecond\r\n{was}\r\n")), "{}", both.plain);
    assert!(
        both.html.contains(&format!("<li><bdi>first</bdi><br>{was}</li><li><bdi>second</bdi>")),
        "{}",
        both.html
    );
    assert_eq!(mail(&missed(&["one"]), Locale::EnUs).subject, "1 missed reminder");
    assert_eq!(mail(&missed(&["a", "b", "c"]), Locale::UrPk).subject, "3 یاد دہانیاں جو رہ گئیں");
}

#[test]
fn a_notification_of_any_task_fits_and_stays_whole_characters() {
    for (title, description) in
        [("t".repeat(500), "\"".repeat(10_000)), ("🥛".repeat(500), "دودھ ".repeat(2_000))]
    {
        let long = TaskBody { title, description: Some(description), ..task(NOON) };
        let content = Content::Task(Box::new(long.clone()));
        let now = EARLY.parse().expect("an instant");
        let payload =
            Message { content: &content, locale: Locale::UrPk, now, links: None }.notification(Uuid::max());
        assert!(
            payload.len() <= NOTIFICATION_BYTES && payload.len() > NOTIFICATION_BYTES - 100,
            "{}",
            payload.len()
        );
        let payload: serde_json::Value = serde_json::from_str(&payload).expect("JSON");
        assert_eq!(payload["title"], long.title);
        assert!(
            payload["body"]
                .as_str()
                .is_some_and(|body| body.starts_with("مقررہ وقت: پیر") && body.ends_with('…'))
        );
        assert_eq!((&payload["lang"], &payload["dir"]), (&json!("ur"), &json!("rtl")));
        assert_eq!(payload["url"], format!("/?task={}", Uuid::nil()));
    }
}
