{{/* Settings the chart brings along; those given under `config` take their place. */}}
{{- define "stand-in.settings" -}}
core:
  dags_folder: /opt/airflow/dags
  load_examples: "False"
  executor: {{ .Values.executor | quote }}
logging:
  colored_console_log: "False"
scheduler:
  standalone_dag_processor: "True"
dag_processor:
  dag_bundle_config_list: {{ .Values.dagProcessor.dagBundleConfigList | toJson | quote }}
kubernetes_executor:
  namespace: {{ .Release.Namespace }}
  pod_template_file: /opt/airflow/pod_templates/pod_template_file.yaml
  worker_container_repository: {{ .Values.defaultAirflowRepository }}
  worker_container_tag: {{ .Values.defaultAirflowTag | quote }}
  multi_namespace_mode: "False"
{{- end }}

{{/* Settings and pod template are templates, as in the official chart: whoever writes literal braces escapes them. */}}
{{- define "stand-in.configData" -}}
airflow.cfg: |
  {{- range $section, $keys := mergeOverwrite (include "stand-in.settings" . | fromYaml) (deepCopy .Values.config) }}
  [{{ $section }}]
  {{- range $key, $setting := $keys }}
  {{ $key }} = {{ tpl (toString $setting) $ }}
  {{- end }}
  {{- end }}
pod_template_file.yaml: |
  {{- tpl .Values.podTemplate . | nindent 2 }}
{{- end }}
