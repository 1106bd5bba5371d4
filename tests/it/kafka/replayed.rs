//! What operators do with dead letters that lie in their topics.

use std::process::Output;

use rdkafka::producer::Producer as _;

use super::*;

/// Runs `backend` with words on the world's database and the cluster.
async fn operate(world: &World, kafka: &Kafka, words: &[&str]) -> (bool, String) {
    let mut command = command("backend");
    command.args(words).env("DATABASE_URL", &world.database_url).env("KAFKA_BROKERS", &kafka.brokers);
    let Output { status, stdout, stderr } = outcome(command).await;
    let said = [stdout, stderr].map(|said| String::from_utf8_lossy(&said).into_owned()).concat();
    (status.success(), said)
}

async fn produce(kafka: &Kafka, topic: &str, value: Option<&[u8]>, headers: &[(&str, &str)]) -> (i32, i64) {
    let producer: FutureProducer = kafka.client().create().expect("sound settings");
    let insert =
        |all: OwnedHeaders, (key, value): &(&str, &str)| all.insert(Header { key, value: Some(*value) });
    let headers = headers.iter().fold(OwnedHeaders::new(), insert);
    let mut record = FutureRecord::<[u8], [u8]>::to(topic).key(b"key").headers(headers);
    record.payload = value;
    let sent = producer.send(record, PATIENCE).await.expect("the broker takes it");
    (sent.partition, sent.offset)
}

#[tokio::test]
async fn topics_are_created_once_and_each_has_its_dead_letters() {
    let Some(kafka) = Kafka::start().await else { return };
    let world = World::new().await;
    let (is_done, said) = operate(&world, &kafka, &["create-topics", "--replication", "1"]).await;
    assert!(is_done && said.matches("was created").count() == 8, "{said}");
    let (is_done, said) = operate(&world, &kafka, &["create-topics"]).await;
    assert!(is_done && said.matches("is there already").count() == 8, "{said}");
    assert!(kafka.records("audit-events.dlq").is_empty());
    let (is_done, said) = operate(&world, &kafka, &["create-topics", "--replication", "0"]).await;
    assert!(!is_done && said.contains("--replication"), "{said}");
}

#[tokio::test]
async fn a_dead_letter_that_is_sent_back_is_handled_and_is_none_any_more() {
    let Some(kafka) = Kafka::start().await else { return };
    kafka.create_contract_topics().await;
    let world = World::new().await;
    let pipeline = Pipeline::start(&world, &kafka).await;
    // The audit log can not be written: that is nobody's absence, so that it is parked after five attempts.
    let broken = "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'broken'; END$$;
                  CREATE TRIGGER broken BEFORE INSERT ON audit_logs FOR EACH ROW EXECUTE FUNCTION refuse()";
    for statement in broken.split(";\n") {
        tests::database::execute(&world, statement).await;
    }
    let task = world.create(json!({"title": "water the plants"})).await;
    pipeline.poke().await;
    let parked = async || {
        let records = kafka.records("task-events.dlq");
        (!records.is_empty()).then_some(records)
    };
    // Five attempts with backoff.
    let watch = Stopwatch::start();
    let parked = loop {
        if let Some(parked) = parked().await {
            break parked;
        }
        assert!(watch.elapsed() < REST, "nothing was parked");
        sleep(Duration::from_millis(100)).await;
    };
    let place = format!("task-events.dlq/{}/{}", parked[0].partition, parked[0].offset);
    let (is_done, said) = operate(&world, &kafka, &["dead-letters"]).await;
    let line = said.lines().find(|line| line.starts_with(&place)).unwrap_or_else(|| panic!("{said}"));
    for part in ["task.created", "attempts=5", "function=write-audit"] {
        assert!(line.contains(part), "{line}");
    }
    assert!(is_done && said.contains("1 dead letters"), "{said}");

    tests::database::execute(&world, "DROP TRIGGER broken ON audit_logs").await;
    let (is_done, said) = operate(&world, &kafka, &["replay", &place]).await;
    assert!(is_done && said.contains("1 records are in their topics again"), "{said}");
    let is_audited = async || (count(&world, "audit_logs").await == 1).then_some(());
    eventually("it is audited", is_audited).await;
    let records = kafka.records("task-events");
    let (first, again) = (&records[0], &records[1]);
    assert_eq!((&again.key, &again.value, again.partition), (&first.key, &first.value, first.partition));
    assert_eq!(first.key, task["id"]);
    let headers = [first.headers.clone(), vec![("replayed".to_owned(), "5".to_owned())]].concat();
    assert_eq!(again.headers, headers);

    let (_, said) = operate(&world, &kafka, &["dead-letters"]).await;
    assert!(said.contains("0 dead letters"), "{said}");
    let (is_done, said) = operate(&world, &kafka, &["replay", &place]).await;
    assert!(!is_done && said.contains(&place), "it is sent back once: {said}");
    assert_eq!(kafka.records("task-events").len(), 2);
}

