{{/* Settings the chart brings along; a value under `config` takes their place. */}}
{{- define "stand-in.settings" -}}
core:
  dags_folder: /opt/airflow/dags
  load_examples: "False"
  executor: {{ .Values.executor | quote }}
  execution_api_server_url: http://{{ .Release.Name }}-api-server:8080/execution/
logging:
  remote_logging: "False"
  colored_console_log: "False"
scheduler:
  standalone_dag_processor: "True"
dag_processor:
  dag_bundle_config_list: {{ .Values.dagProcessor.dagBundleConfigList | toJson | quote }}
kubernetes_executor:
  namespace: {{ .Release.Namespace }}
  pod_template_file: /opt/airflow/pod_templates/pod_template_file.yaml
  worker_container_repository: {{ .Values.images.airflow.repository | default .Values.defaultAirflowRepository }}
  worker_container_tag: {{ .Values.images.airflow.tag | default .Values.defaultAirflowTag | quote }}
  multi_namespace_mode: {{ ternary "True" "False" .Values.multiNamespaceMode | quote }}
{{- end }}

{{/* Given values are templates, as in the official chart; a literal pair of braces is escaped by whoever writes it. */}}
{{- define "stand-in.configData" -}}
{{- $settings := mergeOverwrite (include "stand-in.settings" . | fromYaml) (deepCopy .Values.config) -}}
airflow.cfg: |
  {{- range $section, $keys := $settings }}
  [{{ $section }}]
  {{- range $key, $value := $keys }}
  {{ $key }} = {{ tpl (toString $value) $ }}
  {{- end }}
  {{- end }}
pod_template_file.yaml: |
  {{- tpl .Values.podTemplate . | nindent 2 }}
{{- end }}
