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
  keep_file "$STATE/audit-policy.yaml" <"$HERE/audit-policy.yaml"
}

# Writes stdin to file $1, unless it says so already: parts watch their configuration.
keep_file() {
  (umask 077 && cat >"$1.new")
  if cmp -s "$1.new" "$1"; then rm "$1.new"; else mv "$1.new" "$1"; fi
}

has_state() { [[ -e $STATE/.runnerhub-local ]]; }

remove_state() {
  ! has_state || rm -rf --one-file-system -- "${STATE:?}"
}
