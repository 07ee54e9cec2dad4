{{/* Name of all that is in the namespace once: the release's, with the chart's unless it is in it already. */}}
{{- define "runnerhub.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride -}}
{{- else -}}
{{- /* As a dependency with an alias the chart has the alias for its name, which may be no name of an object. */}}
{{- $chart := .Chart.Name | lower | replace "_" "-" | trimSuffix "-" -}}
{{- if contains $chart .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $chart | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* By which Services, budgets and policies find the operator's pods. Never changes. */}}
{{- define "runnerhub.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end -}}

{{- define "runnerhub.labels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "runnerhub.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "runnerhub.fullname" .) -}}
{{- else -}}
{{- .Values.serviceAccount.name | default "default" -}}
{{- end -}}
{{- end -}}

{{/* The Secret with the file of static tokens. */}}
{{- define "runnerhub.tokenSecret" -}}
{{- .Values.auth.existingSecret | default (printf "%s-tokens" (include "runnerhub.fullname" .)) -}}
{{- end -}}

{{/* "true" where the chart does not make the Secret of tokens: it exists, or the user makes it. */}}
{{- define "runnerhub.ownSecret" -}}
{{- $given := false -}}
{{- range .Values.auth.users }}{{ if .token }}{{ $given = true }}{{ end }}{{ end -}}
{{- if or .Values.auth.existingSecret (not (or .Values.auth.generate $given)) -}}
true
{{- end -}}
{{- end -}}

{{/* "true" where the Secret of tokens has a key, for what is known of it: not of a Secret of the user's own. */}}
{{- define "runnerhub.hasToken" -}}
{{- if include "runnerhub.ownSecret" .root -}}
true
{{- else -}}
{{- range .root.Values.auth.users -}}
{{- if eq .name $.key -}}
true
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* "true" where there is a `helm test`: it takes a pool, and a token to delegate with. */}}
{{- define "runnerhub.hasTest" -}}
{{- if .Values.defaultPool.enabled -}}
{{- include "runnerhub.hasToken" (dict "root" . "key" .Values.test.tokenKey) -}}
{{- end -}}
{{- end -}}

{{- define "runnerhub.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- end -}}
{{- end -}}
{{- end -}}
