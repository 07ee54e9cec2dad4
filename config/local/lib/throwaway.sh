# shellcheck shell=bash
# shellcheck disable=SC2034  # read by the other files
# The control plane of `control-plane`: what it has of its own is its address, ports and settings.

API_ADDRESS=127.0.0.1
NODE_ADDRESS=127.0.0.1
WITH_NODE=no
CONTROLLER_MANAGER=no

# A free port below the range the kernel hands to outgoing connections. It is
# held by a lock until this script ends, so that starts at the same time differ.
claim_port() { # VARIABLE
  local port folder=${TMPDIR:-/tmp}/runnerhub-ports-$UID
  mkdir -p "$folder"
  while :; do
    port=$((20000 + RANDOM % 12000))
    [[ -z $(ss -Htan "sport = :$port") ]] || continue
    exec {claim}>"$folder/$port"
    if flock -n "$claim"; then break; fi
    exec {claim}>&-
  done
  printf -v "$1" '%s' "$port"
}

throwaway_settings() {
  [[ -r $STATE/settings ]] || die "no control plane in $STATE: start one first"
  # shellcheck source=/dev/null
  . "$STATE/settings"
}

throwaway_choose() {
  API_PORT='' AUDIT=yes
  while (($#)); do
    case $1 in
      --port) API_PORT=${2:?--port needs a number} && shift ;;
      --controller-manager) CONTROLLER_MANAGER=yes ;;
      --no-audit) AUDIT=no ;;
      *) die "unknown option $1" ;;
    esac
    shift
  done
  [[ -n $API_PORT ]] || claim_port API_PORT
  claim_port ETCD_PORT
  claim_port ETCD_PEER_PORT
  claim_port CONTROLLER_MANAGER_PORT
  declare -p API_PORT ETCD_PORT ETCD_PEER_PORT CONTROLLER_MANAGER_PORT AUDIT CONTROLLER_MANAGER |
    sed 's/^declare -- //' >"$STATE/settings"
}

throwaway_start() {
  ensure_binaries etcd kube-apiserver
  ensure_state
  if [[ -r $STATE/settings ]]; then throwaway_settings; else throwaway_choose "$@"; fi
  [[ $CONTROLLER_MANAGER == no ]] || ensure_binaries kube-controller-manager
  ensure_control_plane_certificates
  cp "$PKI/ca.crt" "$STATE/ca.crt"
  ensure_part etcd
  ensure_part kube-apiserver
  [[ $CONTROLLER_MANAGER == no ]] || ensure_part kube-controller-manager
  printf '%s\n' "$STATE/kubeconfig"
}

throwaway_kill_apiserver() {
  throwaway_settings
  stop_part kube-apiserver KILL
}

throwaway_start_apiserver() {
  throwaway_settings
  ensure_part kube-apiserver
}

throwaway_start_controller_manager() {
  throwaway_settings
  ensure_binaries kube-controller-manager
  sed -i 's/^CONTROLLER_MANAGER=.*/CONTROLLER_MANAGER="yes"/; /^CONTROLLER_MANAGER_FLAGS=/d' "$STATE/settings"
  CONTROLLER_MANAGER_FLAGS=("$@")
  declare -p CONTROLLER_MANAGER_FLAGS | sed 's/^declare -a //' >>"$STATE/settings"
  ensure_part kube-controller-manager
}

throwaway_stop_controller_manager() {
  throwaway_settings
  sed -i 's/^CONTROLLER_MANAGER=.*/CONTROLLER_MANAGER="no"/' "$STATE/settings"
  stop_part kube-controller-manager
}

throwaway_save_snapshot() { # FILE
  throwaway_settings
  ensure_binaries etcdctl etcdutl
  "$(binary_of etcdctl)" --endpoints="https://127.0.0.1:$ETCD_PORT" --cacert="$PKI/etcd-ca.crt" \
    --cert="$PKI/etcd-client.crt" --key="$PKI/etcd-client.key" snapshot save "$1" >&2
}

throwaway_restore_snapshot() { # FILE
  throwaway_settings
  ensure_binaries etcdctl etcdutl
  local peer=https://127.0.0.1:$ETCD_PEER_PORT
  "$HERE/control-plane" stop "$STATE"
  rm -rf --one-file-system -- "$STATE/etcd"
  "$(binary_of etcdutl)" snapshot restore "$1" --data-dir="$STATE/etcd" --name=local \
    --initial-advertise-peer-urls="$peer" --initial-cluster="local=$peer" >&2
  "$HERE/control-plane" start "$STATE"
}

throwaway_stop() {
  has_state || return 0
  local part
  for part in kube-controller-manager kube-apiserver etcd; do stop_part "$part"; done
  end_strays '*'
  [[ ${1:-} != --remove ]] || remove_state
}
