{{/* The functions of this deployment, by name: sign-in only where its tokens are the ones believed. */}}
{{- define "kaam.functions" -}}
{{- $functions := deepCopy .Values.functions }}
{{- if ne .Values.auth.keys "own" }}
{{- $functions = omit $functions "sign-in" }}
{{- end }}
{{- range $name, $function := $functions }}
{{- range $key := list "routes" "receives" "uses" }}
{{- $_ := set $function $key (default list (get $function $key)) }}
{{- end }}
{{- $_ := set $function "port" (default 8000 $function.port) }}
{{- $_ := set $function "resources" (default $.Values.resources $function.resources) }}
{{- end }}
{{- if eq .Values.profile "backend" }}
{{- $functions = dict "backend" (include "kaam.backend" . | fromYaml) }}
{{- end }}
{{- toYaml $functions }}
{{- end }}

{{/* Every function in one process, as a row of the table. */}}
{{- define "kaam.backend" -}}
routes: []
receives: {{ ternary (list "task-events" "reminders" "audit-events") list (ne .Values.kafka.provider "none") | toJson }}
publishes: {{ ne .Values.kafka.provider "none" }}
role: kaam_backend
uses: [links, mail, push, model, signing]
port: 8000
timeoutSeconds: 300
scale: {min: {{ .Values.backend.replicas }}, warm: {{ .Values.backend.replicas }}, max: {{ .Values.backend.replicas }}}
connections: {{ .Values.backend.connections }}
# Three that relay, and one that tells streams.
sessions: 4
direct: true
resources: {{ toJson .Values.backend.resources }}
{{- end }}

{{- define "kaam.labels" -}}
app.kubernetes.io/name: {{ .name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/part-of: kaam
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end }}

{{- define "kaam.image" -}}
{{- $digest := get .root.Values.image.digests .name }}
{{- if $digest -}}
{{ .root.Values.image.registry }}/{{ .name }}@{{ $digest }}
{{- else -}}
{{ .root.Values.image.registry }}/{{ .name }}:{{ default .root.Chart.AppVersion .root.Values.image.tag }}
{{- end }}
{{- end }}

{{- define "kaam.brokers" -}}
{{- if eq .Values.kafka.provider "strimzi" -}}
{{ .Values.kafka.cluster }}-kafka-bootstrap.{{ .Values.kafka.namespace }}.svc:{{ ternary 9093 9092 .Values.kafka.secured }}
{{- else -}}
{{ .Values.kafka.brokers }}
{{- end }}
{{- end }}

{{/* The secret with a user's password for Kafka. */}}
{{- define "kaam.kafkaSecret" -}}
kafka-{{ . }}
{{- end }}

{{/* The secret with the name and the password of a function's role in the database. */}}
{{- define "kaam.loginSecret" -}}
db-login-{{ . }}
{{- end }}

{{- define "kaam.databaseCluster" -}}
kaam-db
{{- end }}

{{- define "kaam.caSecret" -}}
{{- if .Values.database.caSecret -}}
{{ .Values.database.caSecret }}
{{- else if eq .Values.database.provider "cloudnativepg" -}}
{{ include "kaam.databaseCluster" . }}-ca
{{- end }}
{{- end }}

{{- define "kaam.databaseHost" -}}
{{- if .Values.database.host -}}
{{ .Values.database.host }}
{{- else if eq .Values.database.provider "cloudnativepg" -}}
{{ include "kaam.databaseCluster" . }}-rw.{{ .Release.Namespace }}.svc
{{- else -}}
{{ fail "database.host says where the database is, with database.provider=external" }}
{{- end }}
{{- end }}

{{/* Whether a function goes through the pooler. */}}
{{- define "kaam.isPooled" -}}
{{- if and .root.Values.database.pooler.enabled (not .function.direct) }}yes{{ end }}
{{- end }}

{{/* Where a function finds the database. */}}
{{- define "kaam.databaseHostOf" -}}
{{- if include "kaam.isPooled" . -}}
{{ include "kaam.databaseCluster" .root }}-pooler.{{ .root.Release.Namespace }}.svc
{{- else -}}
{{ include "kaam.databaseHost" .root }}
{{- end }}
{{- end }}

{{- define "kaam.databaseQuery" -}}
sslmode=verify-full{{ if include "kaam.caSecret" . }}&sslrootcert=/etc/kaam/database/ca.crt{{ end }}
{{- end }}

{{/* Who may write to a topic's dead letters beside its consumers: Knative. */}}
{{- define "kaam.deadLetterUser" -}}
dead-letters
{{- end }}

{{/* The component that is the bus of a function. Each has its own, for the sake of its own user. */}}
{{- define "kaam.pubsub" -}}
kafka-pubsub-{{ . }}
{{- end }}

{{/* Whether a function has a sidecar with the profile dapr: what only answers requests needs nothing of it. */}}
{{- define "kaam.hasSidecar" -}}
{{- $function := .function }}
{{- if and (eq .root.Values.profile "dapr") (or $function.receives $function.ticks $function.publishes (and .root.Values.dapr.stateStore (has "state" $function.uses)) (include "kaam.readsSecretStore" .)) }}yes{{ end }}
{{- end }}

{{/* Whether a function asks Dapr's secret store. */}}
{{- define "kaam.readsSecretStore" -}}
{{- $uses := .function.uses }}
{{- if and (eq .root.Values.profile "dapr") .root.Values.dapr.secretStore (or (has "mail" $uses) (and .root.Values.model.enabled (has "model" $uses))) }}yes{{ end }}
{{- end }}

