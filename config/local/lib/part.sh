# shellcheck shell=bash
# A part is one long-running program. Its own file defines, for part `x`:
#   x_command   fills COMMAND, FILES (what it reads at start) and PORTS
#   x_healthy   succeeds when it does its work
#   x_prepare   optional, runs before it is started

STARTED=() # since this script began

describe_part() {
  COMMAND=() FILES=() PORTS=()
  "${1//-/_}_command"
}

# Changes when the part would be started differently: another version, flag or certificate.
fingerprint() {
  { printf '%s\0' "${COMMAND[@]}" && cat -- "${FILES[@]}" /dev/null; } | sha256sum
}

log_tail() {
  printf '%s\n' "--- last lines of $STATE/logs/$1.log" >&2
  tail -n "${2:-15}" "$STATE/logs/$1.log" >&2 2>/dev/null || true
}

check_ports_free() { # PART
  local port owner
  for port in "${PORTS[@]}"; do
    port_becomes_free "$port" || {
      owner=$(ss -Hltnp "sport = :$port" 2>/dev/null | sed -n 's/.*users:((\("[^"]*"\),pid=\([0-9]*\).*/ by \1 (pid \2)/p' | head -n 1)
      die "port $port, which $1 needs, is taken$owner; end that process or set RUNNERHUB_LOCAL_PORTS to the first of 12 free ports"
    }
  done
}

# A process that was just killed counts as ended some moments before the kernel takes its sockets away.
port_becomes_free() { # PORT
  local deadline=$((SECONDS + 5))
  until [[ -z $(ss -Hltn "sport = :$1") ]]; do
    ((SECONDS < deadline)) || return 1
    sleep 0.05
  done
}

# Starts the part unless it already runs exactly as it would be started now.
start_part() {
  local part=$1 print log=$STATE/logs/$1.log
  describe_part "$part"
  print=$(fingerprint)
  if part_pid "$part" >/dev/null; then
    [[ $print != "$(cat "$STATE/parts/$part.fingerprint" 2>/dev/null)" ]] || return 0
    say "the configuration of $part has changed: restarting it"
    stop_part "$part"
  elif [[ -e $STATE/parts/$part.pid ]]; then
    say "$part is not running: starting it again"
  fi
  end_strays "$part"
  check_ports_free "$part"
  if declare -F "${part//-/_}_prepare" >/dev/null; then "${part//-/_}_prepare"; fi
  if [[ -e $log ]] && (($(stat -c %s "$log") > 64 << 20)); then mv "$log" "$log.old"; fi
  printf '%s\n' "$print" >"$STATE/parts/$part.fingerprint"
  launch "$part"
  STARTED+=("$part")
}

part_healthy() { part_pid "$1" >/dev/null && "${1//-/_}_healthy" 2>/dev/null; }

# Prints which of these parts are healthy. All are asked at once: each may wait for an answer.
healthy_parts() {
  local part
  for part in "$@"; do
    (! part_healthy "$part" || printf '%s\n' "$part") &
  done
  wait
}

# Waits until the part is healthy, for $2 seconds at most or until it dies.
wait_healthy() {
  local deadline=$((SECONDS + $2))
  until part_healthy "$1"; do
    part_pid "$1" >/dev/null && ((SECONDS < deadline)) || return 1
    sleep 0.1
  done
}

# For how many seconds a part may be unhealthy before it is started again: long when it is new.
patience() {
  local age=$(($(date +%s) - $(stat -c %Y "$STATE/parts/$1.pid")))
  printf '%s\n' $((age < 50 ? 60 - age : 10))
}

# Brings a part to health: started if dead, restarted if it stays unhealthy.
ensure_part() {
  local part=$1 try
  for try in 1 2 3; do
    start_part "$part"
    ! wait_healthy "$part" "$(patience "$part")" || return 0
    say "$part is not healthy (attempt $try of 3)"
    stop_part "$part"
  done
  log_tail "$part"
  die "$part does not become healthy"
}
