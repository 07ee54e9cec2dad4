# shellcheck shell=bash
# All pods run below one control group of ours, so that ending them needs no
# container runtime and can end nothing else.

cgroup_folders() { find /sys/fs/cgroup -maxdepth 2 -type d -name "$CGROUP"; }

ensure_cgroup() {
  local hierarchy
  if [[ -e /sys/fs/cgroup/cgroup.controllers ]]; then
    mkdir -p "/sys/fs/cgroup/$CGROUP"
    return
  fi
  for hierarchy in /sys/fs/cgroup/*/; do
    [[ -L ${hierarchy%/} ]] || mkdir -p "$hierarchy$CGROUP"
  done
}

cgroup_pids() {
  local folder
  cgroup_folders | while read -r folder; do
    find "$folder" -name cgroup.procs -exec cat {} + 2>/dev/null
  done | sort -u
}

# Ends every process of every pod; more may appear while it works.
kill_pods() {
  local pids deadline=$((SECONDS + 15))
  while pids=$(cgroup_pids) && [[ -n $pids ]]; do
    ((SECONDS < deadline)) || die "these processes of pods do not end: ${pids//$'\n'/ }"
    # shellcheck disable=SC2086  # one word per pid
    kill -s KILL $pids 2>/dev/null || true
    sleep 0.05
  done
}

remove_cgroup() {
  local folder
  cgroup_folders | while read -r folder; do
    find "$folder" -depth -type d -exec rmdir {} + 2>/dev/null || true
  done
}
