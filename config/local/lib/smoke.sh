# shellcheck shell=bash
# Health checks alone do not prove that started parts work: those that watch
# the API may still wait for their next retry. A pod is the proof.

SMOKE_SCRIPT='getent hosts kubernetes.default.svc.cluster.local && exec 3<>/dev/tcp/kubernetes.default/443'

run_smoke_pod() {
  local pod=smoke-$BASHPID deadline=$((SECONDS + 90)) phase=''
  until create_smoke_pod "$pod" 2>/dev/null; do # its service account may be yet to come
    ((SECONDS < deadline)) || die "no pod can be created: $(create_smoke_pod "$pod" 2>&1)"
    sleep 0.2
  done
  until [[ $phase == Succeeded ]]; do
    if [[ $phase == Failed ]] || ((SECONDS >= deadline)); then
      kube -n kube-system logs "$pod" >&2 || true
      kube -n kube-system describe pod "$pod" | tail -n 12 >&2
      die "a pod that uses DNS and a Service does not succeed"
    fi
    sleep 0.2
    phase=$(kube -n kube-system get pod "$pod" -o 'jsonpath={.status.phase}' 2>/dev/null) || true
  done
  kube -n kube-system delete pod "$pod" --wait=false >/dev/null
}

create_smoke_pod() {
  kube -n kube-system run "$1" --image="$BASE_IMAGE" --image-pull-policy=Never --restart=Never --command -- \
    bash -c "$SMOKE_SCRIPT" >/dev/null
}
