# shellcheck shell=bash
# Messages for people: on stderr, so that stdout carries only what was asked for.

say() { printf '%4ds  %s\n' "$SECONDS" "$*" >&2; }

die() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}
