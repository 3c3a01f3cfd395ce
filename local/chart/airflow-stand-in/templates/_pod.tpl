{{/* root: top context; component: row of the component table; section: the component's values. */}}
{{- define "stand-in.podSpec" -}}
{{- $values := .root.Values -}}
{{- $component := .component -}}
serviceAccountName: {{ .root.Release.Name }}-{{ $component.name }}
restartPolicy: Always
{{- with .section.terminationGracePeriodSeconds | default $component.grace }}
terminationGracePeriodSeconds: {{ . }}
{{- end }}
enableServiceLinks: {{ $values.enableServiceLinks }}
securityContext: {{- toYaml $values.securityContexts.pod | nindent 2 }}
imagePullSecrets: {{- toYaml $values.imagePullSecrets | nindent 2 }}
affinity:
  podAntiAffinity:
    preferredDuringSchedulingIgnoredDuringExecution:
      - weight: 100
        podAffinityTerm:
          labelSelector: {matchLabels: {component: {{ $component.name }}}}
          topologyKey: kubernetes.io/hostname
{{- with .section.extraInitContainers }}
initContainers: {{- tpl (toYaml .) $.root | nindent 2 }}
{{- end }}
containers:
  - name: {{ $component.name }}
    image: {{ $values.defaultAirflowRepository }}:{{ $values.defaultAirflowTag }}
    imagePullPolicy: IfNotPresent
    args: [bash, -c, exec airflow {{ $component.name }}]
    env: {{- include "stand-in.environment" . | nindent 6 }}
    resources: {{- toYaml .section.resources | nindent 6 }}
    securityContext: {{- toYaml $values.securityContexts.containers | nindent 6 }}
    volumeMounts: {{- include "stand-in.mounts" . | nindent 6 }}
    {{- with $component.ports }}
    ports:
      {{- range $name, $number := . }}
      - {name: {{ $name }}, containerPort: {{ $number }}}
      {{- end }}
    {{- end }}
    {{- range $probe, $timing := $component.probes }}
    {{ $probe }}:
      {{- include "stand-in.check" $component | nindent 6 }}
      {{- mergeOverwrite $timing (dig $probe dict $.section) | toYaml | nindent 6 }}
    {{- end }}
volumes:
  - {name: config, configMap: {name: {{ .root.Release.Name }}-config}}
  {{- if $component.logs }}
  - {name: logs, emptyDir: {}}
  {{- end }}
  {{- toYaml $values.volumes | nindent 2 }}
  {{- with .section.extraVolumes }}
  {{- tpl (toYaml .) $.root | nindent 2 }}
  {{- end }}
{{- end }}

{{- define "stand-in.mounts" -}}
- {name: config, mountPath: /opt/airflow/airflow.cfg, subPath: airflow.cfg, readOnly: true}
{{- if .component.podTemplate }}
- name: config
  mountPath: /opt/airflow/pod_templates/pod_template_file.yaml
  subPath: pod_template_file.yaml
  readOnly: true
{{- end }}
{{- if .component.logs }}
- {name: logs, mountPath: /opt/airflow/logs}
{{- end }}
{{ toYaml .root.Values.volumeMounts }}
{{- with .section.extraVolumeMounts }}
{{ tpl (toYaml .) $.root }}
{{- end }}
{{- end }}

{{/* A component's own variables stand last and so win. */}}
{{- define "stand-in.environment" -}}
{{- $values := .root.Values -}}
{{- $secrets := list
    (list "AIRFLOW__CORE__FERNET_KEY" $values.fernetKeySecretName "fernet-key")
    (list "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN" $values.data.metadataSecretName "connection")
    (list "AIRFLOW__API__SECRET_KEY" $values.apiSecretKeySecretName "api-secret-key") -}}
{{- if .component.signs }}
{{- $secrets = append $secrets (list "AIRFLOW__API_AUTH__JWT_SECRET" $values.jwtSecretName "jwt-secret") }}
{{- end }}
{{- range $values.secret }}
{{- $secrets = append $secrets (list .envName .secretName .secretKey) }}
{{- end -}}
- {name: AIRFLOW_HOME, value: /opt/airflow}
{{- range $secrets }}
- name: {{ index . 0 }}
  valueFrom: {secretKeyRef: {name: {{ index . 1 }}, key: {{ index . 2 }}}}
{{- end }}
{{- range concat $values.env (.section.env | default list) }}
- {name: {{ .name }}, value: {{ .value | quote }}}
{{- end }}
{{- end }}

{{/* What the probes of a component run. Without the first variable the entry point waits for the database. */}}
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
