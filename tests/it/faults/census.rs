//! What is counted when all is over.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use tests::broker::Broker;
use tests::database::rows;
use tests::unreliable_smtp::{Habit, UnreliableServer};
use uuid::Uuid;

use super::fleet::{Fleet, Outage, POSTGRES};
use super::{Asked, Extent, Series};

/// How long a sender holds a reminder, and how long it waits for a mail server.
const LEASE: TimeDelta = TimeDelta::seconds(20);
const MAIL_DEADLINE: TimeDelta = TimeDelta::seconds(10);
/// The longest wait before the second attempt.
const FIRST_BACKOFF: TimeDelta = TimeDelta::seconds(10);
/// How long a sender needs at most to write down what the server said; after that nothing excuses a repeat.
const WRITTEN_WITHIN: TimeDelta = TimeDelta::seconds(3);
/// What the goal is for a first attempt.
const GOAL: TimeDelta = TimeDelta::seconds(1);
/// No first attempt may come later than this, and no other later than this after its backoff, however busy the machine is.
const BOUND: TimeDelta = TimeDelta::seconds(10);

/// A reminder as the database has it.
struct Kept {
    id: Uuid,
    status: String,
    announced_at: Option<DateTime<Utc>>,
    published_at: Option<DateTime<Utc>>,
    sent_attempts: usize,
    reason: String,
}

/// Counts everything, asserts it, and says it in one line for each matter.
pub(super) async fn take(
    fleet: &Fleet,
    broker: &Broker,
    mail: &UnreliableServer,
    asked: &[Asked],
    series: &[Series],
    extent: Extent,
) {
    count_kills(&fleet.outages());
    let reminders = reminders(&fleet.database_url).await;
    count_mails(fleet, &reminders, mail, asked);
    measure_first_attempts(fleet, &reminders, mail, asked, extent.late_of_thousand);
    measure_second_attempts(fleet, &reminders, mail, asked);
    count_occurrences(&fleet.database_url, series, extent.completions).await;
    count_events(&fleet.database_url, broker, &reminders).await;
}

fn count_kills(outages: &[Outage]) {
    let mut parts = HashMap::<_, Vec<TimeDelta>>::new();
    for outage in outages {
        parts.entry(outage.part).or_default().push(outage.until - outage.from);
    }
    let mut told: Vec<_> = parts
        .iter()
        .map(|(part, lengths)| {
            let longest = lengths.iter().max().expect("there is one").num_milliseconds();
            format!("{part} {} times (away {longest} ms at most)", lengths.len())
        })
        .collect();
    told.sort();
    eprintln!("faults: killed: {}", told.join(", "));
    assert!(parts.len() == 5, "every part was killed");
}

async fn reminders(url: &str) -> HashMap<String, Kept> {
    let query = "SELECT r.id, r.destination, r.status, due.timestamp AS announced_at, due.processed_at AS published_at,
                        (SELECT count(*) FROM reminder_attempts a
                         WHERE a.user_id = r.user_id AND a.reminder_id = r.id AND a.outcome = 'sent') AS sent_attempts,
                        (SELECT a.reason FROM reminder_attempts a
                         WHERE a.user_id = r.user_id AND a.reminder_id = r.id ORDER BY a.attempt DESC LIMIT 1) AS reason
                 FROM reminders r
                 LEFT JOIN LATERAL (
                     SELECT timestamp, processed_at FROM events e
                     WHERE e.user_id = r.user_id AND e.topic_name = 'reminders' AND e.event_type = 'reminder.due'
                       AND e.payload ->> 'reminder_id' = r.id::text
                     ORDER BY e.seq
                     LIMIT 1) AS due ON true";
    let instant = |value: &Value| value.as_str().map(|text| text.parse().expect("an instant"));
    let kept = rows(url, query).await.into_iter().map(|row| {
        let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
        let kept = Kept {
            id: text("id").parse().expect("a UUID"),
            status: text("status"),
            announced_at: instant(&row["announced_at"]),
            published_at: instant(&row["published_at"]),
            sent_attempts: usize::try_from(row["sent_attempts"].as_u64().expect("a count")).expect("a few"),
            reason: text("reason"),
        };
        (text("destination"), kept)
    });
    kept.collect()
}

