//go:build tools

// Package kind pins the tool that makes the cluster where a Docker engine answers.
package kind

import _ "sigs.k8s.io/kind"
