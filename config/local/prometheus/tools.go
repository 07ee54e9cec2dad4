//go:build tools

// Package plugins pins the Prometheus Operator and the reloader that it puts beside each Prometheus. Nothing builds
// this file: it keeps `go mod tidy` from dropping them.
package plugins

import (
	_ "github.com/prometheus-operator/prometheus-operator/cmd/operator"
	_ "github.com/prometheus-operator/prometheus-operator/cmd/prometheus-config-reloader"
)
