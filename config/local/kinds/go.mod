module runnerhub.dev/local-cluster/kinds

go 1.25.0

// Nothing is built from this: the tests take the CRD out of it whose objects the chart can make.
require sigs.k8s.io/gateway-api v1.4.0
