{{/*
The labels of Helm itself, for the metadata of every object but not for its pods: a new version of the chart alone restarts
no agent.
*/}}
{{- define "lvs-operator.helmLabels" -}}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version | replace "+" "_" }}
{{- end }}
