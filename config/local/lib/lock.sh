# shellcheck shell=bash

# One `up` or `down` at a time on a machine; held until this script ends.
lock_machine() {
  local file=/run/lock/runnerhub-local.lock
  mkdir -p /run/lock
  exec {machine_lock}>"$file"
  flock -n "$machine_lock" || { say "waiting for another \`up\` or \`down\`" && flock "$machine_lock"; }
}
