# shellcheck shell=bash
# shellcheck disable=SC2034  # COMMAND, FILES and PORTS are read by part.sh
# kube-controller-manager: among much else, the garbage collection that makes owner references cascade.

CONTROLLER_MANAGER_FLAGS=() # further ones

kube_controller_manager_command() {
  local kubeconfig=$PKI/kube-controller-manager.kubeconfig
  PORTS=("$CONTROLLER_MANAGER_PORT")
  FILES=("$kubeconfig")
  COMMAND=("$KUBERNETES_BIN/kube-controller-manager" --leader-elect=false
    --bind-address=127.0.0.1 --secure-port="$CONTROLLER_MANAGER_PORT"
    --kubeconfig="$kubeconfig" --authentication-kubeconfig="$kubeconfig" --authorization-kubeconfig="$kubeconfig"
    --flex-volume-plugin-dir="$STATE/volume-plugins" --use-service-account-credentials --service-account-private-key-file="$PKI/service-account.key"
    --root-ca-file="$PKI/ca.crt" --cluster-signing-cert-file="$PKI/ca.crt" --cluster-signing-key-file="$PKI/ca.key"
    "${CONTROLLER_MANAGER_FLAGS[@]}")
}

# Its certificate is created at start and self-signed. Its first
# work that everyone waits for: no pod can be made before there is a service account. A selection of controllers may lack that.
kube_controller_manager_healthy() {
  curl -skf --noproxy '*' --max-time 3 "https://127.0.0.1:$CONTROLLER_MANAGER_PORT/healthz" | grep -qx ok || return 1
  [[ " ${CONTROLLER_MANAGER_FLAGS[*]}" == *" --controllers="* ]] ||
    curl -sf --noproxy '*' --max-time 3 --cacert "$PKI/ca.crt" --cert "$PKI/admin.crt" --key "$PKI/admin.key" -o /dev/null \
      "https://$API_ADDRESS:$API_PORT/api/v1/namespaces/default/serviceaccounts/default"
}
