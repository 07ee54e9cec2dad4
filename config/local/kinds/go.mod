module runnerhub.dev/local-cluster/kinds

go 1.25.0

// Nothing is built from these: the tests take the CRDs out of them whose objects the chart can make.
require (
	github.com/prometheus-operator/prometheus-operator v0.86.1
	sigs.k8s.io/gateway-api v1.4.0
)
