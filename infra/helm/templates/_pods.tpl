{{- define "kaam.containerSecurity" -}}
allowPrivilegeEscalation: false
capabilities:
  drop: [ALL]
readOnlyRootFilesystem: true
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "kaam.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "kaam.fromSecret" -}}
- name: {{ .name }}
  valueFrom:
    secretKeyRef:
      name: {{ .secret }}
      key: {{ .key }}
      {{- if .optional }}
      optional: true
      {{- end }}
{{- end }}

{{/* The secrets that are followed while a program runs, so that a new password takes no restart: each a setting, and a key of a secret. */}}
{{- define "kaam.followed" -}}
{{- $followed := list }}
{{- if .function.role }}
{{- $followed = append $followed (dict "name" "DATABASE_URL" "secret" "db-credentials" "key" .name) }}
{{- end }}
{{- if and (has "mail" (default list .function.uses)) (not (include "kaam.readsSecretStore" .)) }}
{{- $mail := ternary "SMTP_URL" "SENDGRID_API_KEY" (eq .root.Values.mail.kind "smtp") }}
{{- $followed = append $followed (dict "name" $mail "secret" "email-credentials" "key" $mail) }}
{{- end }}
{{- toYaml $followed }}
{{- end }}

{{/* Where they are: what is mounted changes with the secret, a variable does not. */}}
{{- define "kaam.followedEnvironment" -}}
{{- range include "kaam.followed" . | fromYamlArray }}
- name: {{ .name }}_FILE
  value: /etc/kaam/secrets/{{ .name }}
{{- end }}
{{- end }}

{{/* How a Kafka cluster is reached, as `user`. */}}
{{- define "kaam.kafkaEnvironment" -}}
- name: KAFKA_BROKERS
  value: {{ include "kaam.brokers" .root | quote }}
{{- if .root.Values.kafka.secured }}
- name: KAFKA_SECURITY_PROTOCOL
  value: SASL_SSL
- name: KAFKA_SASL_MECHANISM
  value: SCRAM-SHA-512
- name: KAFKA_SASL_USERNAME
  value: {{ .user }}
{{ include "kaam.fromSecret" (dict "name" "KAFKA_SASL_PASSWORD" "secret" (include "kaam.kafkaSecret" .user) "key" "password") }}
- name: KAFKA_CA_FILE
  value: /etc/kaam/kafka/ca.crt
{{- else }}
- name: KAFKA_SECURITY_PROTOCOL
  value: PLAINTEXT
{{- end }}
{{- end }}

{{/* Whose tokens are believed. */}}
{{- define "kaam.identityEnvironment" -}}
{{- $values := .root.Values }}
- name: AUTH
  value: jwt
- name: JWT_AUDIENCE
  value: {{ $values.auth.audience | quote }}
{{- if eq $values.auth.keys "issuer" }}
- name: OIDC_ISSUER
  value: {{ $values.auth.oidcIssuer | quote }}
{{- else }}
- name: JWT_ISSUER
  value: {{ $values.publicUrl | quote }}
{{- if eq $values.auth.keys "secret" }}
{{ include "kaam.fromSecret" (dict "name" "JWT_SECRET" "secret" "kaam-identity" "key" "JWT_SECRET") }}
{{- else if has "signing" .function.uses }}
{{ include "kaam.fromSecret" (dict "name" "SIGNING_KEY" "secret" "kaam-identity" "key" "SIGNING_KEY") }}
{{ include "kaam.fromSecret" (dict "name" "SIGNING_KEY_PREVIOUS" "secret" "kaam-identity" "key" "SIGNING_KEY_PREVIOUS" "optional" true) }}
{{- else }}
- name: JWT_JWKS_URL
  value: {{ printf "%s/.well-known/jwks.json" (trimSuffix "/" $values.publicUrl) | quote }}
{{- end }}
{{- end }}
{{- end }}

{{/* The environment of a function. Takes root, name, function. */}}
{{- define "kaam.environment" -}}
{{- $values := .root.Values }}
{{- $function := .function }}
{{- $uses := $function.uses }}
{{- $isOne := eq .name "backend" }}
- name: HOST
  value: 0.0.0.0
{{- if ne $values.profile "knative" }}
- name: PORT
  value: {{ $function.port | quote }}
{{- end }}
- name: METRICS_PORT
  value: "9464"
- name: LOG_FORMAT
  value: json
- name: LOG_LEVEL
  value: {{ $values.logLevel }}
