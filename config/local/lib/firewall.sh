# shellcheck shell=bash
# Removes what kube-proxy, the kubelet and the CNI plugins left in iptables.
# Everything of theirs is in chains named KUBE-* or CNI-*, or jumps to one.

# Reads iptables-save output, writes what iptables-restore --noflush needs to undo our part of it.
firewall_undo() {
  awk '
    /^\*/ { table = $0; chains = ""; rules = ""; flushes = ""; drops = "" }
    /^:(KUBE|CNI)-/ { name = substr($1, 2); flushes = flushes "-F " name "\n"; drops = drops "-X " name "\n" }
    /^-A / && $2 !~ /^(KUBE|CNI)-/ && /-j (KUBE|CNI)-/ { sub(/^-A/, "-D"); rules = rules $0 "\n" }
    /^COMMIT/ && (rules flushes) != "" { printf "%s\n%s%s%sCOMMIT\n", table, rules, flushes, drops }
  '
}

remove_firewall() {
  local family undo
  for family in iptables ip6tables; do
    command -v "$family-save" >/dev/null || continue
    undo=$("$family-save" 2>/dev/null | firewall_undo)
    [[ -z $undo ]] || "$family-restore" --noflush <<<"$undo"
  done
}