{{/* The origin of publicUrl. */}}
{{- define "kaam.host" -}}
{{- default (get (urlParse .Values.publicUrl) "host" | splitList ":" | first) .Values.gateway.host }}
{{- end }}

{{/* What can not work, told before anything is rendered. */}}
{{- define "kaam.check" -}}
{{- $values := .Values }}
{{- if ne $values.profile "data" }}
{{- if not $values.publicUrl }}{{ fail "publicUrl says where people reach Kaam, such as https://kaam.example.org" }}{{ end }}
{{- if and (ne $values.profile "backend") (eq $values.auth.keys "own") (not (hasPrefix "https://" $values.publicUrl)) }}
{{- fail "publicUrl begins with https:// where functions on their own believe the tokens of sign-in: they fetch its keys from there" }}
{{- end }}
{{- if and (eq $values.auth.keys "issuer") (not $values.auth.oidcIssuer) }}{{ fail "auth.oidcIssuer names the issuer, with auth.keys=issuer" }}{{ end }}
{{- if and (eq $values.profile "knative") (not $values.auth.events.issuer) }}
{{- fail "auth.events.issuer names the issuer of the cluster's tokens, with profile=knative: without it every event is refused" }}
{{- end }}
{{- if and $values.networkPolicy.enabled (not $values.networkPolicy.apiServerNetworks) (or (and (eq $values.profile "knative") (eq $values.auth.events.trust "cluster")) (and (eq $values.profile "dapr") $values.dapr.secretStore)) }}
{{- fail "networkPolicy.apiServerNetworks says where the cluster's API server is, with auth.events.trust=cluster and with dapr.secretStore: else functions could call every address inside" }}
{{- end }}
{{- if $values.telemetry.endpoint }}
{{- if not (or $values.telemetry.namespace (hasPrefix "https://" $values.telemetry.endpoint)) }}{{ fail "telemetry.namespace says where the collector's pods are, unless telemetry.endpoint is https:// on the web" }}{{ end }}
{{- if and $values.telemetry.headersSecret (not (hasPrefix "https://" $values.telemetry.endpoint)) }}{{ fail "telemetry.headersSecret is shown over https:// alone: telemetry.endpoint" }}{{ end }}
{{- end }}
{{- if not $values.mail.from }}{{ fail "mail.from says who mails are from, such as Kaam <kaam@your.domain>" }}{{ end }}
{{- range $name, $value := dict "publicUrl" $values.publicUrl "gateway.host" $values.gateway.host "auth.oidcIssuer" $values.auth.oidcIssuer "auth.events.issuer" $values.auth.events.issuer "mail.from" $values.mail.from }}
{{- if regexMatch "[@./]example[.](com|net|org)\\b" $value }}{{ fail (printf "%s is %s, which is nobody's: it is from an example" $name $value) }}{{ end }}
{{- end }}
{{- if and (ne $values.profile "backend") (eq $values.kafka.provider "none") }}{{ fail "kafka.provider=none goes with profile=backend alone" }}{{ end }}
{{- end }}
{{- if and (eq $values.profile "data") (eq $values.database.provider "cloudnativepg") $values.database.cluster.backup.enabled (not $values.database.cluster.backup.destination) }}
{{- fail "database.cluster.backup.destination says where backups go, such as s3://bucket/path, with database.cluster.backup.enabled" }}
{{- end }}
{{- if and (eq $values.kafka.provider "external") (not $values.kafka.brokers) }}{{ fail "kafka.brokers says where the cluster is, with kafka.provider=external" }}{{ end }}
{{- if and $values.database.pooler.enabled (ne $values.database.provider "cloudnativepg") }}{{ fail "database.pooler is of database.provider=cloudnativepg" }}{{ end }}
{{- if and (eq $values.profile "data") (eq $values.secrets.source "generated") (ne $values.kafka.provider "none") $values.kafka.secured }}
{{- fail "secrets.source=generated makes no users of Kafka: it goes with kafka.secured=false" }}
{{- end }}
{{- $direct := 0 }}{{- $pooled := 0 }}{{- $users := 0 }}
{{- range $name, $function := include "kaam.functions" . | fromYaml }}
{{- $most := add (default 0 $function.connections) (default 0 $function.sessions) | mul $function.scale.max }}
{{- if include "kaam.isPooled" (dict "root" $ "function" $function) }}
{{- $pooled = add $pooled $most }}{{- $users = add1 $users }}
{{- else }}{{- $direct = add $direct $most }}{{- end }}
{{- if gt (len $function.receives) 0 }}
{{- if gt (int $function.scale.max) (int $values.kafka.partitions) }}{{ fail (printf "functions.%s.scale.max is more than kafka.partitions: the others would have nothing to do" $name) }}{{ end }}
{{- end }}
{{- end }}
{{- if $values.database.pooler.enabled }}
{{- if gt $pooled (int $values.database.pooler.maxClientConnections) }}{{ fail "functions take more connections at most than database.pooler.maxClientConnections" }}{{ end }}
{{- $direct = mul $users $values.database.pooler.poolSize $values.database.pooler.instances | add $direct }}
{{- end }}
{{- if gt (int $direct) (int (sub $values.database.maxConnections $values.database.reservedConnections)) }}
{{- fail (printf "functions take up to %d connections, and database.maxConnections less database.reservedConnections is fewer" (int $direct)) }}
{{- end }}
{{- end }}
