# shellcheck shell=bash
# shellcheck disable=SC2034  # COMMAND, FILES and PORTS are read by part.sh
# etcd, the API server's store. It syncs to disk as in production: an API write
# costs here what it costs there.

etcd_command() {
  local client=https://127.0.0.1:$ETCD_PORT peer=https://127.0.0.1:$ETCD_PEER_PORT
  PORTS=("$ETCD_PORT" "$ETCD_PEER_PORT")
  FILES=("$PKI/etcd.crt" "$PKI/etcd-ca.crt")
  COMMAND=("$KUBERNETES_BIN/etcd" --name=local --data-dir="$STATE/etcd" --log-level=warn
    --listen-client-urls="$client" --advertise-client-urls="$client"
    --listen-peer-urls="$peer" --initial-advertise-peer-urls="$peer" --initial-cluster="local=$peer"
    --cert-file="$PKI/etcd.crt" --key-file="$PKI/etcd.key" --client-cert-auth --trusted-ca-file="$PKI/etcd-ca.crt"
    --peer-cert-file="$PKI/etcd.crt" --peer-key-file="$PKI/etcd.key" --peer-client-cert-auth --peer-trusted-ca-file="$PKI/etcd-ca.crt")
}

etcd_healthy() {
  curl -sf --noproxy '*' --max-time 3 --cacert "$PKI/etcd-ca.crt" --cert "$PKI/etcd-client.crt" --key "$PKI/etcd-client.key" \
    "https://127.0.0.1:$ETCD_PORT/health" | grep -q '"health":"true"'
}
