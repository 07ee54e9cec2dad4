//go:build tools

// Package s3 pins the S3 server of the tests. Nothing builds this file: it
// keeps `go mod tidy` from dropping the server.
package s3

import _ "github.com/versity/versitygw/cmd/versitygw"