- name: TIME_ZONE
  value: {{ $values.timeZone | quote }}
{{- with $values.trustedProxies }}
- name: TRUSTED_PROXIES
  {{- /* Whoever calls comes by Knative's proxy in the pod. */}}
  value: {{ ternary (printf "127.0.0.1,%s" .) . (eq $values.profile "knative") | quote }}
{{- end }}
{{ include "kaam.identityEnvironment" . }}
{{- /* Who takes pokes wants it shown; others need not, so that nobody who pokes can bring them events by it. */}}
{{- if and (not $isOne) $function.publishes }}
{{ include "kaam.fromSecret" (dict "name" "EVENTS_TOKEN" "secret" "kaam-identity" "key" "EVENTS_TOKEN") }}
{{- end }}
{{- if and (eq $values.profile "knative") (or $function.ticks $function.receives) }}
- name: EVENTS_ISSUER
  value: {{ $values.auth.events.issuer | quote }}
- name: EVENTS_AUDIENCE
  value: {{ include "kaam.eventsAudience" .name }}
{{- if include "kaam.trustsCluster" . }}
- name: EVENTS_CA_FILE
  value: /etc/kaam/cluster/ca.crt
{{- end }}
{{- end }}
{{- /* Knative's inner gateway is reached by another name than the page came from. */}}
{{- $origins := $values.corsOrigins }}
{{- if eq $values.profile "knative" }}{{ $origins = prepend $origins (trimSuffix "/" $values.publicUrl) }}{{ end }}
{{- if and $origins (or $function.routes (has .name (list "web" "backend"))) }}
- name: CORS_ORIGINS
  value: {{ join "," $origins | quote }}
{{- end }}
{{- include "kaam.followedEnvironment" . }}
{{- if $function.role }}
- name: DATABASE_CONNECTIONS
  value: {{ $function.connections | quote }}
{{- if include "kaam.isPooled" . }}
- name: DATABASE_POOLER
  value: transaction
{{- end }}
{{- end }}
{{- with $values.telemetry.endpoint }}
- name: OTEL_EXPORTER_OTLP_ENDPOINT
  value: {{ . | quote }}
{{- with $values.telemetry.headersSecret }}
{{ include "kaam.fromSecret" (dict "name" "OTEL_EXPORTER_OTLP_HEADERS" "secret" . "key" "OTEL_EXPORTER_OTLP_HEADERS") }}
{{- end }}
{{- end }}
- name: INSTANCES
  value: {{ $function.scale.max | quote }}
{{- if $function.pokes }}
- name: RELAY_URL
  value: http://relay-events.{{ .root.Release.Namespace }}.svc.cluster.local/
{{ include "kaam.fromSecret" (dict "name" "RELAY_TOKEN" "secret" "kaam-identity" "key" "EVENTS_TOKEN") }}
{{- end }}
{{- if has "links" $uses }}
- name: PUBLIC_URL
  value: {{ trimSuffix "/" $values.publicUrl | quote }}
{{ include "kaam.fromSecret" (dict "name" "LINK_SECRET" "secret" "kaam-identity" "key" "LINK_SECRET") }}
{{- end }}
{{- if has "mail" $uses }}
- name: EMAIL_FROM
  value: {{ $values.mail.from | quote }}
{{- end }}
{{- if and (has "push" $uses) $values.push.enabled }}
{{ include "kaam.fromSecret" (dict "name" "VAPID_PRIVATE_KEY" "secret" "email-credentials" "key" "VAPID_PRIVATE_KEY") }}
{{- end }}
{{- if and (has "push-key" $uses) $values.push.enabled $values.push.publicKey }}
- name: VAPID_PUBLIC_KEY
  value: {{ $values.push.publicKey | quote }}
{{- end }}
{{- if and (has "model" $uses) $values.model.enabled (not (include "kaam.readsSecretStore" .)) }}
{{ include "kaam.fromSecret" (dict "name" "OLLAMA_URL" "secret" "ollama-config" "key" "OLLAMA_URL") }}
{{ include "kaam.fromSecret" (dict "name" "OLLAMA_MODEL" "secret" "ollama-config" "key" "OLLAMA_MODEL") }}
{{- end }}
{{- if or (and (eq $values.profile "knative") $function.publishes) (and $isOne $function.publishes) }}
{{ include "kaam.kafkaEnvironment" (dict "root" .root "user" .name) }}
{{- end }}
{{- if include "kaam.hasSidecar" . }}
{{ include "kaam.fromSecret" (dict "name" "APP_API_TOKEN" "secret" "dapr-app-token" "key" "token") }}
{{ include "kaam.fromSecret" (dict "name" "DAPR_API_TOKEN" "secret" "dapr-api-token" "key" "token") }}
{{- if or $function.receives $function.publishes }}
- name: DAPR_PUBSUB
  value: {{ include "kaam.pubsub" .name }}
{{- end }}
{{- if $function.ticks }}
- name: DAPR_SCHEDULE
  value: {{ ternary "binding" $values.dapr.schedule (eq $values.dapr.ticks "binding") | quote }}
{{- end }}
{{- if and $values.dapr.stateStore (has "state" $uses) }}
- name: CONVERSATION_STATE
  value: dapr