/// Lost, doubled, refused, withdrawn.
fn count_mails(fleet: &Fleet, reminders: &HashMap<String, Kept>, mail: &UnreliableServer, asked: &[Asked]) {
    let (attempts, taken, outages) = (mail.attempts(), mail.taken(), fleet.outages());
    let nobody = Vec::new();
    let (mut delivered, mut failed, mut withdrawn, mut too_late) = (0, 0, 0, 0);
    let (mut lost, mut unwanted) = (Vec::new(), Vec::new());
    for one in asked {
        let kept = &reminders[&one.address];
        let mails = taken.get(&one.address).map_or(0, Vec::len);
        let is_well = match kept.status.as_str() {
            "sent" => mails >= 1,
            "failed" => one.habit == Habit::Refuses && mails == 0 && kept.reason.contains("550"),
            _ => false,
        };
        if one.is_withdrawn {
            withdrawn += 1;
            if attempts.contains_key(&one.address) || kept.status == "sent" {
                unwanted.push(&one.address);
            }
        } else if one.is_too_late {
            too_late += 1;
        } else if is_well {
            delivered += usize::from(kept.status == "sent");
            failed += usize::from(kept.status == "failed");
        } else {
            lost.push((&one.address, &kept.status, &kept.reason));
        }
    }
    let wanted = asked.len() - withdrawn - too_late;
    eprintln!(
        "faults: reminders: {wanted} wanted: {delivered} delivered, {failed} refused for good (550), {} lost",
        lost.len()
    );
    eprintln!(
        "faults: withdrawn: {withdrawn} tasks completed before their time, {} mails about them; {too_late} answered too late to say",
        unwanted.len()
    );
    assert!(lost.is_empty(), "lost: {lost:?}");
    assert!(unwanted.is_empty(), "sent for completed tasks: {unwanted:?}");
    assert!(too_late * 20 <= asked.len(), "hardly any answer comes too late: {too_late}");

    let (mut unheard, mut died, mut cut_off) = (0, 0, 0);
    let mut doubled = Vec::new();
    for one in asked.iter().filter(|one| one.habit != Habit::Refuses) {
        let at = attempts.get(&one.address).unwrap_or(&nobody);
        for (number, pair) in (1..).zip(at.windows(2)) {
            if !one.habit.says_ok(number) {
                unheard += usize::from(one.habit == Habit::Silent);
                continue;
            }
            let was_away = |part| {
                let soon = pair[0] + WRITTEN_WITHIN;
                outages.iter().any(|out| out.part == part && out.from <= soon && pair[0] <= out.until)
            };
            // Nobody takes a reminder before the one who died with it has lost it.
            match pair[1] - pair[0] >= LEASE - MAIL_DEADLINE {
                true if was_away("send-reminder") => died += 1,
                true if was_away(POSTGRES) => cut_off += 1,
                _ => doubled.push((&one.address, at)),
            }
        }
    }
    let copies: usize = taken.values().map(|mails| mails.len() - 1).sum();
    let mut foreign = Vec::new();
    for (address, ids) in &taken {
        let expected = format!("<{}@kaam>", reminders[address].id);
        if ids.iter().any(|id| *id != expected) {
            foreign.push((address, ids));
        }
    }
    eprintln!(
        "faults: doubled: {} without excuse; {copies} second copies with the same Message-ID ({unheard} because the server's OK was never said, \
         {died} attempts repeated because the sender was killed and {cut_off} because PostgreSQL was, before it was written down)",
        doubled.len()
    );
    let twice: Vec<_> =
        reminders.iter().filter(|(_, kept)| kept.sent_attempts > 1).map(|(to, _)| to).collect();
    assert!(twice.is_empty(), "written down as sent more than once: {twice:?}");
    assert!(doubled.is_empty(), "tried again without need: {doubled:?}");
    assert!(foreign.is_empty(), "another Message-ID: {foreign:?}");
    assert!(copies <= unheard + died + cut_off, "every copy has its excuse");
}

