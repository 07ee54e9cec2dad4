# shellcheck shell=bash
# Certificates: made once, and again when they near expiry, no longer fit their
# authority, or their request changes. Parts notice by their fingerprint.

PKI=$STATE/pki
RENEW_BEFORE=$((30 * 24 * 3600))

ensure_authority() { # NAME
  local base=$PKI/$1
  if [[ -e $base.key ]] && openssl x509 -checkend "$RENEW_BEFORE" -noout -in "$base.crt" >/dev/null 2>&1; then return; fi
  (
    umask 077
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj "/CN=runnerhub-local-$1" \
      -addext keyUsage=critical,keyCertSign,cRLSign,digitalSignature -keyout "$base.key" -out "$base.crt" 2>/dev/null
  )
}

# Still valid after the renewal margin, signed by this authority, and for the same request.
certificate_fits() { # BASE AUTHORITY REQUEST
  [[ -e $1.key && $(cat "$1.request" 2>/dev/null) == "$3" ]] &&
    openssl verify -attime "$(($(date +%s) + RENEW_BEFORE))" -CAfile "$PKI/$2.crt" "$1.crt" >/dev/null 2>&1
}

ensure_certificate() { # NAME AUTHORITY SUBJECT USAGE [SUBJECT-ALT-NAMES]
  local base=$PKI/$1 authority=$2 subject=$3 extensions
  extensions="basicConstraints=CA:FALSE"$'\n'"keyUsage=critical,digitalSignature"$'\n'"extendedKeyUsage=$4"
  [[ -z ${5:-} ]] || extensions+=$'\n'"subjectAltName=$5"
  if certificate_fits "$base" "$authority" "$subject $extensions"; then return; fi
  rm -f "$base.request" # written last, so that an interrupted renewal is done again
  (
    umask 077
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "$subject" \
      -keyout "$base.key" -out "$base.csr" 2>/dev/null
    openssl x509 -req -in "$base.csr" -CA "$PKI/$authority.crt" -CAkey "$PKI/$authority.key" -CAcreateserial \
      -days 365 -extfile <(printf '%s\n' "$extensions") -out "$base.crt" 2>/dev/null
  )
  rm -f "$base.csr"
  printf '%s\n' "$subject $extensions" >"$base.request"
}

ensure_service_account_key() {
  [[ ! -s $PKI/service-account.pub ]] || return 0
  (
    umask 077
    openssl genrsa -out "$PKI/service-account.key" 2048 2>/dev/null
    openssl rsa -in "$PKI/service-account.key" -pubout -out "$PKI/service-account.pub" 2>/dev/null
  )
}

write_kubeconfig() { # FILE CERTIFICATE-NAME
  keep_file "$1" <<END
apiVersion: v1
kind: Config
clusters:
- name: runnerhub-local
  cluster:
    server: https://$API_ADDRESS:$API_PORT
    certificate-authority-data: $(base64 -w 0 "$PKI/ca.crt")
users:
- name: $2
  user:
    client-certificate-data: $(base64 -w 0 "$PKI/$2.crt")
    client-key-data: $(base64 -w 0 "$PKI/$2.key")
contexts:
- name: runnerhub-local
  context: {cluster: runnerhub-local, user: $2}
current-context: runnerhub-local
END
}

ensure_client() { # NAME SUBJECT: a certificate, and a kubeconfig that carries it
  ensure_certificate "$1" ca "$2" clientAuth
  write_kubeconfig "$PKI/$1.kubeconfig" "$1"
}

ensure_control_plane_certificates() {
  mkdir -p "$PKI" && chmod 700 "$PKI"
  local api_names="DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local,DNS:localhost"
  ensure_authority ca
  ensure_authority etcd-ca # its own: no client of the API server may reach the store
  ensure_authority front-proxy-ca
  ensure_service_account_key
  ensure_certificate front-proxy front-proxy-ca /CN=front-proxy clientAuth
  ensure_certificate etcd etcd-ca /CN=etcd serverAuth,clientAuth IP:127.0.0.1
  ensure_certificate etcd-client etcd-ca /CN=kube-apiserver clientAuth
  ensure_certificate kube-apiserver ca /CN=kube-apiserver serverAuth "$api_names,IP:127.0.0.1,IP:$API_ADDRESS,IP:$API_SERVICE_ADDRESS"
  ensure_client admin /O=system:masters/CN=runnerhub-local-admin
  ensure_client kube-controller-manager /CN=system:kube-controller-manager
  write_kubeconfig "$STATE/kubeconfig" admin
}

ensure_node_certificates() {
  ensure_client kube-scheduler /CN=system:kube-scheduler
  ensure_client kube-proxy /CN=system:kube-proxy
  ensure_client coredns /CN=runnerhub-local-dns
  ensure_client kubelet "/O=system:nodes/CN=system:node:$NODE_NAME"
  ensure_certificate kubelet-server ca "/O=system:nodes/CN=system:node:$NODE_NAME" serverAuth "DNS:$NODE_NAME,IP:$NODE_ADDRESS"
  ensure_certificate kubelet-caller ca /O=system:masters/CN=kube-apiserver-kubelet-client clientAuth
}
