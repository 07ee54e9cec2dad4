# shellcheck shell=bash
# Debian packages that the cluster needs, installed only if a command is missing.

declare -A PACKAGE_OF=([containerd]=containerd [ctr]=containerd [runc]=runc [iptables-save]=iptables
  [buildah]=buildah [mmdebstrap]=mmdebstrap [ip]=iproute2 [ss]=iproute2 [curl]=curl [openssl]=openssl
  [chromium]=chromium [zsh]=zsh [fish]=fish [shellcheck]=shellcheck [modprobe]=kmod [flock]=util-linux [mount]=mount [sysctl]=procps)

ensure_commands() { # COMMAND...
  local name missing=()
  for name in "$@"; do
    command -v "$name" >/dev/null || missing+=("${PACKAGE_OF[$name]}")
  done
  install_packages "${missing[@]}"
}

ensure_cni_plugins() {
  [[ -x $CNI_PLUGINS/bridge && -x $CNI_PLUGINS/portmap && -x $CNI_PLUGINS/host-local ]] || install_packages containernetworking-plugins
}

# Services of these packages are neither needed nor wanted running: policy-rc.d says no to all of them.
install_packages() {
  (($#)) || return 0
  command -v apt-get >/dev/null || die "missing commands, and no apt-get to install them: $*"
  ((UID == 0)) || die "missing commands, which only root can install: $*"
  say "installing $*"
  local policy=/usr/sbin/policy-rc.d ours=no log=$CACHE/packages.log
  mkdir -p "$CACHE"
  if [[ ! -e $policy ]]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
    ours=yes
  fi
  if { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"; } >"$log" 2>&1; then
    [[ $ours == no ]] || rm -f "$policy"
    return
  fi
  [[ $ours == no ]] || rm -f "$policy"
  tail -n 5 "$log" >&2
  die "cannot install $*; see $log"
}

# Prints the path of promtool. Of Debian's package prometheus, which would bring a service, only this file is unpacked.
ensure_promtool() {
  local tool=$CACHE/bin/promtool log=$CACHE/promtool.log directory
  command -v promtool && return
  if [[ ! -x $tool ]]; then
    command -v apt-get >/dev/null || die "promtool is missing, and there is no apt-get to download it"
    mkdir -p "$CACHE/bin"
    directory=$(mktemp -d)
    unpack_promtool "$directory" >"$log" 2>&1 || {
      rm -rf "$directory"
      tail -n 5 "$log" >&2
      die "cannot download promtool; see $log"
    }
    mv -f "$directory/usr/bin/promtool" "$tool"
    rm -rf "$directory"
  fi
  printf '%s\n' "$tool"
}

unpack_promtool() { # DIRECTORY
  (
    cd "$1" || exit
    apt-get download prometheus || { apt-get update && apt-get download prometheus; } || exit
    dpkg-deb --fsys-tarfile prometheus_*.deb | tar -x ./usr/bin/promtool
  )
}
