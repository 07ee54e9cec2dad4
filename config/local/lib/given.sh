# shellcheck shell=bash
# A cluster that the caller provides: used unchanged.

given_kubectl() { "$(kubectl_binary)" --kubeconfig "$(given_kubeconfig)" --request-timeout=10s "$@"; }

given_up() {
  [[ -r $RUNNERHUB_KUBECONFIG ]] || die "RUNNERHUB_KUBECONFIG is not a readable file: $RUNNERHUB_KUBECONFIG"
  ensure_kubectl
  given_kubectl get --raw /readyz >/dev/null || die "the cluster of RUNNERHUB_KUBECONFIG does not respond"
  say "using the cluster of $RUNNERHUB_KUBECONFIG"
}

given_down() { say "the cluster of RUNNERHUB_KUBECONFIG is not changed"; }

given_status() { given_kubectl get --raw /readyz && printf '\n' && given_kubectl get nodes; }

# With a context, a kubeconfig that has it as the current one, for programs that only take a file.
given_kubeconfig() {
  if [[ -z ${RUNNERHUB_CONTEXT:-} ]]; then
    printf '%s\n' "$RUNNERHUB_KUBECONFIG"
    return
  fi
  local file
  file=$CACHE/given-$(sha256sum <<<"$RUNNERHUB_KUBECONFIG $RUNNERHUB_CONTEXT" | cut -c 1-12).kubeconfig
  mkdir -p "$CACHE"
  (umask 077 && "$(kubectl_binary)" --kubeconfig "$RUNNERHUB_KUBECONFIG" --context "$RUNNERHUB_CONTEXT" \
    config view --raw --minify --flatten >"$file.$$") || die "no context $RUNNERHUB_CONTEXT in $RUNNERHUB_KUBECONFIG"
  mv "$file.$$" "$file"
  printf '%s\n' "$file"
}

given_env() {
  print_env KUBECONFIG "$(given_kubeconfig)"
  print_env RUNNERHUB_CLUSTER_KIND given
  print_env RUNNERHUB_BASE_IMAGE "${RUNNERHUB_BASE_IMAGE:-$PUBLIC_BASE_IMAGE}"
}

given_load_image() { die "images for a given cluster must be pushed to a registry that it can pull from"; }
