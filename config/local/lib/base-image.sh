# shellcheck shell=bash
# The image runner pods start from where no registry answers.

DEBIAN=bookworm
BASE_PACKAGES=ca-certificates,libstdc++6

# Debian's essential packages (a shell, coreutils) and what the runner's binaries link to.
# shellcheck disable=SC2016  # $1 is the hook's own
base_image() { # WORK-FOLDER ARCHIVE
  local container
  mmdebstrap --quiet --variant=essential --include="$BASE_PACKAGES" \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/info/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    --dpkgopt='path-exclude=/usr/share/i18n/*' \
    --customize-hook='rm -rf "$1"/var/cache/* "$1"/var/log/* "$1"/usr/share/lintian' \
    "$DEBIAN" "$1/root.tar"
  container=$(builder from scratch)
  builder add -q "$container" "$1/root.tar" / >/dev/null
  builder config --cmd /bin/sh --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$container"
  builder commit -q --rm "$container" "$BASE_IMAGE" >/dev/null
  builder push -q "$BASE_IMAGE" "oci-archive:$2:$BASE_IMAGE"
}
