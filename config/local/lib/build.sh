# shellcheck shell=bash
# Binaries, built from pinned Go modules and cached by what they are built from.

BUILD_FLAGS=(-buildvcs=false -trimpath)
LINKER_FLAGS='-s -w'

# Without these, binaries and their User-Agent say v0.0.0.
version_flags() {
  local version=${KUBERNETES_VERSION#v} package minor
  minor=${version#*.}
  for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
    printf -- '-X %s.gitVersion=v%s -X %s.gitMajor=%s -X %s.gitMinor=%s -X %s.gitCommit=v%s ' \
      "$package" "$version" "$package" "${version%%.*}" "$package" "${minor%%.*}" "$package" "$version"
  done
}

# Without these, Helm takes an offline chart to be for Kubernetes 1.20.
helm_version_flags() {
  local minor package
  minor=$(sed -n 's|^\tk8s.io/client-go v0\.\([0-9]*\)\..*|\1|p' "$HERE/helm/go.mod")
  for package in chartutil lint/rules; do
    printf -- '-X helm.sh/helm/v3/pkg/%s.k8sVersionMajor=1 -X helm.sh/helm/v3/pkg/%s.k8sVersionMinor=%s ' "$package" "$package" "$minor"
  done
  printf -- '-X helm.sh/helm/v3/internal/version.version=%s' "$(sed -n 's|^require helm.sh/helm/v3 ||p' "$HERE/helm/go.mod")"
}

# Hash of the inputs of module folder $1's binaries: its pins, our flags, the processor.
module_key() {
  { cat "$HERE/$1"/go.{mod,sum} && printf '%s\n' "${BUILD_FLAGS[*]} $LINKER_FLAGS $(version_flags)" && uname -m; } | sha256sum | cut -c 1-12
}

KUBERNETES_BIN=$CACHE/bin/kubernetes-$KUBERNETES_VERSION-$(module_key .)
DNS_BIN=$CACHE/bin/coredns-$({ module_key coredns && cat "$HERE/coredns/main.go"; } | sha256sum | cut -c 1-12)
KIND_BIN=$CACHE/bin/kind-$(module_key kind)
MONITORING_BIN=$CACHE/bin/prometheus-$({ module_key prometheus && cat "$HERE/prometheus/plugins.go"; } | sha256sum | cut -c 1-12)
ETCD_TOOLS_BIN=$CACHE/bin/etcd-tools-$(module_key etcd-tools)
S3_BIN=$CACHE/bin/versitygw-$(module_key s3)
SCORE_BIN=$CACHE/bin/kube-score-$(module_key kube-score)
HELM_BIN=$CACHE/bin/helm-$({ module_key helm && helm_version_flags; } | sha256sum | cut -c 1-12)

# Reports now and then that a long build is still at work.
with_heartbeat() { # WHAT COMMAND...
  local what=$1 started=$SECONDS pid next=30
  shift
  "$@" &
  pid=$!
  while kill -0 "$pid" 2>/dev/null; do
    ((SECONDS - started < next)) || { say "  ... $what, $((SECONDS - started)) s so far" && next=$((next + 30)); }
    sleep 0.2
  done
  wait "$pid"
}

build_binary() { # FOLDER MODULE PACKAGE [LINKER-FLAGS]
  local target=$1 module=$2 package=$3 flags=${4:-} name started=$SECONDS
  name=${target##*/}
  [[ ! -x $target ]] || return 0
  command -v go >/dev/null || die "building $name needs Go 1.26 or newer on PATH"
  say "building $name (once; cached in ${target%/*})"
  mkdir -p "${target%/*}"
  (cd "$HERE" && cd "$module" && CGO_ENABLED=0 GOFLAGS=-mod=readonly with_heartbeat "$name" \
    nice go build "${BUILD_FLAGS[@]}" -ldflags "$LINKER_FLAGS $flags" -o "$target.new.$BASHPID" "$package" &&
    mv "$target.new.$BASHPID" "$target") || die "cannot build $name"
  say "built $name in $((SECONDS - started)) s"
}

# A caller with all its binaries does not wait for another build.
ensure_binaries() { # NAME...
  local name
  for name in "$@"; do
    [[ -x $(binary_of "$name") ]] || { build_missing "$@"; return; }
  done
}

binary_of() { # NAME
  case $1 in
    coredns) printf '%s\n' "$DNS_BIN/coredns" ;;
    kind) printf '%s\n' "$KIND_BIN/kind" ;;
    helm) printf '%s\n' "$HELM_BIN/helm" ;;
    etcdctl | etcdutl) printf '%s\n' "$ETCD_TOOLS_BIN/$1" ;;
    versitygw) printf '%s\n' "$S3_BIN/versitygw" ;;
    kube-score) printf '%s\n' "$SCORE_BIN/kube-score" ;;
    prometheus*) printf '%s\n' "$MONITORING_BIN/$1" ;;
    *) printf '%s\n' "$KUBERNETES_BIN/$1" ;;
  esac
}

