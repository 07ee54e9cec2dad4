#!/usr/bin/env bash
# Runs one GitHub job in this pod: feeds the message that a proxy runner handed over to the runner's own Worker, copies
# what the job writes to stdout, and exits with the Worker's exit code. Needs bash, coreutils and gzip.
#
#   RUNNERHUB_MESSAGE            the frame that the proxy's Listener wrote, packed with gzip; deleted once it is read
#   RUNNERHUB_RUNNER_DIRECTORY   where the runner is installed
#   RUNNERHUB_RUNNER_VERSION     version of the proxy's runner; empty: any will do
#   RUNNERHUB_SERVER_URL         of the GitHub server
#   RUNNERHUB_GRACE_SECONDS      how long the pod may take to end after SIGTERM
#
# The protocol is described with the operator, in src/api/frame.ts. What the agent says for itself goes to stderr, and
# its last word also to the termination message, as "Reason: text" where it has a reason.
set -euo pipefail

# As process 1 of a container this shell sees no signal that it does not ask for. First of all, so that none is lost.
cancel=no interrupted=no worker='' canceller=''
trap on_signal TERM INT

# shellcheck disable=SC2317 # the trap calls it
on_signal() {
  interrupted=yes
  [[ $cancel == no ]] || return 0
  cancel=asked
  [[ -z $worker ]] || begin_cancel
}

readonly message=$RUNNERHUB_MESSAGE
readonly runner=$RUNNERHUB_RUNNER_DIRECTORY
readonly wanted_version=${RUNNERHUB_RUNNER_VERSION:-}
readonly server_url=${RUNNERHUB_SERVER_URL:-https://github.com}
readonly grace=${RUNNERHUB_GRACE_SECONDS:-30}
readonly runner_name=${RUNNERHUB_PROXY_RUNNER:-runner}
readonly repository=${RUNNERHUB_REPOSITORY:-}
readonly job_id=${RUNNERHUB_JOB_ID:-}
readonly last_word=${RUNNERHUB_TERMINATION_LOG:-/dev/termination-log}

# The job inherits what is exported. With the last of these the Worker would print the message.
unset RUNNERHUB_MESSAGE RUNNERHUB_RUNNER_DIRECTORY RUNNERHUB_RUNNER_VERSION RUNNERHUB_SERVER_URL
unset RUNNERHUB_GRACE_SECONDS RUNNERHUB_TERMINATION_LOG ACTIONS_RUNNER_PRINT_LOG_TO_STDOUT

say() {
  printf '[runnerhub] %s\n' "$1" >&2
}

# Says why the pod ends without a result of the Worker.
last_say() {
  say "$1"
  printf '%s' "$1" 2>/dev/null >"$last_word" || true
}

fail() {
  last_say "$1"
  exit 1
}

main() {
  local code
  check_runner
  write_settings
  open_pipes
  start_worker
  [[ $cancel == no ]] || begin_cancel
  feed &
  follow_pages &
  local follower=$!
  await "$worker"
  code=$awaited worker=''
  [[ -z $canceller ]] || kill "$canceller" 2>/dev/null || true
  if ((code > 128)) && [[ ! -s $last_word ]]; then
    last_say "the runner's Worker was killed by signal $((code - 128))"
  fi
  touch "$over"
  await "$follower"
  exit "$code"
}

# Waits for a process and sets `awaited` to its exit code. A signal ends a wait early, which is then begun again.
await() {
  interrupted=yes
  while [[ $interrupted == yes ]]; do
    interrupted=no awaited=0
    wait "$1" || awaited=$?
  done
}

check_runner() {
  [[ -x $runner/bin/Runner.Worker ]] || fail "there is no runner in $runner: bin/Runner.Worker is missing"
  [[ -r $message ]] || fail "the job's message is missing"
  [[ -n $wanted_version ]] || return 0
  local version
  version=$("$runner/bin/Runner.Listener" --version </dev/null 2>/dev/null | grep -Eom1 '^[0-9]+(\.[0-9]+)+$') || true
  [[ $version == "$wanted_version" ]] && return
  fail "RunnerVersionMismatch: the runner in the pod has version ${version:-unknown}, the proxy's has $wanted_version"
}

# A text as JSON. The operator lets no control characters through.
json() {
  local text=${1//\\/\\\\}
  printf '"%s"' "${text//\"/\\\"}"
}

# What the Worker needs to know of a runner that is not registered. It holds no secret.
write_settings() {
  local url=$server_url/$repository
  printf '{"agentName":%s,"workFolder":"_work","gitHubUrl":%s}\n' "$(json "$runner_name")" "$(json "$url")" \
    2>/dev/null >"$runner/.runner" || fail "the job's user cannot write to $runner"
}

# The Worker reads descriptor 3 and writes 4, the agent writes 5 and holds 6 open. A FIFO can be opened for reading
# alone only while it has a writer, so each is opened for both first. Nobody else finds them once they have no name.
open_pipes() {
  folder=$(mktemp -d "${message%/*}/agent.XXXXXX")
  fed=$folder/fed over=$folder/over
  mkfifo "$folder/in" "$folder/out"
  # shellcheck disable=SC2094 # it is a pipe
  exec 7<>"$folder/in" 3<"$folder/in" 5>"$folder/in" 7>&-
  # shellcheck disable=SC2094 # it is a pipe
  exec 7<>"$folder/out" 6<"$folder/out" 4>"$folder/out" 7>&-
  rm "$folder/in" "$folder/out"
}

start_worker() {
  cd "$runner/bin"
  ./Runner.Worker spawnclient 3 4 </dev/null 5>&- 6<&- &
  worker=$!
  # Whoever writes to the Worker then hears of its end.
  exec 3<&- 4>&-
}

# Hands the Worker its frame, for which it waits 30 seconds. Nobody can read the message after that.
feed() {
  local status=0
  gzip -dc <"$message" >&5 2>/dev/null || status=$?
  rm -f "$message"
  case $status in
    0) touch "$fed" ;;
    # The Worker ended before it read all of it, and its exit code shows why.
    141) ;;
    *)
      last_say "the job's message is damaged"
      kill -KILL "$worker"
      ;;
  esac
}