/// Each first attempt, from the moment at which everything that it needed was there.
fn measure_first_attempts(
    fleet: &Fleet,
    reminders: &HashMap<String, Kept>,
    mail: &UnreliableServer,
    asked: &[Asked],
    late_of_thousand: usize,
) {
    let (attempts, outages, held) = (mail.attempts(), fleet.outages(), fleet.held());
    let (mut delays, mut begun_before) = (Vec::new(), Vec::new());
    for one in asked.iter().filter(|one| !one.is_withdrawn && !one.is_too_late) {
        let (kept, first) = (&reminders[&one.address], attempts[&one.address][0]);
        let announced_at = kept.announced_at.expect("it was announced");
        // A relay that was killed before it wrote down what it had published did so later.
        let published_at = kept.published_at.expect("it was published").min(first);
        let stages = [
            ("scan-reminders", one.trigger_time, announced_at),
            ("relay-events", announced_at, published_at),
            ("send-reminder", published_at, first),
        ];
        let back = stages.iter().filter_map(|(part, from, to)| last_back(&outages, part, *from, *to)).max();
        let ready = back.unwrap_or(one.trigger_time).max(one.trigger_time);
        match held.get(&kept.id) {
            // Its first attempt was begun by a sender that did not live to reach the server.
            Some(until) if first >= *until => begun_before.push(first - ready.max(*until)),
            _ => {
                let spent =
                    stages.map(|(part, from, to)| format!("{part} {}", (to - from).num_milliseconds()));
                delays.push((first - ready, one.address.clone(), spent.join(", ")));
            }
        }
    }
    delays.sort();
    let at = |share: usize| delays[(delays.len() - 1) * share / 100].0.num_milliseconds();
    let late: Vec<_> = delays.iter().filter(|(delay, ..)| *delay > GOAL).collect();
    let worst_begun = begun_before.iter().max().map_or(0, TimeDelta::num_milliseconds);
    eprintln!(
        "faults: first attempts after time, parts and PostgreSQL were there: {} measured, p50 {} ms, p99 {} ms, max {} ms, {} over 1 s; \
         {} begun by a sender that was killed, next one {worst_begun} ms after its lease at most",
        delays.len(),
        at(50),
        at(99),
        at(100),
        late.len(),
        begun_before.len(),
    );
    for (delay, address, spent) in late.iter().rev().take(5) {
        eprintln!("faults:   late by {} ms: {address} (ms in each stage: {spent})", delay.num_milliseconds());
    }
    assert!(late.len() * 1_000 <= delays.len() * late_of_thousand, "first attempts over 1 s: {}", late.len());
    assert!(delays.iter().all(|(delay, ..)| *delay <= BOUND), "a first attempt hung: {:?}", delays.last());
    assert!(worst_begun <= BOUND.num_milliseconds(), "an attempt that was cut off hung: {worst_begun} ms");
}

/// Gives when the last outage of a part, or of PostgreSQL, that fell into this time was over.
fn last_back(
    outages: &[Outage],
    part: &str,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    let concerned = outages.iter().filter(|outage| outage.part == part || outage.part == POSTGRES);
    concerned
        .filter(|outage| outage.from <= to && outage.until >= from)
        .map(|outage| outage.until.min(to))
        .max()
}

/// Each second attempt after one that failed for now, from the end of its longest backoff.
fn measure_second_attempts(
    fleet: &Fleet,
    reminders: &HashMap<String, Kept>,
    mail: &UnreliableServer,
    asked: &[Asked],
) {
    let (attempts, outages, held) = (mail.attempts(), fleet.outages(), fleet.held());
    let mut excesses = Vec::new();
    for one in asked {
        let given_up_after = match one.habit {
            Habit::Later | Habit::Silent => TimeDelta::zero(),
            Habit::Stalls => MAIL_DEADLINE,
            _ => continue,
        };
        let Some([first, second, ..]) = attempts.get(&one.address).map(Vec::as_slice) else { continue };
        let due_by = *first + given_up_after + FIRST_BACKOFF;
        let due_by = held.get(&reminders[&one.address].id).map_or(due_by, |until| due_by.max(*until));
        let back = outages.iter().filter(|outage| outage.from <= *second && outage.until >= due_by);
        let ready = back.map(|outage| outage.until.min(*second)).fold(due_by, DateTime::max);
        excesses.push(*second - ready);
    }
    let last = excesses.iter().max().map_or(0, TimeDelta::num_milliseconds);
    eprintln!(
        "faults: second attempts: {} after 451, silence or a stall, the last one {last} ms after its longest backoff",
        excesses.len()
    );
    assert!(
        !excesses.is_empty() && last <= BOUND.num_milliseconds(),
        "retried within the backoff: {last} ms"
    );
}

