//go:build tools

// Package helm pins Helm, which installs the chart. Nothing builds this file:
// it keeps `go mod tidy` from dropping it.
package helm

import _ "helm.sh/helm/v3/cmd/helm"