begin_cancel() {
  cancel=begun
  cancel_job &
  canceller=$!
}

# Sends the one frame that the Worker reads after the first, type 2, and kills the Worker where that is of no use.
cancel_job() {
  say "the job is to be cancelled: its runner has $grace s to end it"
  local deadline=$((SECONDS + (grace > 4 ? grace - 2 : grace - grace / 2)))
  until [[ -e $fed ]] || ((SECONDS >= deadline)); do sleep 0.1; done
  [[ ! -e $fed ]] || printf '\2\0\0\0\0\0\0\0' 2>/dev/null >&5 || true
  while ((SECONDS < deadline)); do sleep 0.2; done
  last_say "the runner's Worker did not end within the grace period of $grace s and was killed"
  kill -KILL "$worker" 2>/dev/null || true
}

# Copies the pages of the job's log to stdout: masked, as GitHub gets them, and numbered from 1. The runner begins one
# when the one before is full and closed, and deletes each when it has sent it: so each is opened as soon as it is there.
# One that is followed by another, or whose Worker has ended, is complete.
follow_pages() {
  local LC_ALL=C number=0 is_over=no page
  shopt -s nullglob
  exec 5>&- 6<&-
  until [[ $is_over == yes ]]; do
    # Where the agent itself was killed, nobody says when it is over.
    [[ ! -e $over && -d /proc/$$ ]] || is_over=yes
    page=$(next_page "$number")
    if [[ -z $page ]]; then
      [[ $number == 0 ]] || copy_page
      [[ $is_over == yes ]] || sleep 0.2
      continue
    fi
    [[ $number == 0 ]] || copy_page
    exec 8<"$page" || continue
    number=${page##*_} number=${number%.log} is_begun=no is_over=no
  done
}

# The first page after this number.
next_page() {
  local file number best=
  for file in "$runner"/_diag/pages/*_"${job_id,,}"_*.log; do
    number=${file##*_} number=${number%.log}
    if [[ $number =~ ^[0-9]+$ ]] && ((number > $1)) && [[ -z $best || $number -lt $best ]]; then best=$number page=$file; fi
  done
  [[ -z $best ]] || printf '%s' "$page"
}

# Copies what the open page has had since last time, without the byte order mark at its beginning.
copy_page() {
  if [[ $is_begun == no ]]; then
    [[ -s /proc/self/fd/8 ]] || return 0
    local mark
    IFS= read -r -N 3 -u 8 mark || true
    [[ $mark == $'\xef\xbb\xbf' ]] || printf '%s' "$mark"
    is_begun=yes
  fi
  cat <&8
}

main "$@"
