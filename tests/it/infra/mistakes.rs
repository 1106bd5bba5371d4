//! Mistakes as people make them, each in one field of what is rendered, and what is said of it.

use serde_json::{Value, json};

use super::chart::{Rendered, installed, rendered, template};
use super::code::Code;
use super::rules::wrong_with;
use super::yaml::put;

/// A mistake: the profile and the overlay, the manifest, the path of the field, what stands there by mistake (null: nothing), and a
/// part of what is said of it.
type Mistake = (&'static str, &'static str, &'static str, &'static str, Value, &'static str);

/// How the annotations of a function's pods are reached.
const PODS: &str = "spec template metadata annotations";
const CONTAINER: &str = "spec template spec containers 0";

fn mistakes() -> Vec<Mistake> {
    let knative: Vec<(&str, String, Value, &str)> = vec![
        (
            "KnativeService/write-audit",
            format!("{CONTAINER} env =EVENTS_ISSUER value"),
            json!("https://kubernetes.default.svc.cluster.local"),
            "EVENTS_CA_FILE",
        ),
        (
            "KnativeService/write-audit",
            format!("{CONTAINER} env +"),
            json!({"name": "EVENTS_CA_FILE", "value": "/etc/kaam/cluster/ca.crt"}),
            "nothing is mounted at /etc/kaam/cluster/ca.crt",
        ),
        (
            "KnativeService/spawn-recurrence",
            format!("{CONTAINER} env +"),
            json!({
                "name": "EVENTS_TOKEN",
                "valueFrom": {"secretKeyRef": {"name": "kaam-identity", "key": "EVENTS_TOKEN"}}
            }),
            "could bring it events",
        ),
        (
            "KnativeService/create-task",
            format!("{CONTAINER} env =RELAY_TOKEN valueFrom secretKeyRef key"),
            json!("LINK_SECRET"),
            "refuses its pokes",
        ),
        (
            "NetworkPolicy/web",
            "spec egress +".to_owned(),
            json!({"to": [{"ipBlock": {"cidr": "10.0.0.0/24"}}], "ports": [{"port": 6443}]}),
            "may call the API server",
        ),
        (
            "NetworkPolicy/send-reminder",
            "spec egress +".to_owned(),
            json!({"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}], "ports": [{"port": 6443}]}),
            "every address inside",
        ),
        (
            "NetworkPolicy/web",
            "spec egress 0 ports".to_owned(),
            json!([{"port": 443}]),
            "behind a gateway that it may not call",
        ),
        (
            "KnativeService/web",
            format!("{CONTAINER} env +"),
            json!({"name": "OTEL_EXPORTER_OTLP_ENDPOINT", "value": "http://collector.monitoring.svc:4318"}),
            "do not reach the collector",
        ),
        (
            "KnativeService/scan-reminders",
            format!("{PODS} autoscaling.knative.dev/min-scale"),
            json!("0"),
            "may be away",
        ),
        (
            "KnativeService/web",
            format!("{CONTAINER} env =TRUSTED_PROXIES value"),
            json!("10.0.0.0/8"),
            "whose word is not taken",
        ),
        (
            "KnativeService/web",
            format!("{PODS} autoscaling.knative.dev/min-scale"),
            json!("-1"),
            "does not know or take",
        ),
        (
            "KnativeService/web",
            format!("{PODS} autoscaling.knative.dev/window"),
            json!("2s"),
            "does not know or take",
        ),
        (
            "KnativeService/web",
            format!("{PODS} autoscaling.knative.dev/minScale"),
            json!("1"),
            "does not know or take",
        ),
        (
            "KnativeService/web",
            format!("{PODS} autoscaling.knative.dev/target-utilization-percentage"),
            json!("170"),
            "does not know or take",
        ),
        (
            "KnativeService/web",
            format!("{PODS} autoscaling.knative.dev/max-scale"),
            json!(3),
            "is not a text",
        ),
        (
            "KnativeService/web",
            format!("{PODS} autoscaling.knative.dev/max-scale"),
            json!("0"),
            "max-scale is missing",
        ),
        (
            "KnativeService/create-task",
            format!("{PODS} autoscaling.knative.dev/max-scale"),
            Value::Null,
            "nothing bounds its instances",
        ),
        (
            "KnativeService/create-task",
            format!("{PODS} autoscaling.knative.dev/min-scale"),
            json!("9"),
            "min-scale is above max-scale",
        ),
        (
            "KnativeService/query-tasks",
            format!("{PODS} autoscaling.knative.dev/max-scale"),
            json!("900"),
            "functions take up to",
        ),
        (
            "KnativeService/web",
            "metadata annotations".to_owned(),
            json!({"autoscaling.knative.dev/max-scale": "2"}),
            "is for the template",
        ),
        ("KnativeService/web", format!("{PODS} dapr.io/enabled"), json!("true"), "a sidecar"),
        ("KnativeService/web", format!("{CONTAINER} ports 0 containerPort"), json!(9090), "Knative's own"),
        ("KnativeService/web", format!("{CONTAINER} ports 0 name"), json!("http"), "http1 or h2c"),
        (
            "KnativeService/web",
            format!("{CONTAINER} ports +"),
            json!({"containerPort": 9464}),
            "takes one port",
        ),
        (
            "KnativeService/web",
            format!("{CONTAINER} env +"),
            json!({"name": "PORT", "value": "3000"}),
            "set by Knative itself",
        ),
        (
            "KnativeService/web",
            format!("{CONTAINER} env =METRICS_PORT value"),
            json!("9091"),
            "METRICS_PORT 9091 is taken",
        ),
        (
            "KnativeService/web",
            "spec template spec securityContext".to_owned(),
            json!({"fsGroup": 1}),
            "is off in Knative",
        ),
        (
            "KnativeService/web",
            "spec template spec nodeSelector".to_owned(),
            json!({"a": "b"}),
            "is off in Knative",
        ),
        (
            "KnativeService/send-reminder",
            "spec template spec timeoutSeconds".to_owned(),
            json!(601),
            "more than the 600",
        ),
        (
            "KnativeService/send-reminder",
            "spec template spec timeoutSeconds".to_owned(),
            json!(60),
            "cuts off a function that takes up to 300 s",
        ),
        (
            "KnativeService/web",
            format!("{CONTAINER} readinessProbe httpGet port"),
            json!(8080),
            "names a port",
        ),
        (
            "KnativeService/web",
            format!("{CONTAINER} livenessProbe httpGet path"),
            json!("/healthz"),
            "not /health",
        ),
        (
            "KnativeService/create-task",
            format!("{CONTAINER} readinessProbe httpGet path"),
            json!("/ready"),
            "not /health",
        ),
        (
            "KnativeService/web",
            "spec template spec containerConcurrency".to_owned(),
            json!(0),
            "containerConcurrency",
        ),
        (
            "KnativeService/web",
            "metadata labels networking.knative.dev/visibility".to_owned(),
            Value::Null,
            "a host of its own",
        ),
        (
            "KnativeService/web",
            format!("{CONTAINER} securityContext runAsNonRoot"),
            Value::Null,
            "run as root",
        ),
        (
            "KnativeService/web",
            format!("{CONTAINER} securityContext capabilities drop"),
            json!(["NET_RAW"]),
            "has capabilities",
        ),
        (
            "KnativeService/web",
            format!("{CONTAINER} resources limits memory"),
            json!("2Gi"),
            "a process of 5 MB",
        ),
        (
            "KnativeService/web",
            format!("{CONTAINER} image"),
            json!("ghcr.io/kaam/web:latest"),
            "changes with the day",
        ),
        (
            "KnativeService/web",
            format!("{CONTAINER} image"),
            json!("ghcr.io/kaam/create-task:0.1.0"),
            "it runs create-task",
        ),
        (
            "KafkaSource/write-audit-reminders",
            "spec delivery backoffDelay".to_owned(),
            json!("5s"),
            "no duration of ISO 8601",
        ),
        (
            "KafkaSource/write-audit-reminders",
            "spec delivery backoffDelay".to_owned(),
            json!("PT0.01S"),
            "a restart of the database",
        ),
        (
            "KafkaSource/write-audit-reminders",
            "spec delivery backoffPolicy".to_owned(),
            json!("constant"),
            "no backoffPolicy",
        ),
        ("KafkaSource/write-audit-reminders", "spec delivery retry".to_owned(), Value::Null, "tried once"),
        (
            "KafkaSource/send-reminder-reminders",
            "spec delivery timeout".to_owned(),
            json!("PT30S"),
            "its timeout cuts off",
        ),
        (
            "KafkaSource/write-audit-reminders",
            "spec delivery deadLetterSink".to_owned(),
            Value::Null,
            "reminder.due has no dead letters",
        ),
        (
            "KafkaSource/write-audit-reminders",
            "spec delivery deadLetterSink ref name".to_owned(),
            json!("task-events-dlq"),
            "not to the dead letters",
        ),
        (
            "KafkaSource/write-audit-reminders",
            "spec initialOffset".to_owned(),
            json!("latest"),
            "would be lost",
        ),
        (
            "KafkaSource/write-audit-reminders",
            "spec ordering".to_owned(),
            json!("unordered"),
            "would overtake",
        ),
        ("KafkaSource/write-audit-reminders", "spec consumers".to_owned(), json!(12), "share 3 partitions"),
        (
            "KafkaSource/write-audit-reminders",
            "spec consumerGroup".to_owned(),
            json!("write-audit-task-events"),
            "is in the group",
        ),
        (
            "KafkaSource/write-audit-reminders",
            "spec topics 0".to_owned(),
            json!("reminder"),
            "there is no topic reminder",
        ),
        (
            "KafkaSource/write-audit-audit-events",
            "spec topics 0".to_owned(),
            json!("task-updates"),
            "nobody is brought settings.updated",
        ),
        (
            "KafkaSource/write-audit-reminders",
            "spec sink ref name".to_owned(),
            json!("audit"),
            "is not there",
        ),
        (
            "KafkaSource/write-audit-reminders",
            "spec sink audience".to_owned(),
            json!("kaam/send-reminder"),
            "its tokens are for",
        ),
        (
            "KafkaSource/write-audit-reminders",
            "spec net sasl user secretKeyRef name".to_owned(),
            json!("kafka-operator"),
            "somebody else's",
        ),
        (
            "KafkaSource/write-audit-reminders",
            "spec net tls enable".to_owned(),
            json!(false),
            "without TLS or a password",
        ),
        ("KafkaSink/reminders-dlq", "spec contentMode".to_owned(), json!("binary"), "structured mode"),
        ("KafkaSink/reminders-dlq", "spec topic".to_owned(), json!("reminders"), "not to the dead letters"),
        ("PingSource/scan-reminders", "spec schedule".to_owned(), json!("* * * *"), "five nor six fields"),
        ("PingSource/scan-reminders", "spec schedule".to_owned(), json!("61 * * * *"), "out of range"),
        ("PingSource/scan-reminders", "spec timezone".to_owned(), json!("Mars/Phobos"), "no time zone"),
        ("PingSource/scan-reminders", "spec sink ref name".to_owned(), json!("web"), "who needs a clock"),
        (
            "KnativeService/write-audit",
            format!("{CONTAINER} env +"),
            json!({"name": "LOGLEVEL", "value": "info"}),
            "there is no setting LOGLEVEL",
        ),
        (
            "KnativeService/create-task",
            format!("{CONTAINER} env =HOST value"),
            json!("127.0.0.1"),
            "its own pod alone",
        ),
        (
            "KnativeService/web",
            format!("{CONTAINER} env =LOG_FORMAT value"),
            json!("xml"),
            "it does not start: LOG_FORMAT",
        ),
        (
            "HTTPRoute/kaam",
            "spec rules 1 filters 0 urlRewrite hostname".to_owned(),
            json!("complete-task.default.svc.cluster.local"),
            "knows no",
        ),
        ("HTTPRoute/kaam", "spec rules 8 matches 0".to_owned(), Value::Null, "and goes to"),
        ("HTTPRoute/kaam", "spec rules 7 timeouts request".to_owned(), json!("605s"), "has no end"),
        (
            "KnativeService/stream-updates",
            "spec template spec timeoutSeconds".to_owned(),
            json!(300),
            "is cut off before",
        ),
        (
            "KnativeService/stream-updates",
            format!("{CONTAINER} env +"),
            json!({"name": "DATABASE_POOLER", "value": "transaction"}),
            "DATABASE_POOLER does not say",
        ),
        (
            "ReferenceGrant/kaam-from-todo-app",
            "spec to 0 name".to_owned(),
            json!("other"),
            "does not let the route in",
        ),
        ("NetworkPolicy/web", "spec ingress 0 from".to_owned(), json!([]), "everybody may call"),
        (
            "NetworkPolicy/web",
            "spec ingress 0 from +".to_owned(),
            json!({"namespaceSelector": {}}),
            "the whole cluster",
        ),
        ("NetworkPolicy/default-deny", "spec policyTypes".to_owned(), json!(["Ingress"]), "nothing denies"),
        (
            "NetworkPolicy/web",
            "spec podSelector matchLabels app.kubernetes.io/name".to_owned(),
            json!("wep"),
            "no policy is its own",
        ),
        (
            "NetworkPolicy/web",
            "spec egress +".to_owned(),
            json!({"to": [{"podSelector": {}}], "ports": [{"port": 5432}]}),
            "may call PostgreSQL",
        ),
    ];
    let dapr: Vec<(&str, String, Value, &str)> = vec![
        (
            "Deployment/web",
            format!("{CONTAINER} env +"),
            json!({"name": "HOST", "value": "::"}),
            "HOST is there twice",
        ),
        (
            "PodMonitor/kaam",
            "spec podMetricsEndpoints 0 port".to_owned(),
            json!("http"),
            "metrics are not at",
        ),
        (
            "PodMonitor/kaam",
            "spec selector matchLabels kaam/role".to_owned(),
            json!("functions"),
            "is not monitored",
        ),
        ("Deployment/write-audit", format!("{PODS} dapr.io/app-id"), json!("audit"), "not its name"),
        (
            "Deployment/write-audit",
            format!("{PODS} dapr.io/app-port"),
            json!("3000"),
            "not where the function listens",
        ),
        (
            "Deployment/write-audit",
            format!("{PODS} dapr.io/app_max_concurrency"),
            json!("8"),
            "leaves dapr.io/app_max_concurrency unread",
        ),
        (
            "Deployment/write-audit",
            format!("{PODS} dapr.io/config"),
            json!("other"),
            "no configuration other",
        ),
        (
            "Deployment/write-audit",
            format!("{PODS} dapr.io/app-token-secret"),
            json!("token"),
            "there is no secret token",
        ),
        (
            "Deployment/write-audit",
            format!("{PODS} dapr.io/app-health-check-path"),
            json!("/ready"),
            "/ready is 503 without the database",
        ),
        (
            "Deployment/write-audit",
            format!("{PODS} dapr.io/app-health-probe-timeout"),
            json!("9000"),
            "not below its interval",
        ),
        (
            "Deployment/write-audit",
            format!("{PODS} dapr.io/block-shutdown-duration"),
            json!("90s"),
            "killed before it may stop",
        ),
        ("Deployment/write-audit", format!("{PODS} dapr.io/enabled"), json!("false"), "has no sidecar"),
        (
            "Component/kafka-pubsub-write-audit",
            "spec type".to_owned(),
            json!("pubsub.kafcka"),
            "there is no component",
        ),
        (
            "Component/kafka-pubsub-write-audit",
            "spec metadata +".to_owned(),
            json!({"name": "initalOffset", "value": "oldest"}),
            "leaves initalOffset unread",
        ),
        (
            "Component/kafka-pubsub-write-audit",
            "spec metadata =initialOffset value".to_owned(),
            json!("newest"),
            "is what is proven",
        ),
        (
            "Component/kafka-pubsub-write-audit",
            "scopes +".to_owned(),
            json!("send-reminder"),
            "one user of Kafka",
        ),
        ("Component/kafka-pubsub-write-audit", "scopes".to_owned(), json!([]), "it is everybody's"),
        (
            "Component/kafka-pubsub-write-audit",
            "auth secretStore".to_owned(),
            json!("vault"),
            "there is no secret store vault",
        ),
        (
            "Component/kafka-pubsub-write-audit",
            "spec metadata =saslPassword".to_owned(),
            json!({"name": "saslPassword", "value": "x"}),
            "saslPassword lies open",
        ),
        (
            "Subscription/write-audit-reminders",
            "spec deadLetterTopic".to_owned(),
            Value::Null,
            "not to the dead letters",
        ),
        (
            "Subscription/write-audit-reminders",
            "spec routes default".to_owned(),
            json!("/events/reminders"),
            "nothing answers at",
        ),
        ("Subscription/write-audit-reminders", "spec topic".to_owned(), json!("reminder"), "subscribes to"),
        (
            "Subscription/write-audit-reminders",
            "spec pubsubname".to_owned(),
            json!("pubsub"),
            "there is no Component pubsub",
        ),
        (
            "Subscription/write-audit-reminders",
            "scopes 0".to_owned(),
            json!("audit"),
            "there is no app audit",
        ),
        (
            "Subscription/write-audit-reminders",
            "apiVersion".to_owned(),
            json!("dapr.io/v1alpha1"),
            "outdated",
        ),
        (
            "Resiliency/kaam",
            "spec targets components kafka-pubsub-write-audit inbound retry".to_owned(),
            json!("until-take"),
            "there is no policy until-take",
        ),
        (
            "Resiliency/kaam",
            "spec targets components kafka-pubsub-write-audit".to_owned(),
            Value::Null,
            "a dead letter after one try",
        ),
        (
            "Resiliency/kaam",
            "spec policies retries until-taken maxRetries".to_owned(),
            json!(3),
            "not those of infra/dapr",
        ),
        (
            "Resiliency/kaam",
            "spec targets components other".to_owned(),
            json!({}),
            "there is no component other",
        ),
        ("Configuration/kaam", "spec mtls enabled".to_owned(), json!(false), "without a certificate"),
        (
            "Configuration/kaam",
            "spec accessControl defaultAction".to_owned(),
            json!("allow"),
            "any app may invoke",
        ),
        (
            "Configuration/kaam",
            "spec accessControl policies".to_owned(),
            json!([{"appId": "web", "defaultAction": "allow"}]),
            "any app may invoke",
        ),
        (
            "Configuration/kaam",
            "spec api allowed +".to_owned(),
            json!({"name": "invoke", "version": "v1.0", "protocol": "http"}),
            "nobody uses",
        ),
        ("ScaledObject/write-audit", "spec triggers 0 type".to_owned(), json!("kafak"), "KEDA has no scaler"),
        (
            "ScaledObject/write-audit",
            "spec triggers 0 metadata lagTreshold".to_owned(),
            json!("5"),
            "leaves lagTreshold of kafka unread",
        ),
        (
            "ScaledObject/write-audit",
            "spec triggers 0 metadata lagThreshold".to_owned(),
            json!("many"),
            "lagThreshold is no number",
        ),
        (
            "ScaledObject/write-audit",
            "spec triggers 0 metadata consumerGroup".to_owned(),
            json!("audit"),
            "which is not the function's",
        ),
        (
            "ScaledObject/write-audit",
            "spec triggers 0 metadata topic".to_owned(),
            json!("reminders"),
            "and [\"audit-events\"",
        ),
        (
            "ScaledObject/write-audit",
            "spec triggers 0 metadata offsetResetPolicy".to_owned(),
            json!("latest"),
            "it would never begin",
        ),
        (
            "ScaledObject/write-audit",
            "spec triggers 0 metadata offsetResetPolicy".to_owned(),
            json!("oldest"),
            "can not be \"oldest\"",
        ),
        (
            "ScaledObject/write-audit",
            "spec triggers 0 metadata password".to_owned(),
            json!("x"),
            "comes by a TriggerAuthentication",
        ),
        ("ScaledObject/write-audit", "spec maxReplicaCount".to_owned(), json!(4), "share 3 partitions"),
        ("ScaledObject/write-audit", "spec minReplicaCount".to_owned(), json!(7), "above maxReplicaCount"),
        ("ScaledObject/write-audit", "spec fallback".to_owned(), Value::Null, "can not see what waits"),
        ("ScaledObject/scan-reminders", "spec minReplicaCount".to_owned(), json!(0), "may be away"),
        (
            "ScaledObject/write-audit",
            "spec scaleTargetRef name".to_owned(),
            json!("audit"),
            "there is no Deployment audit",
        ),
        (
            "ScaledObject/write-audit",
            "spec triggers 0 authenticationRef name".to_owned(),
            json!("x"),
            "there is no TriggerAuthentication x",
        ),
        (
            "ScaledObject/relay-events",
            "spec triggers 0 metadata query".to_owned(),
            json!("SELECT count(*) FROM audit_logs"),
            "may not read audit_logs",
        ),
        (
            "ScaledObject/relay-events",
            "spec triggers 0 metadata query".to_owned(),
            Value::Null,
            "needs query",
        ),
        (
            "ScaledObject/relay-events",
            "spec triggers 0 metadata userName".to_owned(),
            json!("kaam_backend"),
            "not the function's role",
        ),
        (
            "ScaledObject/relay-events",
            "spec triggers 0 metadata sslmode".to_owned(),
            json!("prefer"),
            "may do without TLS",
        ),
        (
            "TriggerAuthentication/write-audit",
            "spec secretTargetRef 1 parameter".to_owned(),
            json!("pasword"),
            "reads no pasword",
        ),
        (
            "TriggerAuthentication/write-audit",
            "spec secretTargetRef 1 key".to_owned(),
            json!("pass"),
            "there is no secret kafka-write-audit with pass",
        ),
        ("Deployment/write-audit", "spec replicas".to_owned(), json!(1), "undo it with each upgrade"),
        (
            "Deployment/web",
            "spec template metadata labels app.kubernetes.io/name".to_owned(),
            json!("webb"),
            "does not select its own pods",
        ),
        (
            "Deployment/web",
            format!("{CONTAINER} readinessProbe httpGet path"),
            json!("/healthz"),
            "not /ready",
        ),
        (
            "Deployment/web",
            format!("{CONTAINER} readinessProbe httpGet port"),
            json!("web"),
            "where nothing is",
        ),
        (
            "Deployment/web",
            "spec template spec topologySpreadConstraints".to_owned(),
            Value::Null,
            "on one node",
        ),
        ("Deployment/web", "spec template spec hostNetwork".to_owned(), json!(true), "sees the node"),
        (
            "Deployment/web",
            "spec template spec automountServiceAccountToken".to_owned(),
            json!(true),
            "token of the cluster's API",
        ),
        (
            "Deployment/create-task",
            "spec template spec volumes =secrets projected sources 0 secret items 0 key".to_owned(),
            json!("backend"),
            "which is not its own",
        ),
        (
            "Deployment/create-task",
            "spec template spec volumes =secrets projected sources 0 secret items 0 key".to_owned(),
            json!("other"),
            "there is no secret db-credentials with other",
        ),
        (
            "Deployment/create-task",
            format!("{CONTAINER} env =DATABASE_URL_FILE value"),
            json!("/etc/kaam/secrets/database"),
            "which is not its own",
        ),
        (
            "Deployment/create-task",
            format!("{CONTAINER} env =DATABASE_URL_FILE"),
            json!({
                "name": "DATABASE_URL",
                "valueFrom": {"secretKeyRef": {"name": "db-credentials", "key": "create-task"}}
            }),
            "a new password takes a restart",
        ),
        ("PodDisruptionBudget/web", "metadata name".to_owned(), json!("wep"), "all may go at once"),
        ("HorizontalPodAutoscaler/web", "spec minReplicas".to_owned(), json!(5), "exclude each other"),
        ("Service/web", "spec ports 0 targetPort".to_owned(), json!("https"), "no port \"https\""),
        (
            "Service/web",
            "spec selector app.kubernetes.io/name".to_owned(),
            json!("page"),
            "selects the pods of 0",
        ),
        ("HTTPRoute/kaam", "spec rules 0 backendRefs 0 port".to_owned(), json!(8000), "there is no service"),
        ("HTTPRoute/kaam", "spec rules 5 matches 0 method".to_owned(), json!("POST"), "and goes to"),
        ("HTTPRoute/kaam", "spec rules 0 timeouts request".to_owned(), json!("5s"), "the gateway cuts off"),
        (
            "NetworkPolicy/write-audit",
            "spec ingress 0 ports +".to_owned(),
            json!({"port": 50002}),
            "others may call port 50002",
        ),
        (
            "NetworkPolicy/relay-events",
            "spec ingress 0 from 0 podSelector matchExpressions 0 values".to_owned(),
            json!(["create-task"]),
            "does not let it in",
        ),
        (
            "Job/migrations",
            "metadata annotations helm.sh/hook".to_owned(),
            json!("post-install"),
            "meet the old schema",
        ),
        ("Job/migrations", format!("{CONTAINER} args"), json!(["migrate"]), "grants nothing"),
        (
            "Job/migrations",
            "spec template spec serviceAccountName".to_owned(),
            json!("migrator"),
            "there is no account migrator",
        ),
        (
            "Deployment/relay-events",
            "spec template metadata labels kaam/calls-kafka".to_owned(),
            Value::Null,
            "kaam/calls-kafka",
        ),
        ("Deployment/web", format!("{CONTAINER} env =AUTH value"), json!("none"), "it does not start: AUTH"),
    ];
    let data: Vec<(&str, String, Value, &str)> = vec![
        (
            "ExternalSecret/kafka-ca",
            "spec data 0 sourceRef".to_owned(),
            Value::Null,
            "nobody has put Kafka's authority there",
        ),
        (
            "ExternalSecret/kafka-write-audit",
            "spec data 1 remoteRef".to_owned(),
            json!({"key": "kaam/kafka", "property": "ca.crt"}),
            "nobody has put Kafka's authority there",
        ),
        ("ExternalSecret/kafka-ca", "metadata name".to_owned(), json!("dapr-api-token"), "nobody reads it"),
        ("SecretStore/kafka-ca", "metadata name".to_owned(), json!("kafka"), "there is no SecretStore"),
        (
            "SecretStore/kafka-ca",
            "spec provider kubernetes auth serviceAccount name".to_owned(),
            json!("default"),
            "there is no account",
        ),
        ("Role/kafka-ca", "rules 0 resourceNames +".to_owned(), json!("other"), "or more than that"),
        ("Role/kafka-ca", "rules 0 verbs +".to_owned(), json!("list"), "or more than that"),
        ("KafkaTopic/reminders", "spec partitions".to_owned(), json!(1), "other than 3 partitions"),
        (
            "KafkaTopic/reminders",
            "spec config retention.hours".to_owned(),
            json!(168),
            "a topic is told nothing of retention.hours",
        ),
        (
            "KafkaTopic/reminders",
            "spec config min.insync.replicas".to_owned(),
            json!(4),
            "nothing can be written to it",
        ),
        ("KafkaTopic/reminders", "spec topicName".to_owned(), json!("reminder"), "those of the code"),
        (
            "KafkaTopic/reminders.dlq",
            "metadata labels strimzi.io/cluster".to_owned(),
            json!("other"),
            "that is not there",
        ),
        (
            "KafkaTopic/reminders",
            "metadata annotations helm.sh/resource-policy".to_owned(),
            Value::Null,
            "when the release does",
        ),
        (
            "KafkaUser/write-audit",
            "spec authorization acls 0 operations +".to_owned(),
            json!("Write"),
            "and need not",
        ),
        ("KafkaUser/write-audit", "spec authorization acls 0".to_owned(), Value::Null, "and has to"),
        (
            "KafkaUser/write-audit",
            "spec authorization acls 0 resource patternType".to_owned(),
            json!("prefix"),
            "on more than that",
        ),
        (
            "KafkaUser/write-audit",
            "spec authentication password valueFrom secretKeyRef name".to_owned(),
            json!("x"),
            "there is no secret x",
        ),
        ("Kafka/kaam", "spec kafka listeners 0 tls".to_owned(), json!(false), "without TLS or a password"),
        ("Kafka/kaam", "spec kafka authorization".to_owned(), Value::Null, "may do everything"),
        (
            "Kafka/kaam",
            "spec kafka config auto.create.topics.enable".to_owned(),
            json!(true),
            "a misspelt topic would be made",
        ),
        (
            "Kafka/kaam",
            "spec kafka config min.insync.replicas".to_owned(),
            json!(1),
            "may be lost with one broker",
        ),
        ("KafkaNodePool/nodes", "spec replicas".to_owned(), json!(1), "need as many brokers"),
        (
            "Cluster/kaam-db",
            "spec postgresql parameters max_connections".to_owned(),
            json!("100"),
            "but max_connections is 100",
        ),
        (
            "Cluster/kaam-db",
            "spec enableSuperuserAccess".to_owned(),
            json!(true),
            "a password for the superuser",
        ),
        ("Cluster/kaam-db", "spec managed roles 3 superuser".to_owned(), json!(true), "sees everything"),
        ("Cluster/kaam-db", "spec managed roles 3 createrole".to_owned(), json!(true), "may make roles"),
        (
            "Cluster/kaam-db",
            "spec postgresql pg_hba 0".to_owned(),
            json!("host all all all trust"),
            "without TLS or a password",
        ),
        (
            "Cluster/kaam-db",
            "spec postgresql pg_hba".to_owned(),
            json!(["hostssl all all all scram-sha-256"]),
            "without TLS or a password",
        ),
        (
            "Cluster/kaam-db",
            "spec bootstrap initdb postInitApplicationSQL".to_owned(),
            json!(["CREATE ROLE kaam_create_task"]),
            "kaam_create_task has no statement_timeout",
        ),
        ("Cluster/kaam-db", "spec backup".to_owned(), Value::Null, "there is no backup"),
        (
            "ScheduledBackup/kaam-db",
            "spec schedule".to_owned(),
            json!("30 2 * * *"),
            "no schedule of six fields",
        ),
        ("Pooler/kaam-db-pooler", "spec pgbouncer poolMode".to_owned(), json!("session"), "of transactions"),
        (
            "Pooler/kaam-db-pooler",
            "spec pgbouncer parameters default_pool_size".to_owned(),
            json!("40"),
            "functions take up to",
        ),
        (
            "ExternalSecret/db-credentials",
            "spec target template data web".to_owned(),
            json!("postgres://postgres:x@h/kaam?sslmode=verify-full"),
            "somebody else",
        ),
        (
            "ExternalSecret/db-credentials",
            "spec target template data relay-events".to_owned(),
            json!("postgres://kaam_relay_events:x@kaam-db-pooler.todo-app.svc/kaam?sslmode=verify-full"),
            "which a pooler loses",
        ),
        (
            "ExternalSecret/db-credentials",
            "spec target template data create-task".to_owned(),
            json!("postgres://kaam_create_task:x@h/kaam?sslmode=require"),
            "another server",
        ),
        (
            "ExternalSecret/kaam-identity",
            "spec target name".to_owned(),
            json!("identity"),
            "there is no secret kaam-identity",
        ),
    ];
    let backend: Vec<(&str, String, Value, &str)> = vec![
        ("HTTPRoute/kaam", "spec rules 1 timeouts request".to_owned(), json!("315s"), "has no end"),
        ("HTTPRoute/kaam", "spec rules 1 matches".to_owned(), Value::Null, "has no end"),
    ];
    let all = [("knative", knative), ("dapr", dapr), ("knative", data), ("backend", backend)];
    all.into_iter()
        .flat_map(|(profile, mistakes)| {
            mistakes.into_iter().map(move |(manifest, path, value, said)| {
                let path: &'static str = Box::leak(path.into_boxed_str());
                (profile, "production", manifest, path, value, said)
            })
        })
        .collect()
}

#[tokio::test]
async fn each_mistake_in_the_manifests_is_noticed_and_said_of() {
    let Some(all) = rendered() else { return };
    let code = Code::read().await;
    let mistakes = mistakes();
    assert!(mistakes.len() >= 40, "{} mistakes", mistakes.len());
    let are_scalers_known = super::rules::are_scalers_known();
    let mut unnoticed = Vec::new();
    for (profile, overlay, manifest, path, value, said) in mistakes {
        let set =
            all.iter().find(|set| (set.profile, set.overlay) == (profile, overlay)).expect("it is rendered");
        let wrong = match with_mistake(set, manifest, path, value.clone()) {
            Ok(set) => wrong_with(&set, &code),
            Err(why) => vec![format!("no mistake: {why}")],
        };
        // KEDA's own list is not there everywhere.
        let is_left_out = !are_scalers_known && manifest.starts_with("ScaledObject/") && wrong.is_empty();
        if !is_left_out && !wrong.iter().any(|wrong| wrong.contains(said)) {
            unnoticed.push(format!("{manifest} {path} = {value}: {said:?} is not said, but {wrong:#?}"));
        }
    }
    assert!(unnoticed.is_empty(), "{}", unnoticed.join("\n"));
}

fn with_mistake(set: &Rendered, manifest: &str, path: &str, value: Value) -> Result<Rendered, String> {
    let mut set = set.clone();
    let found = set.manifests.iter_mut().find(|known| known.id() == manifest).ok_or("it is not there")?;
    put(&mut found.0, path, Some(value).filter(|value| !value.is_null()))?;
    Ok(set)
}

/// Values that can not work, and what Helm says before it renders anything.
const WRONG_VALUES: [(&str, &str, &str, &str); 27] = [
    ("knative", "production", "publicUrl=https://kaam.example.org", "is from an example"),
    ("knative", "production", "auth.events.issuer=https://oidc.example.org/cluster", "is from an example"),
    ("backend", "production", "mail.from=Kaam <kaam@example.org>", "is from an example"),
    ("backend", "production", "mail.from=", "mail.from says"),
    ("data", "production", "database.cluster.backup.destination=", "says where backups go"),
    ("knative", "production", "auth.events.trust=cluster", "networkPolicy.apiServerNetworks says"),
    ("dapr", "production", "dapr.secretStore=true", "networkPolicy.apiServerNetworks says"),
    ("dapr", "production", "telemetry.endpoint=http://collector:4318", "telemetry.namespace says"),
    (
        "dapr",
        "production",
        "telemetry.endpoint=http://c.o.svc:4318,telemetry.namespace=o,telemetry.headersSecret=telemetry",
        "shown over https:// alone",
    ),
    ("dapr", "production", "telemetry.endpoint=collector:4318", "does not match pattern"),
    ("knative", "production", "functions.relay-events.scale.max=50", "functions take up to"),
    ("knative", "production", "functions.write-audit.scale.max=4", "more than kafka.partitions"),
    ("knative", "production", "auth.events.issuer=", "auth.events.issuer names"),
    ("knative", "production", "auth.events.issuer=http://issuer", "does not match pattern"),
    ("knative", "production", "publicUrl=http://kaam.test", "begins with https://"),
    ("knative", "production", "publicUrl=", "publicUrl says"),
    ("knative", "production", "knative.delivery.backoffDelay=5s", "does not match pattern"),
    ("knative", "production", "knative.delivery.backoffPolicy=constant", "value must be one of"),
    ("dapr", "production", "kafka.provider=none", "goes with profile=backend"),
    ("dapr", "production", "kafka.provider=external", "kafka.brokers says"),
    ("dapr", "production", "dapr.ticks=cron", "value must be one of"),
    ("dapr", "production", "database.provider=external", "database.host says"),
    ("data", "production", "secrets.source=generated", "kafka.secured=false"),
    ("backend", "production", "profil=knative", "additional properties 'profil' not allowed"),
    ("backend", "production", "functions.web.scale.maximum=3", "additional properties 'maximum' not allowed"),
    ("backend", "production", "image.digests.backend=latest", "does not match pattern"),
    ("data", "production", "secrets.source=plain", "value must be one of"),
];

#[test]
fn values_that_can_not_work_are_refused_before_anything_is_rendered() {
    let Some(helm) = installed() else { return };
    for (profile, overlay, value, said) in WRONG_VALUES {
        let refused = template(&helm, profile, overlay, &[value]).expect_err(value);
        assert!(refused.contains(said), "{value}: {refused}");
    }
}
