{{- define "stand-in.image" -}}
{{- $image := .Values.images.airflow -}}
{{- $repository := $image.repository | default .Values.defaultAirflowRepository -}}
{{- $digest := $image.digest | default .Values.defaultAirflowDigest -}}
{{- if $digest -}}
{{ $repository }}@{{ $digest }}
{{- else -}}
{{ $repository }}:{{ $image.tag | default .Values.defaultAirflowTag }}
{{- end -}}
{{- end }}

{{- define "stand-in.secretVariable" -}}
- name: {{ .name }}
  valueFrom: {secretKeyRef: {name: {{ .secret }}, key: {{ .key }}}}
{{- end }}

{{/* Values first: a component's own env stands last and so wins. */}}
{{- define "stand-in.environment" -}}
{{- $values := .root.Values -}}
{{- range $values.env }}
- name: {{ .name }}
  value: {{ .value | quote }}
{{- end }}
{{- range $values.secret }}
{{ include "stand-in.secretVariable" (dict "name" .envName "secret" .secretName "key" .secretKey) }}
{{- end }}
{{- with $values.extraEnv }}
{{ tpl . $.root }}
{{- end }}
- name: AIRFLOW_HOME
  value: /opt/airflow
{{- $builtIn := list
    (list "AIRFLOW__CORE__FERNET_KEY" $values.fernetKeySecretName "fernet-key")
    (list "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN" $values.data.metadataSecretName "connection")
    (list "AIRFLOW_CONN_AIRFLOW_DB" $values.data.metadataSecretName "connection")
    (list "AIRFLOW__API__SECRET_KEY" $values.apiSecretKeySecretName "api-secret-key") }}
{{- if .signs }}
{{- $builtIn = append $builtIn (list "AIRFLOW__API_AUTH__JWT_SECRET" $values.jwtSecretName "jwt-secret") }}
{{- end }}
{{- range $builtIn }}
{{- if dig (first .) true $values.enableBuiltInSecretEnvVars }}
{{ include "stand-in.secretVariable" (dict "name" (index . 0) "secret" (index . 1) "key" (index . 2)) }}
{{- end }}
{{- end }}
{{- with .own }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* The check the probes run: HTTP where the component serves, else the heartbeat of its job. */}}
{{- define "stand-in.check" -}}
{{- if .job -}}
exec:
  command:
    - env
    - CONNECTION_CHECK_MAX_COUNT=0
    - AIRFLOW__LOGGING__LOGGING_LEVEL=ERROR
    - /entrypoint
    - airflow
    - jobs
    - check
    - --local
    - --job-type={{ .job }}
{{- else -}}
httpGet: {path: /api/v2/monitor/health, port: {{ first (values .ports) }}, scheme: HTTP}
{{- end }}
{{- end }}

{{/* What both containers of a component share. */}}
{{- define "stand-in.container" -}}
{{- $values := .root.Values -}}
image: {{ include "stand-in.image" .root }}
imagePullPolicy: {{ $values.images.airflow.pullPolicy }}
securityContext: {{- toYaml $values.securityContexts.containers | nindent 2 }}
resources: {{- toYaml .section.resources | nindent 2 }}
{{- with $values.extraEnvFrom }}
envFrom: {{- tpl . $.root | nindent 2 }}
{{- end }}
volumeMounts:
  - {name: config, mountPath: /opt/airflow/airflow.cfg, subPath: airflow.cfg, readOnly: true}
  {{- if .component.logs }}
  - {name: logs, mountPath: /opt/airflow/logs}
  {{- end }}
  {{- with $values.volumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{/* root: top context; component: row of the component table; section: its values. */}}
{{- define "stand-in.podSpec" -}}
{{- $values := .root.Values -}}
{{- $component := .component -}}
serviceAccountName: {{ include "stand-in.account" (dict "root" .root "section" .section "name" $component.name) }}
restartPolicy: Always
{{- with .section.terminationGracePeriodSeconds }}
terminationGracePeriodSeconds: {{ . }}
{{- end }}
{{- if not (kindIs "invalid" $values.enableServiceLinks) }}
enableServiceLinks: {{ $values.enableServiceLinks }}
{{- end }}
securityContext: {{- toYaml $values.securityContexts.pod | nindent 2 }}
{{- with $values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
affinity:
  podAntiAffinity:
    preferredDuringSchedulingIgnoredDuringExecution:
      - weight: 100
        podAffinityTerm:
          labelSelector: {matchLabels: {component: {{ $component.name }}}}
          topologyKey: kubernetes.io/hostname
initContainers:
  - name: wait-for-airflow-migrations
    args: [airflow, db, check-migrations, --migration-wait-timeout={{ $values.images.migrationsWaitTimeout }}]
    env: {{- include "stand-in.environment" (dict "root" .root) | nindent 6 }}
    {{- include "stand-in.container" . | nindent 4 }}
containers:
  - name: {{ $component.name }}
    args: [bash, -c, exec airflow {{ $component.name }}]
    env: {{- include "stand-in.environment" (dict "root" .root "signs" $component.signs "own" .section.env) | nindent 6 }}
    {{- with $component.ports }}
    ports:
      {{- range $name, $number := . }}
      - {name: {{ $name }}, containerPort: {{ $number }}}
      {{- end }}
    {{- end }}
    {{- range $probe := $component.probes }}
    {{ $probe }}:
      {{- include "stand-in.check" $component | nindent 6 }}
      {{- toYaml (get $.section $probe) | nindent 6 }}
    {{- end }}
    {{- if eq $component.name "scheduler" }}
    {{- $podTemplate := dict "name" "config" "mountPath" "/opt/airflow/pod_templates/pod_template_file.yaml" "subPath" "pod_template_file.yaml" "readOnly" true }}
    {{- include "stand-in.container" . | nindent 4 }}
      - {{- toYaml $podTemplate | nindent 8 }}
    {{- else }}
    {{- include "stand-in.container" . | nindent 4 }}
    {{- end }}
volumes:
  - name: config
    configMap: {name: {{ .root.Release.Name }}-config}
  {{- if $component.logs }}
  - name: logs
    emptyDir: {}
  {{- end }}
  {{- with $values.volumes }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
