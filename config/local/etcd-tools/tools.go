//go:build tools

// Package tools pins the commands that save etcd's store as a snapshot and
// restore it. Nothing builds this file: it keeps `go mod tidy` from dropping
// them.
package tools

import (
	_ "go.etcd.io/etcd/etcdctl/v3"
	_ "go.etcd.io/etcd/etcdutl/v3"
)
