# shellcheck shell=bash
# shellcheck disable=SC2034  # COMMAND, FILES and PORTS are read by part.sh
# A containerd of our own: configuration, data and socket in the state folder,
# beside any other that the machine may run.

containerd_command() {
  PORTS=()
  FILES=("$STATE/containerd.toml")
  COMMAND=("$(command -v containerd)" --config "$STATE/containerd.toml" --log-level warn)
}

containerd_prepare() {
  # What it keeps here is about processes, none of which outlives the kernel they ran on.
  [[ $(cat "$STATE/run/boot" 2>/dev/null) == "$BOOT_ID" ]] || rm -rf --one-file-system -- "${STATE:?}/run"
  mkdir -p "$STATE/run"
  printf '%s\n' "$BOOT_ID" >"$STATE/run/boot"
}

write_containerd_config() {
  keep_file "$STATE/containerd.toml" <<END
version = 2
root = "$STATE/containerd"
state = "$STATE/run/containerd"
disabled_plugins = ["io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs", "io.containerd.tracing.processor.v1.otlp"]

[grpc]
address = "$STATE/containerd.sock"

[plugins."io.containerd.internal.v1.opt"]
path = "$STATE/containerd/opt"

[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "$PAUSE_IMAGE"
stream_server_address = "127.0.0.1"
netns_mounts_under_state_dir = true
# Root in a container lacks the right to lower the score, and runc would die trying.
restrict_oom_score_adj = true

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
Root = "$STATE/run/runc"

[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "$CNI_PLUGINS"
conf_dir = "$STATE/cni/net.d"
END
}

containers() { ctr --address "$STATE/containerd.sock" --namespace k8s.io "$@"; }

containerd_healthy() { containers --timeout 3s version >/dev/null; }

stop_shims() {
  local pid socket
  for pid in $(marked_pids containerd); do kill -s KILL "$pid" 2>/dev/null || true; done
  # Shims ignore the configured folder and keep their sockets here; a socket that no process holds is useless.
  for socket in /run/containerd/s/*; do
    grep -qF -- "$socket" /proc/net/unix || rm -f -- "$socket"
  done
  rmdir /run/containerd/s /run/containerd 2>/dev/null || true
}
