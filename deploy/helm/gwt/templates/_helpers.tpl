{{- define "gwt.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" }}
{{- end }}

{{- define "gwt.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}
{{- else if contains (include "gwt.name" .) .Release.Name }}
{{- .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "gwt.name" .) | trunc 40 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{/* The name of what belongs to no namespace. */}}
{{- define "gwt.clusterName" -}}
{{- printf "%s-%s" .Release.Namespace (include "gwt.fullname" .) }}
{{- end }}

{{- define "gwt.selector" -}}
app.kubernetes.io/name: {{ include "gwt.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "gwt.labels" -}}
{{ include "gwt.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "gwt.image" -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end }}

{{- define "gwt.gatewayAccount" -}}
{{- $default := ternary (printf "%s-gateway" (include "gwt.fullname" .)) "default" .Values.serviceAccounts.gateway.create }}
{{- default $default .Values.serviceAccounts.gateway.name }}
{{- end }}

{{- define "gwt.controllerAccount" -}}
{{- $default := ternary (printf "%s-controller" (include "gwt.fullname" .)) "default" .Values.serviceAccounts.controller.create }}
{{- default $default .Values.serviceAccounts.controller.name }}
{{- end }}

{{- define "gwt.storeSecret" -}}
{{- default (include "gwt.fullname" .) .Values.store.existingSecret }}
{{- end }}

{{- define "gwt.storeKey" -}}
{{- ternary .Values.store.key "store" (ne .Values.store.existingSecret "") }}
{{- end }}

{{- define "gwt.tokenSecret" -}}
{{- default (include "gwt.fullname" .) .Values.tokens.existingSecret }}
{{- end }}

{{- define "gwt.adminKey" -}}
{{- ternary .Values.tokens.adminKey "admin-token" (ne .Values.tokens.existingSecret "") }}
{{- end }}

{{- define "gwt.metricsKey" -}}
{{- ternary .Values.tokens.metricsKey "metrics-token" (ne .Values.tokens.existingSecret "") }}
{{- end }}

{{/* Where ConfigMaps with Routes are, as JSON. */}}
{{- define "gwt.namespaces" -}}
{{- .Values.controller.namespaces | default (list .Release.Namespace) | uniq | toJson }}
{{- end }}

{{- define "gwt.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "gwt.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{/* What both kinds of pods may be told about where they run: (dict "root" $ "part" .Values.gateway "component" "gateway"). */}}
{{- define "gwt.placement" -}}
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 0 }}
{{- end }}
{{- with .part.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .part.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .part.tolerations }}
tolerations: {{- toYaml . | nindent 0 }}
{{- end }}
{{- with .part.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- if .part.topologySpreadConstraints }}
topologySpreadConstraints: {{- toYaml .part.topologySpreadConstraints | nindent 0 }}
{{- else }}
topologySpreadConstraints:
{{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
- maxSkew: 1
  topologyKey: {{ . }}
  whenUnsatisfiable: ScheduleAnyway
  labelSelector:
    matchLabels:
      {{- include "gwt.selector" $.root | nindent 6 }}
      app.kubernetes.io/component: {{ $.component }}
{{- end }}
{{- end }}
{{- end }}
