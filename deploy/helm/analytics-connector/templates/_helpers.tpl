{{/*
Names do not depend on the release: there is one install in a namespace, its objects are those of deploy/base and
deploy/admin, and every command of the documentation fits both.
*/}}

{{- define "analytics-connector.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{/* Where the install has rights: in the cluster, in some namespaces, or in its own namespace. */}}
{{- define "analytics-connector.scope" -}}
{{- if not .Values.watchNamespaces }}cluster
{{- else if eq (join "," .Values.watchNamespaces) .Release.Namespace }}namespace
{{- else }}namespaces
{{- end }}
{{- end }}

{{/* What selects the pods of a component; a Deployment's selector cannot change. Called with the component's name. */}}
{{- define "analytics-connector.selector" -}}
app.kubernetes.io/name: analytics-connector
app.kubernetes.io/component: {{ . }}
{{- end }}

{{/* Labels of every object. Called with (list $ component). */}}
{{- define "analytics-connector.labels" -}}
{{- $ := index . 0 -}}
{{ include "analytics-connector.selector" (index . 1) }}
app.kubernetes.io/instance: {{ $.Release.Name }}
app.kubernetes.io/version: {{ $.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $.Chart.Name ($.Chart.Version | replace "+" "_") }}
{{- end }}

{{/* The configuration files, with the namespaces that the whole install looks after. */}}
{{- define "analytics-connector.operator-config" -}}
{{- $config := deepCopy .Values.operator.config -}}
{{- with .Values.watchNamespaces }}{{ $_ := set $config "watchNamespaces" . }}{{ end -}}
{{- toYaml $config }}
{{- end }}

{{- define "analytics-connector.admin-config" -}}
{{- $config := deepCopy .Values.admin.config -}}
{{- range list "realm" "topicPatterns" "idCounterNamespace" }}
{{- if ne (get $config . | toJson) (get $.Values.operator.config . | toJson) }}
{{- fail (printf "admin.config.%s: must be the same as operator.config.%s, as both serve the same connectors" . .) }}
{{- end }}
{{- end }}
{{- with .Values.watchNamespaces }}
{{- if not (has ($config.connectorNamespace | default $.Release.Namespace) .) }}
{{- fail (printf "admin.config.connectorNamespace: must be one of watchNamespaces (%s), as the REST API makes connectors there" (join ", " .)) }}
{{- end }}
{{- $_ := set $config "watchNamespaces" . }}
{{- end -}}
{{- if .Values.admin.tlsSecretName }}
{{- $dir := "/etc/analytics-connector-tls" }}
{{- $_ := set $config "tls" (dict "certFile" (printf "%s/tls.crt" $dir) "keyFile" (printf "%s/tls.key" $dir)) }}
{{- end -}}
{{- toYaml $config }}
{{- end }}

{{/* Where pods may run, as the values of a component say it. Called with (list $ values). */}}
{{- define "analytics-connector.scheduling" -}}
{{- $ := index . 0 -}}
{{- $values := index . 1 -}}
{{- with $.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* Pods of a component, over nodes. Called with its name. */}}
{{- define "analytics-connector.spread" -}}
- maxSkew: 1
  topologyKey: kubernetes.io/hostname
  whenUnsatisfiable: ScheduleAnyway
  labelSelector:
    matchLabels:
      {{- include "analytics-connector.selector" . | nindent 6 }}
{{- end }}
