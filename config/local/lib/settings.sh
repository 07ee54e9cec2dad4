# shellcheck shell=bash
# shellcheck disable=SC2034  # read by the other files
# Every setting in one list. STATE and the ports belong to the machine, not to
# a clone of the repository; CACHE outlives `down`.

CACHE=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/runnerhub
STATE=$(realpath -m "${RUNNERHUB_LOCAL_STATE:-/var/lib/runnerhub-local}")

# The one place that names the Kubernetes version is go.mod (see pin-kubernetes).
KUBERNETES_VERSION=$(sed -n 's/^\tk8s\.io\/kubernetes \(v[^ ]*\)$/\1/p' "$HERE/go.mod")

NODE_NAME=runnerhub-local
BRIDGE=rhub0
# The kubelet refuses a loopback address, so node, API server and DNS live on the bridge's.
NODE_ADDRESS=10.244.0.1
POD_NETWORK=10.244.0.0/24
SERVICE_NETWORK=10.96.0.0/16
API_SERVICE_ADDRESS=10.96.0.1
CGROUP=runnerhub-local
CNI_PLUGINS=/usr/lib/cni # where Debian puts them

PAUSE_IMAGE=docker.io/local/runnerhub-pause:1
BASE_IMAGE=docker.io/local/runnerhub-base:bookworm
# Where images can be pulled, the same Debian comes from its publisher.
PUBLIC_BASE_IMAGE=docker.io/library/debian:bookworm-slim

# A cluster that is up keeps the ports it was started with.
assign_ports() {
  local first=${RUNNERHUB_LOCAL_PORTS:-16440}
  [[ ! -r $STATE/first-port ]] || first=$(<"$STATE/first-port")
  [[ $first =~ ^[1-9][0-9]{3,4}$ && $first -lt 65000 ]] ||
    die "RUNNERHUB_LOCAL_PORTS must be the first of 12 free ports, not '$first'"
  FIRST_PORT=$first
  ETCD_PORT=$((first)) ETCD_PEER_PORT=$((first + 1))
  API_PORT=$((first + 3)) # 16443 by default
  CONTROLLER_MANAGER_PORT=$((first + 4)) SCHEDULER_PORT=$((first + 5))
  KUBELET_PORT=$((first + 6)) KUBELET_HEALTH_PORT=$((first + 7))
  PROXY_HEALTH_PORT=$((first + 8)) PROXY_METRICS_PORT=$((first + 9))
  DNS_HEALTH_PORT=$((first + 10)) DNS_READY_PORT=$((first + 11))
}

# What the throwaway control plane changes.
API_ADDRESS=$NODE_ADDRESS
AUDIT=yes
WITH_NODE=yes
