# shellcheck shell=bash
# The bridge that node and pods live on, and what the kernel must do for it.

# What we, the kubelet or kube-proxy set; `down` puts back what was there before.
SYSCTLS=(net.ipv4.ip_forward net.bridge.bridge-nf-call-iptables vm.overcommit_memory vm.panic_on_oom
  kernel.panic kernel.panic_on_oops kernel.keys.root_maxkeys kernel.keys.root_maxbytes)

ensure_network() {
  remember_sysctls
  sysctl -qw net.ipv4.ip_forward=1
  # Without this, a pod that calls a Service on its own bridge never sees the answer.
  [[ -e /proc/sys/net/bridge ]] || modprobe br_netfilter 2>/dev/null || say "warning: no br_netfilter; pods may not reach Services"
  [[ ! -e /proc/sys/net/bridge ]] || sysctl -qw net.bridge.bridge-nf-call-iptables=1
  ensure_bridge
  write_cni_config
}

remember_sysctls() {
  [[ ! -e $STATE/sysctls ]] || return 0
  local name
  for name in "${SYSCTLS[@]}"; do
    printf '%s=%s\n' "$name" "$(sysctl -en "$name")"
  done | grep -v '=$' >"$STATE/sysctls.new"
  mv "$STATE/sysctls.new" "$STATE/sysctls"
}

restore_sysctls() {
  [[ ! -e $STATE/sysctls ]] || sysctl -eqp "$STATE/sysctls" || true
}

# The bridge names its owner: a machine has room for one of these clusters.
bridge_owner() { cat "/sys/class/net/$BRIDGE/ifalias" 2>/dev/null || true; }

check_only_cluster() {
  local owner
  owner=$(bridge_owner)
  [[ -z $owner || $owner == "$STATE" ]] ||
    die "another local cluster is up, with its state in $owner; set RUNNERHUB_LOCAL_STATE=$owner to use \`status\` and \`down\` on it"
}

has_bridge() { ip -4 -o address show dev "$BRIDGE" 2>/dev/null | grep -q " $NODE_ADDRESS/"; }

ensure_bridge() {
  local other
  if ! has_bridge; then
    other=$(ip -4 -o address show to "$POD_NETWORK" | awk '{print $2; exit}')
    [[ -z $other || $other == "$BRIDGE" ]] || die "interface $other already uses $POD_NETWORK, the pods' network"
    [[ -e /sys/class/net/$BRIDGE ]] || ip link add "$BRIDGE" type bridge
    ip address replace "$NODE_ADDRESS/${POD_NETWORK#*/}" dev "$BRIDGE"
    # Earlier pods are attached to a bridge that is gone: the kubelet creates them again.
    kill_pods
  fi
  ip link set "$BRIDGE" up alias "$STATE"
  # While kube-proxy changes its rules, or is down, a Service's address must not be looked for outside the machine: what
  # answers there would be taken for the Service, for as long as the connection lasts.
  ip route replace "$SERVICE_NETWORK" dev "$BRIDGE"
}

write_cni_config() {
  mkdir -p "$STATE/cni/net.d"
  keep_file "$STATE/cni/net.d/10-runnerhub.conflist" <<END
{
  "cniVersion": "0.4.0",
  "name": "runnerhub-local",
  "plugins": [
    {
      "type": "bridge", "bridge": "$BRIDGE", "isGateway": true, "ipMasq": true, "hairpinMode": true,
      "ipam": {
        "type": "host-local", "dataDir": "$STATE/cni/addresses",
        "ranges": [[{"subnet": "$POD_NETWORK"}]], "routes": [{"dst": "0.0.0.0/0"}]
      }
    },
    {"type": "portmap", "capabilities": {"portMappings": true}}
  ]
}
END
}

remove_network() {
  local link sandbox
  for link in $(ip -o link show master "$BRIDGE" 2>/dev/null | awk -F': ' '{sub(/@.*/, "", $2); print $2}'); do
    ip link delete "$link" 2>/dev/null || true
  done
  ip link delete "$BRIDGE" 2>/dev/null || true
  # The plugins record each sandbox here, in any configuration.
  for sandbox in "$STATE"/containerd/io.containerd.grpc.v1.cri/sandboxes/*; do
    rm -f /var/lib/cni/results/*-"${sandbox##*/}"-*
  done
  rmdir /var/lib/cni/results /var/lib/cni/cache /var/lib/cni 2>/dev/null || true
}