#[tokio::test]
async fn dead_letters_of_dapr_and_knative_and_those_without_their_value_go_back_as_they_came() {
    let Some(kafka) = Kafka::start().await else { return };
    kafka.create_contract_topics().await;
    let world = World::new().await;
    let large = json!({"type": "reminder.due", "x": "large"}).to_string();
    let (partition, offset) = produce(&kafka, "reminders", Some(large.as_bytes()), &[]).await;
    let [here, offset] = [partition.to_string(), offset.to_string()];
    let of_worker =
        |offset| [("dlq-partition", here.as_str()), ("dlq-offset", offset), ("dlq-attempts", "2")];
    produce(
        &kafka,
        "reminders.dlq",
        None,
        &[&of_worker(&offset)[..], &[("own", "kept"), ("replayed", "5")]].concat(),
    )
    .await;
    produce(&kafka, "reminders.dlq", None, &of_worker("999")).await;
    let of_dapr = [("__topic", "reminders"), ("__partition", "0"), ("__offset", "0"), ("own", "kept")];
    let (_, last) = produce(&kafka, "reminders.dlq", Some(br#"{"type":"dapr"}"#), &of_dapr).await;
    let of_knative =
        json!({"type": "knative", "knativeerrorcode": 500, "knativeerrordest": "http://x"}).to_string();
    let (there, _) = produce(&kafka, "task-updates.dlq", Some(of_knative.as_bytes()), &[]).await;

    let (_, said) = operate(&world, &kafka, &["dead-letters"]).await;
    assert!(said.contains("4 dead letters") && said.contains("was answered 500"), "{said}");
    // One by one: the last first.
    let one = format!("reminders.dlq/{here}/{last}");
    let (is_done, said) = operate(&world, &kafka, &["replay", &one]).await;
    assert!(is_done, "{said}");
    let (is_done, said) = operate(&world, &kafka, &["replay", "reminders"]).await;
    let left = format!("reminders.dlq/{here}/1 is left where it is");
    assert!(!is_done && said.contains(&left) && said.contains("1 records are"), "{said}");
    let (is_done, said) = operate(&world, &kafka, &["replay"]).await;
    assert!(!is_done && said.contains(&left) && said.contains("1 records are"), "{said}");
    let (_, said) = operate(&world, &kafka, &["dead-letters"]).await;
    assert!(said.contains("1 dead letters"), "{said}");

    let back: Vec<_> = kafka
        .records("reminders")
        .into_iter()
        .map(|record| (String::from_utf8_lossy(&record.value).into_owned(), record.headers))
        .collect();
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let expected = [
        (large.clone(), vec![]),
        (r#"{"type":"dapr"}"#.to_owned(), vec![header("own", "kept"), header("replayed", "0")]),
        (large, vec![header("own", "kept"), header("replayed", "7")]),
    ];
    assert_eq!(back, expected);
    let knatives = kafka.records("task-updates").remove(0);
    assert_eq!((knatives.partition, knatives.json()), (there, json!({"type": "knative"})));
}

#[tokio::test]
async fn the_mark_of_a_transaction_at_the_end_of_a_topic_stops_nothing() {
    let Some(kafka) = Kafka::start().await else { return };
    kafka.create_contract_topics().await;
    let world = World::new().await;
    let of_dapr = [("__topic", "reminders"), ("__partition", "0"), ("__offset", "0")];
    produce(&kafka, "reminders.dlq", Some(br#"{"type":"dapr"}"#), &of_dapr).await;
    let mut client = kafka.client();
    let producer: FutureProducer =
        client.set("transactional.id", "somebody").create().expect("sound settings");
    producer.init_transactions(PATIENCE).expect("the broker knows transactions");
    producer.begin_transaction().expect("it is the first");
    let record = FutureRecord::<[u8], [u8]>::to("reminders.dlq").key(b"key").payload(b"{}");
    drop(producer.send_result(record).expect("there is room"));
    producer.flush(PATIENCE).expect("the broker takes it");
    producer.abort_transaction(PATIENCE).expect("it can be taken back");

    let (is_done, said) = operate(&world, &kafka, &["dead-letters"]).await;
    assert!(is_done && said.contains("1 dead letters"), "{said}");
    let (is_done, said) = operate(&world, &kafka, &["replay"]).await;
    assert!(is_done && said.contains("1 records are in their topics again"), "{said}");
    assert_eq!(kafka.records("reminders").len(), 1);
}