build_missing() { # NAME...
  local name
  mkdir -p "$CACHE"
  exec {build_lock}>"$CACHE/build.lock"
  flock -n "$build_lock" || { say "waiting for another build" && flock "$build_lock"; }
  for name in "$@"; do
    case $name in
      etcd) build_binary "$(binary_of etcd)" . go.etcd.io/etcd/server/v3 ;;
      coredns) build_binary "$(binary_of coredns)" coredns . ;;
      kind) build_binary "$(binary_of kind)" kind sigs.k8s.io/kind ;;
      helm) build_binary "$(binary_of helm)" helm helm.sh/helm/v3/cmd/helm "$(helm_version_flags)" ;;
      etcdctl | etcdutl) build_binary "$(binary_of "$name")" etcd-tools "go.etcd.io/etcd/$name/v3" ;;
      versitygw) build_binary "$(binary_of versitygw)" s3 github.com/versity/versitygw/cmd/versitygw ;;
      kube-score) build_binary "$(binary_of kube-score)" kube-score github.com/zegl/kube-score/cmd/kube-score ;;
      prometheus) build_prometheus ;;
      prometheus-operator) build_binary "$(binary_of "$name")" prometheus github.com/prometheus-operator/prometheus-operator/cmd/operator ;;
      prometheus-config-reloader) build_binary "$(binary_of "$name")" prometheus "github.com/prometheus-operator/prometheus-operator/cmd/$name" ;;
      *) build_binary "$(binary_of "$name")" . "k8s.io/kubernetes/cmd/$name" "$(version_flags)" ;;
    esac
  done
  exec {build_lock}>&-
}

# Debian's Prometheus cannot find targets in a cluster. Of all that its own can, ours has only that: the libraries of
# the other ways take many times as long to build as all the rest. So its list of plugins is replaced, in a copy, which its own go.sum pins.
build_prometheus() {
  local copy source target=$MONITORING_BIN/prometheus
  [[ ! -x $target ]] || return 0
  source=$(cd "$HERE/prometheus" && go mod download -json github.com/prometheus/prometheus | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
  copy=$(mktemp -d "$CACHE/prometheus.XXXXXX")
  cp -r --no-preserve=mode "$source" "$copy/source"
  rm "$copy"/source/plugins/*.go
  cp "$HERE/prometheus/plugins.go" "$copy/source/plugins/"
  build_binary "$target" "$copy/source" ./cmd/prometheus
  rm -rf --one-file-system -- "$copy"
}

# The kubectl on PATH if there is one, else our own.
ensure_kubectl() {
  command -v kubectl >/dev/null || ensure_binaries kubectl
  kubectl_binary >/dev/null
}

kubectl_binary() { command -v kubectl || printf '%s\n' "$KUBERNETES_BIN/kubectl"; }

kube() { "$(kubectl_binary)" --kubeconfig "$STATE/kubeconfig" --request-timeout=10s "$@"; }
