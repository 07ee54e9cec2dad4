# shellcheck shell=bash

pause_image() { # WORK-FOLDER ARCHIVE
  local container
  (cd "$HERE" && CGO_ENABLED=0 go build "${BUILD_FLAGS[@]}" -ldflags "$LINKER_FLAGS" -o "$1/pause" ./pause)
  container=$(builder from scratch)
  builder copy -q "$container" "$1/pause" /pause >/dev/null
  builder config --entrypoint '["/pause"]' --user 65535:65535 "$container"
  builder commit -q --rm "$container" "$PAUSE_IMAGE" >/dev/null
  builder push -q "$PAUSE_IMAGE" "oci-archive:$2:$PAUSE_IMAGE"
}
