# shellcheck shell=bash
# The state folder: one per cluster, marked, so that nothing else is ever removed.

ensure_state() {
  if [[ -d $STATE && ! -e $STATE/.runnerhub-local && -n $(ls -A "$STATE") ]]; then
    die "$STATE holds other files; choose an empty folder"
  fi
  mkdir -p "$STATE"/{parts,logs}
  chmod 700 "$STATE"
  touch "$STATE/.runnerhub-local"
  # A copy, so that the cluster does not need the clone it was started from.
  cmp -s "$HERE/audit-policy.yaml" "$STATE/audit-policy.yaml" || cp "$HERE/audit-policy.yaml" "$STATE/"
}

has_state() { [[ -e $STATE/.runnerhub-local ]]; }

remove_state() {
  ! has_state || rm -rf --one-file-system -- "${STATE:?}"
}
