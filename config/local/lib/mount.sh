# shellcheck shell=bash

# Unmounts everything below the state folder, innermost first.
unmount_state() {
  local target
  awk -v below="$STATE/" 'index($5, below) == 1 {print $5}' /proc/self/mountinfo | sort -r | while read -r target; do
    umount "$target" 2>/dev/null || umount --lazy "$target" || true
  done
}
