# shellcheck shell=bash
# The cluster that is built and run here, without a container engine.

PARTS=(etcd containerd kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy coredns)

local_up() {
  lock_machine
  check_only_cluster
  ensure_commands containerd ctr runc iptables-save buildah mmdebstrap ip ss curl openssl sysctl mount
  ensure_cni_plugins
  ensure_kubectl
  ensure_binaries etcd kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy coredns
  ensure_pause_archive
  ensure_base_archive
  assign_ports
  ensure_state
  printf '%s\n' "$FIRST_PORT" >"$STATE/first-port"
  ensure_cgroup
  ensure_network
  ensure_control_plane_certificates
  ensure_node_certificates
  write_containerd_config
  write_kubelet_config
  write_kube_proxy_config
  write_coredns_config
  ensure_parts
  ((${#STARTED[@]} == 0)) || run_smoke_pod
  say "the cluster is ready: $STATE/kubeconfig"
}

# A part may die of another part's failure, so all are checked again at the end.
ensure_parts() {
  local round part unhealthy
  for round in 1 2 3; do
    start_part containerd
    ensure_part etcd
    end_waiting_apiserver
    ensure_part kube-apiserver
    ensure_part containerd
    ensure_image "$PAUSE_IMAGE" "$(pause_archive)"
    ensure_image "$BASE_IMAGE" "$(base_archive)"
    for part in "${PARTS[@]}"; do start_part "$part"; done
    for part in "${PARTS[@]}"; do
      [[ $part =~ ^(etcd|containerd|kube-apiserver)$ ]] || ensure_part "$part"
    done
    unhealthy=$(printf '%s\n' "${PARTS[@]}" | grep -vxF "$(healthy_parts "${PARTS[@]}")") || return 0
  done
  die "these parts do not stay healthy: ${unhealthy//$'\n'/ } (round $round)"
}

# When the store was gone for a while, the API server waits long between its tries to reach it: a new one is quicker.
end_waiting_apiserver() {
  [[ " ${STARTED[*]} " != *" etcd "* ]] || wait_healthy kube-apiserver 3 || stop_part kube-apiserver KILL
}

local_down() {
  lock_machine
  check_only_cluster
  if ! has_state && [[ ! -e /sys/class/net/$BRIDGE ]]; then
    say "no cluster is running"
    return
  fi
  assign_ports
  local part
  stop_part kubelet # first, or it would start again what is ended next
  kill_pods
  for part in coredns kube-proxy kube-scheduler kube-controller-manager containerd kube-apiserver etcd; do stop_part "$part"; done
  end_strays '*'
  kill_pods
  stop_shims
  unmount_state
  remove_firewall
  remove_network
  remove_cgroup
  remove_kubelet_leftovers
  restore_sysctls
  remove_state
  say "the cluster is stopped and removed"
}

local_status() {
  has_state || { printf 'no cluster is running\n' && return 1; }
  assign_ports
  local part pid health healthy code=0
  healthy=$(healthy_parts "${PARTS[@]}")
  printf '%-26s %-8s %-10s %s\n' PART PID STATE VERSION
  for part in "${PARTS[@]}"; do
    pid=$(part_pid "$part") || pid=-
    health=healthy
    grep -qx "$part" <<<"$healthy" || { health=unhealthy && code=1; }
    [[ $pid != - ]] || health=dead
    printf '%-26s %-8s %-10s %s\n' "$part" "$pid" "$health" "$(part_version "$part")"
  done
  printf '\nnode %s  %s\nkubeconfig %s\n' "$NODE_NAME" "$(node_readiness)" "$STATE/kubeconfig"
  return "$code"
}

node_readiness() {
  local ready
  ready=$(kube --request-timeout=3s get node "$NODE_NAME" -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}' 2>/dev/null) || true
  case $ready in True) echo Ready ;; '') echo unknown ;; *) echo NotReady ;; esac
}

part_version() {
  case $1 in
    etcd) sed -n 's/^\tgo\.etcd\.io\/etcd\/server\/v3 \(v[^ ]*\)$/\1/p' "$HERE/go.mod" ;;
    coredns) sed -n 's/^require github\.com\/coredns\/coredns \(v[^ ]*\)$/\1/p' "$HERE/coredns/go.mod" ;;
    containerd) containerd --version | awk '{print $3}' ;;
    *) printf '%s\n' "$KUBERNETES_VERSION" ;;
  esac
}

local_kubeconfig() {
  [[ -r $STATE/kubeconfig ]] || die "no cluster is running: start one with \`up\`"
  printf '%s\n' "$STATE/kubeconfig"
}

local_env() {
  print_env KUBECONFIG "$(local_kubeconfig)"
  print_env RUNNERHUB_CLUSTER_KIND local
  print_env RUNNERHUB_AUDIT_LOG "$STATE/audit.log"
  print_env RUNNERHUB_BASE_IMAGE "$BASE_IMAGE"
  # The address at which pods reach a program on this machine.
  print_env RUNNERHUB_HOST_ADDRESS "$NODE_ADDRESS"
}

local_load_image() { containers images import "$1"; }
