{{/*
The four components: only what tells one from another. Everything common is in _pod.tpl.
  name         suffix of the object names, value of the label `component`
  job          job type whose heartbeat the liveness check asks for; without one the component answers over HTTP
  signs        signs and checks task tokens, so it reads the JWT secret
  logs         writes task or process logs to a volume
  ports        container ports
  service      Service ports; headless: pods are addressed by name
  probes       which probes run
  evict        may be moved by the cluster autoscaler
*/}}
{{- define "stand-in.components" -}}
{{- $local := contains "LocalExecutor" .Values.executor -}}
apiServer:
  name: api-server
  signs: true
  ports: {api-server: 8080}
  service: {ports: {api-server: 8080}}
  probes: [livenessProbe, readinessProbe, startupProbe]
scheduler:
  name: scheduler
  job: SchedulerJob
  signs: true
  logs: true
  evict: true
  {{- if $local }}
  ports: {worker-logs: 8793}
  service: {headless: true, ports: {task-logs: 8793}}
  {{- end }}
  probes: [livenessProbe, startupProbe]
dagProcessor:
  name: dag-processor
  job: DagProcessorJob
  logs: true
  evict: true
  probes: [livenessProbe]
triggerer:
  name: triggerer
  job: TriggererJob
  logs: true
  evict: true
  ports: {triggerer-logs: 8794}
  service: {headless: true, ports: {triggerer-logs: 8794}}
  probes: [livenessProbe]
{{- end }}

{{- define "stand-in.labels" -}}
tier: airflow
{{- with .component }}
component: {{ . }}
{{- end }}
release: {{ .root.Release.Name }}
{{- end }}

{{- define "stand-in.objectLabels" -}}
{{ include "stand-in.labels" . }}
chart: {{ .root.Chart.Name }}-{{ .root.Chart.Version }}
heritage: {{ .root.Release.Service }}
{{- end }}

{{/* Service account a values section names, or <release>-<suffix>. */}}
{{- define "stand-in.account" -}}
{{- .section.serviceAccount.name | default (printf "%s-%s" .root.Release.Name .name) -}}
{{- end }}
