// Package plugins takes the place of Prometheus' own list of ways to find targets.
package plugins

import _ "github.com/prometheus/prometheus/discovery/kubernetes"
