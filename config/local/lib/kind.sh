# shellcheck shell=bash
# The cluster where a Docker engine answers: kind.

KIND_NAME=runnerhub
KIND_FOLDER=$CACHE/kind

engine_answers() { command -v docker >/dev/null && timeout 10 docker info >/dev/null 2>&1; }

kind() { "$KIND_BIN/kind" "$@"; }

kind_exists() { kind get clusters 2>/dev/null | grep -qx "$KIND_NAME"; }

kind_kubectl() { "$(kubectl_binary)" --kubeconfig "$KIND_FOLDER/kubeconfig" --request-timeout=10s "$@"; }

kind_up() {
  ensure_kubectl
  ensure_binaries kind
  mkdir -p "$KIND_FOLDER/audit"
  if kind_exists; then
    docker start "$KIND_NAME-control-plane" >/dev/null # a restart of the engine may have stopped it
  else
    cp "$HERE/audit-policy.yaml" "$KIND_FOLDER/"
    # Ours before it is the API server's, which keeps owner and mode: so we can read it.
    : >>"$KIND_FOLDER/audit/audit.log"
    sed "s|@FOLDER@|$KIND_FOLDER|" "$HERE/kind/cluster.yaml" >"$KIND_FOLDER/cluster.yaml"
    kind create cluster --name "$KIND_NAME" --config "$KIND_FOLDER/cluster.yaml" --kubeconfig "$KIND_FOLDER/kubeconfig" --wait 180s >&2
  fi
  kind get kubeconfig --name "$KIND_NAME" >"$KIND_FOLDER/kubeconfig"
  chmod 600 "$KIND_FOLDER/kubeconfig"
  kind_kubectl wait --for=condition=Ready node --all --timeout=120s >&2 || die "the kind cluster is not ready; \`down\` and \`up\` make a new one"
  say "the cluster is ready: $KIND_FOLDER/kubeconfig"
}

kind_down() {
  ensure_binaries kind
  kind delete cluster --name "$KIND_NAME" --kubeconfig "$KIND_FOLDER/kubeconfig" >&2
  # What the API server wrote may belong to root.
  rm -rf -- "$KIND_FOLDER" || say "warning: cannot remove all of $KIND_FOLDER"
}

kind_status() { kind_kubectl get --raw /readyz && printf '\n' && kind_kubectl get nodes && printf 'kubeconfig %s\n' "$KIND_FOLDER/kubeconfig"; }

kind_kubeconfig() {
  [[ -r $KIND_FOLDER/kubeconfig ]] || die "no cluster is running: start one with \`up\`"
  printf '%s\n' "$KIND_FOLDER/kubeconfig"
}

kind_env() {
  print_env KUBECONFIG "$(kind_kubeconfig)"
  print_env RUNNERHUB_CLUSTER_KIND kind
  print_env RUNNERHUB_AUDIT_LOG "$KIND_FOLDER/audit/audit.log"
  print_env RUNNERHUB_BASE_IMAGE "${RUNNERHUB_BASE_IMAGE:-$PUBLIC_BASE_IMAGE}"
}

kind_load_image() { kind load image-archive "$1" --name "$KIND_NAME"; }
