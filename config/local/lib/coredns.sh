# shellcheck shell=bash
# shellcheck disable=SC2034  # COMMAND, FILES and PORTS are read by part.sh
# CoreDNS as a process on the bridge: pods cannot name another port than 53.

coredns_command() {
  PORTS=("$DNS_HEALTH_PORT" "$DNS_READY_PORT")
  FILES=("$STATE/Corefile" "$PKI/coredns.kubeconfig")
  COMMAND=("$DNS_BIN/coredns" -conf "$STATE/Corefile")
}

coredns_prepare() { kube apply -f "$STATE/coredns-role.yaml" >/dev/null; }

write_coredns_config() {
  keep_file "$STATE/coredns-role.yaml" <"$HERE/coredns/role.yaml"
  keep_file "$STATE/Corefile" <<END
.:53 {
  bind $NODE_ADDRESS
  errors
  health 127.0.0.1:$DNS_HEALTH_PORT
  ready 127.0.0.1:$DNS_READY_PORT
  kubernetes cluster.local in-addr.arpa {
    kubeconfig $PKI/coredns.kubeconfig
    fallthrough in-addr.arpa
  }
  cache 10
  forward . /etc/resolv.conf
}
END
}

# Asks for kubernetes.default.svc.cluster.local and looks for the API's Service address in the answer.
coredns_healthy() {
  local query='\x52\x48\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00' label answer expected
  for label in kubernetes default svc cluster local; do
    query+=$(printf '\\x%02x%s' "${#label}" "$label")
  done
  query+='\x00\x00\x01\x00\x01'
  # dd, because the query holds a newline: bash would send what follows as a second packet.
  answer=$(
    exec 3<>"/dev/udp/$NODE_ADDRESS/53"
    printf '%b' "$query" | dd bs=512 iflag=fullblock status=none >&3
    timeout 2 dd bs=512 count=1 status=none <&3 | od -An -v -tx1 | tr -d ' \n'
  )
  # shellcheck disable=SC2046  # four numbers
  expected=$(printf '%02x' $(tr . ' ' <<<"$API_SERVICE_ADDRESS"))
  [[ $answer == *"$expected" ]]
}
