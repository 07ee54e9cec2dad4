# shellcheck shell=bash
# Images made here, because none can be pulled: `pause`, which holds a pod's
# namespaces, and a small Debian for runner pods. Kept as archives in the cache.

image_archive() { # NAME FILE...: where the image made from these files is kept
  local name=$1
  shift
  printf '%s/images/%s-%s.tar' "$CACHE" "$name" "$(cat "$@" | sha256sum | cut -c 1-12)"
}

pause_archive() { image_archive pause "$HERE/pause/main.go" "$HERE/lib/pause-image.sh"; }
base_archive() { image_archive base "$HERE/lib/base-image.sh"; }

ensure_pause_archive() {
  local archive
  archive=$(pause_archive)
  [[ -e $archive ]] || make_archive "$archive" pause_image
}

ensure_base_archive() {
  local archive
  archive=$(base_archive)
  [[ -e $archive ]] || make_archive "$archive" base_image
}

# Runs MAKER WORK-FOLDER ARCHIVE, and keeps the archive only if all went well.
make_archive() { # ARCHIVE MAKER
  local archive=$1 maker=$2 work started=$SECONDS
  say "making ${archive##*/} (once; cached in ${archive%/*})"
  mkdir -p "${archive%/*}"
  work=$(mktemp -d "$CACHE/image.XXXXXX")
  ( set -e; "$maker" "$work" "$work/archive.tar") || { rm -rf --one-file-system -- "$work" && die "cannot make ${archive##*/}"; }
  mv "$work/archive.tar" "$archive"
  rm -rf --one-file-system -- "$work"
  say "made ${archive##*/} in $((SECONDS - started)) s, $(($(stat -c %s "$archive") >> 20)) MiB"
}

# Brings an image into the cluster unless it is there.
ensure_image() { # NAME ARCHIVE
  containers images list -q | grep -qxF "$1" || containers images import "$2" >/dev/null || die "cannot import $2"
}
