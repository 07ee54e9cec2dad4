# shellcheck shell=bash
# shellcheck disable=SC2034  # COMMAND, FILES and PORTS are read by part.sh

kube_scheduler_command() {
  local kubeconfig=$PKI/kube-scheduler.kubeconfig
  PORTS=("$SCHEDULER_PORT")
  FILES=("$kubeconfig")
  COMMAND=("$KUBERNETES_BIN/kube-scheduler" --leader-elect=false
    --bind-address=127.0.0.1 --secure-port="$SCHEDULER_PORT"
    --kubeconfig="$kubeconfig" --authentication-kubeconfig="$kubeconfig" --authorization-kubeconfig="$kubeconfig")
}

# Its certificate is created at start and self-signed.
kube_scheduler_healthy() {
  curl -skf --noproxy '*' --max-time 3 "https://127.0.0.1:$SCHEDULER_PORT/healthz" | grep -qx ok
}
