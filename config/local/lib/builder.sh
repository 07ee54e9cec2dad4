# shellcheck shell=bash
# buildah with a store of its own in the cache, apart from any other on the machine.

builder() {
  buildah --root "$CACHE/buildah" --runroot "$CACHE/buildah-run" --storage-driver overlay "$@"
}

# Makes the base image known to the builder, so that a Dockerfile can start from it.
ensure_base_in_builder() {
  local archive marker
  ensure_commands mmdebstrap
  ensure_base_archive
  archive=$(base_archive)
  marker=$CACHE/buildah/${archive##*/}.pulled
  [[ ! -e $marker ]] || ! builder inspect --type image "$BASE_IMAGE" >/dev/null 2>&1 || return 0
  builder pull --quiet "oci-archive:$archive" >/dev/null
  touch "$marker"
}
