# shellcheck shell=bash
# Processes, known by pid, start time and boot: a pid alone may be reused.

BOOT_ID=$(</proc/sys/kernel/random/boot_id)

# Start time of process $1 in clock ticks since boot; fails if there is none.
process_start_time() {
  local stat fields
  { stat=$(<"/proc/$1/stat"); } 2>/dev/null || return 1
  read -ra fields <<<"${stat##*) }" # the name in parentheses may hold spaces
  [[ ${fields[0]} != Z ]] || return 1
  printf '%s\n' "${fields[19]}"
}

is_process() { # PID START BOOT
  [[ $3 == "$BOOT_ID" ]] && [[ $(process_start_time "$1") == "$2" ]]
}

# Pid of part $1 while that very process is alive.
part_pid() {
  local pid start boot
  { read -r pid start boot <"$STATE/parts/$1.pid"; } 2>/dev/null || return 1
  is_process "$pid" "$start" "$boot" || return 1
  printf '%s\n' "$pid"
}

# Runs "${COMMAND[@]}" as part $1, apart from our terminal, descriptors and environment.
launch() {
  local part=$1 log=$STATE/logs/$1.log pid
  (
    for fd in /proc/"$BASHPID"/fd/*; do # a lock held by a daemon would never be released
      fd=${fd##*/}
      ((fd < 3)) || eval "exec $fd>&-"
    done
    # GOGC may trade memory for CPU: see https://pkg.go.dev/runtime#hdr-Environment_Variables
    exec setsid env -i ${GOGC:+GOGC="$GOGC"} PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
      HOME="$STATE" RUNNERHUB_LOCAL_PART="$STATE:$part" "${COMMAND[@]}" </dev/null >>"$log" 2>&1
  ) &
  pid=$!
  printf '%s %s %s\n' "$pid" "$(process_start_time "$pid")" "$BOOT_ID" >"$STATE/parts/$part.pid"
}

end_process() { # PID START [SIGNAL]: asks, then insists after 4 seconds
  local pid=$1 start=$2 signal=${3:-TERM} deadline=$((SECONDS + 4))
  kill -s "$signal" "$pid" 2>/dev/null || return 0
  while is_process "$pid" "$start" "$BOOT_ID"; do
    ((SECONDS < deadline)) || kill -s KILL "$pid" 2>/dev/null || true
    sleep 0.05
  done
}

stop_part() { # PART [SIGNAL]
  local pid
  if pid=$(part_pid "$1"); then end_process "$pid" "$(process_start_time "$pid")" "${2:-TERM}"; fi
  rm -f "$STATE/parts/$1.pid"
}

# Pids that carry our mark for part $1 ('*' for all), whether or not a pid file knows them.
marked_pids() {
  local pattern="^RUNNERHUB_LOCAL_PART=$STATE:$1\$" file
  [[ $1 != '*' ]] || pattern="^RUNNERHUB_LOCAL_PART=$STATE:"
  grep -lzs -- "$pattern" /proc/[0-9]*/environ | while read -r file; do
    file=${file#/proc/}
    printf '%s\n' "${file%/environ}"
  done
}

# Ends processes of part $1 that no pid file knows: `up` may have died between
# starting one and writing its pid down. Shims belong to the pods they hold.
end_strays() {
  local pid start
  for pid in $(marked_pids "$1"); do
    [[ $(readlink "/proc/$pid/exe") != *containerd-shim* ]] || continue
    start=$(process_start_time "$pid") || continue
    end_process "$pid" "$start"
  done
}