- name: DAPR_STATE_STORE
  value: statestore
{{- end }}
{{- if include "kaam.readsSecretStore" . }}
- name: DAPR_SECRET_STORE
  value: kubernetes-secrets
{{- end }}
{{- end }}
{{- include "kaam.ownEnvironment" .root }}
{{- end }}

{{/* What is yours of the settings, beside. */}}
{{- define "kaam.ownEnvironment" -}}
{{- range $name, $value := .Values.env }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- end }}

{{/* What Knative's tokens for a function are for. */}}
{{- define "kaam.eventsAudience" -}}
kaam/{{ . }}
{{- end }}

{{/* Whether a function asks the cluster's API server whose tokens are shown to it. */}}
{{- define "kaam.trustsCluster" -}}
{{- if and (eq .root.Values.profile "knative") (eq .root.Values.auth.events.trust "cluster") (or .function.ticks .function.receives) }}yes{{ end }}
{{- end }}

{{/* Whether a function or its sidecar talks to Kafka; on Knative others bring the events. */}}
{{- define "kaam.callsKafka" -}}
{{- if and (ne .root.Values.kafka.provider "none") (or .function.publishes (and .function.receives (ne .root.Values.profile "knative"))) }}yes{{ end }}
{{- end }}

{{/* Whether a function itself talks to Kafka. */}}
{{- define "kaam.isOnKafka" -}}
{{- if and .function.publishes (ne .root.Values.profile "dapr") }}yes{{ end }}
{{- end }}

{{- define "kaam.volumeMounts" -}}
{{- $mounts := list }}
{{- if include "kaam.followed" . | fromYamlArray }}
{{- $mounts = append $mounts (dict "name" "secrets" "mountPath" "/etc/kaam/secrets" "readOnly" true) }}
{{- end }}
{{- if and .function.role (include "kaam.caSecret" .root) }}
{{- $mounts = append $mounts (dict "name" "database-ca" "mountPath" "/etc/kaam/database" "readOnly" true) }}
{{- end }}
{{- if and (include "kaam.isOnKafka" .) .root.Values.kafka.secured }}
{{- $mounts = append $mounts (dict "name" "kafka-ca" "mountPath" "/etc/kaam/kafka" "readOnly" true) }}
{{- end }}
{{- if include "kaam.trustsCluster" . }}
{{- $mounts = append $mounts (dict "name" "cluster-ca" "mountPath" "/etc/kaam/cluster" "readOnly" true) }}
{{- end }}
{{- if $mounts }}{{ toYaml $mounts }}{{ end }}
{{- end }}

{{- define "kaam.volumes" -}}
{{- $volumes := list }}
{{- $ca := list (dict "key" "ca.crt" "path" "ca.crt") }}
{{- $sources := list }}
{{- range include "kaam.followed" . | fromYamlArray }}
{{- $sources = append $sources (dict "secret" (dict "name" .secret "items" (list (dict "key" .key "path" .name)))) }}
{{- end }}
{{- if $sources }}
{{- $volumes = append $volumes (dict "name" "secrets" "projected" (dict "sources" $sources)) }}
{{- end }}
{{- if and .function.role (include "kaam.caSecret" .root) }}
{{- $volumes = append $volumes (dict "name" "database-ca" "secret" (dict "secretName" (include "kaam.caSecret" .root) "items" $ca)) }}
{{- end }}
{{- if and (include "kaam.isOnKafka" .) .root.Values.kafka.secured }}
{{- $volumes = append $volumes (dict "name" "kafka-ca" "secret" (dict "secretName" "kafka-ca" "items" $ca)) }}
{{- end }}
{{- if include "kaam.trustsCluster" . }}
{{- /* Kubernetes puts it into every namespace. */}}
{{- $volumes = append $volumes (dict "name" "cluster-ca" "configMap" (dict "name" "kube-root-ca.crt" "items" $ca)) }}
{{- end }}
{{- if $volumes }}{{ toYaml $volumes }}{{ end }}
{{- end }}

{{- define "kaam.pullSecrets" -}}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end }}
