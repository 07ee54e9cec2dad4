# shellcheck shell=bash
# shellcheck disable=SC2034  # COMMAND, FILES and PORTS are read by part.sh

kubelet_command() {
  PORTS=("$KUBELET_PORT" "$KUBELET_HEALTH_PORT")
  FILES=("$STATE/kubelet.yaml" "$PKI/kubelet.kubeconfig" "$PKI/kubelet-server.crt")
  COMMAND=("$KUBERNETES_BIN/kubelet" --config="$STATE/kubelet.yaml" --kubeconfig="$PKI/kubelet.kubeconfig"
    --hostname-override="$NODE_NAME" --node-ip="$NODE_ADDRESS" --root-dir="$STATE/kubelet" --cert-dir="$STATE/kubelet/pki")
}

# Images cannot be pulled again, so nothing may collect them as garbage. Pods see a changed Secret after some seconds
# in place of a minute.
write_kubelet_config() {
  keep_file "$STATE/kubelet.yaml" <<END
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: $NODE_ADDRESS
port: $KUBELET_PORT
healthzBindAddress: 127.0.0.1
healthzPort: $KUBELET_HEALTH_PORT
tlsCertFile: $PKI/kubelet-server.crt
tlsPrivateKeyFile: $PKI/kubelet-server.key
authentication:
  anonymous: {enabled: false}
  webhook: {enabled: true}
  x509: {clientCAFile: $PKI/ca.crt}
authorization: {mode: Webhook}
containerRuntimeEndpoint: unix://$STATE/containerd.sock
cgroupDriver: cgroupfs
cgroupRoot: /$CGROUP
failCgroupV1: false
failSwapOn: false
clusterDNS: [$NODE_ADDRESS]
clusterDomain: cluster.local
podLogsDir: $STATE/pod-logs
volumePluginDir: $STATE/kubelet/volume-plugins
maxPods: 200
syncFrequency: 5s
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
evictionHard: {memory.available: 50Mi, nodefs.available: 1%, imagefs.available: 1%, nodefs.inodesFree: 1%, imagefs.inodesFree: 1%}
END
}

# Ready, and reported by this kubelet: the API server keeps the last status of its predecessor.
kubelet_healthy() {
  local ready heartbeat
  curl -sf --noproxy '*' --max-time 3 "http://127.0.0.1:$KUBELET_HEALTH_PORT/healthz" | grep -qx ok || return 1
  read -r ready heartbeat < <(kube --request-timeout=3s get node "$NODE_NAME" \
    -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status} {.status.conditions[?(@.type=="Ready")].lastHeartbeatTime}') || true
  [[ $ready == True ]] && (($(date -d "$heartbeat" +%s) >= $(stat -c %Y "$STATE/parts/kubelet.pid")))
}

# The kubelet keeps these outside its root in any configuration.
remove_kubelet_leftovers() {
  local link
  for link in /var/log/containers/*.log; do
    [[ $(readlink "$link") != "$STATE"/* ]] || rm -f -- "$link"
  done
  rmdir /var/log/containers 2>/dev/null || true
  rm -f /var/lib/kubelet/device-plugins/{kubelet.sock,DEPRECATION}
  rmdir /var/lib/kubelet/device-plugins /var/lib/kubelet 2>/dev/null || true
}
