# shellcheck shell=bash
# shellcheck disable=SC2034  # COMMAND, FILES and PORTS are read by part.sh
# kube-proxy, configured not to change the kernel's connection tracking settings.

kube_proxy_command() {
  PORTS=("$PROXY_HEALTH_PORT" "$PROXY_METRICS_PORT")
  FILES=("$STATE/kube-proxy.yaml" "$PKI/kube-proxy.kubeconfig")
  COMMAND=("$KUBERNETES_BIN/kube-proxy" --config="$STATE/kube-proxy.yaml" --hostname-override="$NODE_NAME")
}

write_kube_proxy_config() {
  keep_file "$STATE/kube-proxy.yaml" <<END
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: iptables
bindAddress: $NODE_ADDRESS
healthzBindAddress: 127.0.0.1:$PROXY_HEALTH_PORT
metricsBindAddress: 127.0.0.1:$PROXY_METRICS_PORT
clientConnection: {kubeconfig: $PKI/kube-proxy.kubeconfig}
clusterCIDR: $POD_NETWORK
nodePortAddresses: [$POD_NETWORK]
iptables: {localhostNodePorts: false}
conntrack: {maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}
END
}

# Besides its own health check, the API's Service must lead to the API.
kube_proxy_healthy() {
  curl -sf --noproxy '*' --max-time 3 -o /dev/null "http://127.0.0.1:$PROXY_HEALTH_PORT/healthz" &&
    curl -sf --noproxy '*' --max-time 3 --cacert "$PKI/ca.crt" "https://$API_SERVICE_ADDRESS/livez" | grep -qx ok
}
