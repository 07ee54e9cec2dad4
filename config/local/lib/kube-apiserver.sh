# shellcheck shell=bash
# shellcheck disable=SC2034  # COMMAND, FILES and PORTS are read by part.sh
# kube-apiserver, on the bridge's address only: nothing outside the machine reaches it.

# shellcheck disable=SC2054  # the comma belongs to a flag
kube_apiserver_command() {
  PORTS=("$API_PORT")
  FILES=("$PKI"/{ca,kube-apiserver,etcd-client,front-proxy-ca,front-proxy}.crt "$PKI/service-account.pub")
  COMMAND=("$KUBERNETES_BIN/kube-apiserver"
    --bind-address="$API_ADDRESS" --advertise-address="$API_ADDRESS" --secure-port="$API_PORT"
    --tls-cert-file="$PKI/kube-apiserver.crt" --tls-private-key-file="$PKI/kube-apiserver.key" --client-ca-file="$PKI/ca.crt"
    --etcd-servers="https://127.0.0.1:$ETCD_PORT" --etcd-cafile="$PKI/etcd-ca.crt"
    --etcd-certfile="$PKI/etcd-client.crt" --etcd-keyfile="$PKI/etcd-client.key"
    --service-account-issuer=https://kubernetes.default.svc.cluster.local
    --service-account-key-file="$PKI/service-account.pub" --service-account-signing-key-file="$PKI/service-account.key"
    --service-cluster-ip-range="$SERVICE_NETWORK" --allow-privileged
    --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction,OwnerReferencesPermissionEnforcement
    --requestheader-client-ca-file="$PKI/front-proxy-ca.crt" --requestheader-allowed-names=front-proxy
    --requestheader-username-headers=X-Remote-User --requestheader-group-headers=X-Remote-Group
    --requestheader-extra-headers-prefix=X-Remote-Extra-
    --proxy-client-cert-file="$PKI/front-proxy.crt" --proxy-client-key-file="$PKI/front-proxy.key")
  [[ $AUDIT != yes ]] || audit_flags
  if [[ $WITH_NODE == yes ]]; then kubelet_flags; else COMMAND+=(--endpoint-reconciler-type=none); fi
}

# Tests count writes in this log, so it must not rotate away under them.
audit_flags() {
  FILES+=("$STATE/audit-policy.yaml")
  COMMAND+=(--audit-policy-file="$STATE/audit-policy.yaml" --audit-log-path="$STATE/audit.log"
    --audit-log-maxsize=1024 --audit-log-maxbackup=1)
}

kubelet_flags() {
  FILES+=("$PKI/kubelet-caller.crt")
  COMMAND+=(--kubelet-client-certificate="$PKI/kubelet-caller.crt" --kubelet-client-key="$PKI/kubelet-caller.key"
    --kubelet-certificate-authority="$PKI/ca.crt" --kubelet-preferred-address-types=InternalIP)
}

kube_apiserver_healthy() {
  curl -sf --noproxy '*' --max-time 3 --cacert "$PKI/ca.crt" "https://$API_ADDRESS:$API_PORT/readyz" | grep -qx ok
}
