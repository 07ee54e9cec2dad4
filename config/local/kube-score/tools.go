//go:build tools

// Package kubescore pins the scanner of manifests. Nothing builds this file: it
// keeps `go mod tidy` from dropping the scanner.
package kubescore

import _ "github.com/zegl/kube-score/cmd/kube-score"