/// One successor for each completion, at the right times.
async fn count_occurrences(url: &str, series: &[Series], completions: usize) {
    let mut found = 0;
    for one in series {
        let query = format!(
            "SELECT series_number, series_slot, follows IS NOT NULL AS follows, substr(id::text, 15, 1) = '5' AS is_derived,
                    due_at = series_slot AT TIME ZONE time_zone AS is_at_its_wall_time
             FROM tasks
             WHERE series_id = '{}'
             ORDER BY series_number, id",
            one.id
        );
        let tasks = rows(url, &query).await;
        let slots: Vec<_> =
            tasks.iter().map(|task| task["series_slot"].as_str().unwrap_or_default().to_owned()).collect();
        let expected: Vec<_> = one.expected.iter().map(|slot| slot.format("%FT%T").to_string()).collect();
        assert_eq!(slots, expected, "the occurrences of {}", one.id);
        assert!(tasks.iter().all(|task| task["is_at_its_wall_time"] == true), "{tasks:?}");
        // A name-based id (UUIDv5) is the first guard against a second successor; the database's uniqueness is the other.
        assert!(tasks.iter().all(|task| task["is_derived"] == task["follows"]), "{tasks:?}");
        found += tasks.iter().filter(|task| task["follows"] == true).count();
    }
    let completed = "SELECT t.id, count(next.id) AS successors
                     FROM tasks t
                     LEFT JOIN tasks next ON next.user_id = t.user_id AND next.follows = t.id
                     WHERE t.status = 'completed' AND t.series_id IS NOT NULL
                     GROUP BY t.id";
    let completed = rows(url, completed).await;
    let wrong = completed.iter().filter(|task| task["successors"] != 1).count();
    eprintln!(
        "faults: occurrences: {} completions of {} series, {found} successors, {wrong} without just one, every date right",
        completed.len(),
        series.len()
    );
    assert_eq!((completed.len(), found, wrong), (series.len() * completions, series.len() * completions, 0));
}

/// Nothing left, nothing parked without reason, each key in order, each event audited once.
async fn count_events(url: &str, broker: &Broker, reminders: &HashMap<String, Kept>) {
    let events = rows(url, "SELECT event_id, topic_name, key, status FROM events ORDER BY seq").await;
    let left = events.iter().filter(|event| event["status"] != "processed").count();
    let audited = rows(
        url,
        "SELECT e.event_id FROM events e
         FULL JOIN audit_logs a ON a.user_id = e.user_id AND a.event_id = e.event_id
         GROUP BY e.event_id
         HAVING count(e.event_id) <> 1 OR count(a.event_id) <> 1",
    )
    .await;

    let mut accepted = HashMap::<_, Vec<String>>::new();
    for event in broker.accepted().into_iter().filter(|event| event.topic != "task-updates") {
        accepted.entry((event.topic, event.key)).or_default().push(event.id);
    }
    let mut committed = HashMap::<_, Vec<String>>::new();
    for event in &events {
        let text = |name: &str| event[name].as_str().expect("a text").to_owned();
        committed.entry((text("topic_name"), text("key"))).or_default().push(text("event_id"));
    }
    let out_of_order = committed.iter().filter(|(key, ids)| accepted.get(*key) != Some(*ids)).count();

    let refused: Vec<String> =
        reminders.values().filter(|kept| kept.status == "failed").map(|kept| kept.id.to_string()).collect();
    let dead = broker.dead_letters();
    let unexpected: Vec<_> = dead
        .iter()
        .filter(|letter| {
            let id = letter.event["data"]["payload"]["reminder_id"].as_str().unwrap_or_default();
            letter.subscriber != "send-reminder" || !refused.iter().any(|refused| refused == id)
        })
        .collect();
    eprintln!(
        "faults: events: {} committed, {left} left in the outbox, {} keys, {out_of_order} out of order, {} not audited just once; \
         {} dead letters, {} of them not for a refused recipient",
        events.len(),
        committed.len(),
        audited.len(),
        dead.len(),
        unexpected.len()
    );
    assert_eq!((left, audited.len(), out_of_order), (0, 0, 0));
    assert!(unexpected.is_empty(), "{unexpected:?}");
}
