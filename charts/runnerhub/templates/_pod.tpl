{{/* What every pod of the operator's image has, whatever it does: the restricted Pod Security level. */}}
{{- define "runnerhub.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "runnerhub.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{/* The settings that the chart's values become: an environment variable each. */}}
{{- define "runnerhub.settings" -}}
{{- if not .Values.page.enabled }}
PAGE: "false"
{{- end }}
{{- range $name, $value := .Values.settings }}
{{- if eq $name "rateLimitMax" }}
# {{ $value }} over {{ $.Values.replicaCount }} replicas, each of which counts for itself.
RATE_LIMIT_MAX: {{ div (add $value (sub $.Values.replicaCount 1)) $.Values.replicaCount | max 1 | quote }}
{{- else if eq (kindOf $value) "float64" }}
{{ $name | snakecase | upper }}: {{ printf "%.0f" $value | quote }}
{{- else }}
{{ $name | snakecase | upper }}: {{ $value | quote }}
{{- end }}
{{- end }}
{{- end -}}

{{/* Where the operator's image runs to do one thing for a hook: a list of arguments, and where it may be placed. */}}
{{- define "runnerhub.taskPod" -}}
restartPolicy: Never
enableServiceLinks: false
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
securityContext:
  {{- include "runnerhub.podSecurity" .root | nindent 2 }}
containers:
  - name: {{ .name }}
    image: {{ include "runnerhub.image" .root | quote }}
    imagePullPolicy: {{ .root.Values.image.pullPolicy }}
    args:
      {{- toYaml .args | nindent 6 }}
    env:
      - name: POD_NAMESPACE
        valueFrom:
          fieldRef:
            fieldPath: metadata.namespace
    resources:
      {{- toYaml .root.Values.hooks.resources | nindent 6 }}
    securityContext:
      {{- include "runnerhub.containerSecurity" .root | nindent 6 }}
{{- end -}}

{{/* A task ends by itself, and says why, before its pod is ended. */}}
{{- define "runnerhub.taskSeconds" -}}
--task-seconds={{ sub .Values.hooks.deadlineSeconds 5 }}
{{- end -}}
