{{/*
The four components: what tells one from another, with the official chart's defaults. What all share is in _pod.tpl.
  name         ends the object names; value of the label `component`; subcommand of `airflow`
  job          type of the job whose heartbeat the probes ask for; a component without one answers over HTTP
  signs        signs or checks task tokens, so it reads the JWT secret
  logs         writes logs to a volume of its own
  evict        the cluster autoscaler may move it
  podTemplate  starts worker pods, so it reads their template
  grace        seconds from SIGTERM to SIGKILL, where the values say nothing
  ports        container ports by name
  service      headless or not, and its ports by name
  probes       probe -> its timing, which the values may override key by key
*/}}
{{- define "stand-in.components" -}}
apiServer:
  name: api-server
  signs: true
  strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}
  ports: {api-server: 8080}
  service: {headless: false, ports: {api-server: 8080}}
  probes:
    livenessProbe: {initialDelaySeconds: 15, timeoutSeconds: 5, failureThreshold: 5, periodSeconds: 10}
    readinessProbe: {initialDelaySeconds: 15, timeoutSeconds: 5, failureThreshold: 5, periodSeconds: 10}
    startupProbe: {initialDelaySeconds: 0, timeoutSeconds: 20, failureThreshold: 6, periodSeconds: 10}
scheduler:
  name: scheduler
  job: SchedulerJob
  signs: true
  logs: true
  evict: true
  podTemplate: true
  grace: 10
  {{- if contains "LocalExecutor" .Values.executor }}
  ports: {worker-logs: 8793}
  service: {headless: true, ports: {task-logs: 8793}}
  {{- end }}
  probes:
    livenessProbe: {initialDelaySeconds: 10, timeoutSeconds: 20, failureThreshold: 5, periodSeconds: 60}
    startupProbe: {initialDelaySeconds: 0, timeoutSeconds: 20, failureThreshold: 6, periodSeconds: 10}
dagProcessor:
  name: dag-processor
  job: DagProcessorJob
  logs: true
  evict: true
  grace: 60
  strategy: {rollingUpdate: {maxSurge: 100%, maxUnavailable: 50%}}
  probes:
    livenessProbe: {initialDelaySeconds: 10, timeoutSeconds: 20, failureThreshold: 5, periodSeconds: 60}
triggerer:
  name: triggerer
  job: TriggererJob
  logs: true
  evict: true
  grace: 60
  strategy: {rollingUpdate: {maxSurge: 100%, maxUnavailable: 50%}}
  ports: {triggerer-logs: 8794}
  service: {headless: true, ports: {triggerer-logs: 8794}}
  probes:
    livenessProbe: {initialDelaySeconds: 10, timeoutSeconds: 20, failureThreshold: 5, periodSeconds: 60}
{{- end }}

{{- define "stand-in.labels" -}}
tier: airflow
component: {{ .component }}
release: {{ .root.Release.Name }}
{{- end }}

{{- define "stand-in.objectLabels" -}}
{{ include "stand-in.labels" . }}
chart: {{ .root.Chart.Name }}-{{ .root.Chart.Version }}
heritage: {{ .root.Release.Service }}
{{- end }}
