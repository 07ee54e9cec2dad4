# shellcheck shell=bash
# Every file of this folder, in an order in which each finds what it reads at once.

for file in say settings state process part certificate build packages \
  etcd kube-apiserver kube-controller-manager kube-scheduler \
  network firewall cgroup containerd kubelet kube-proxy coredns mount \
  builder images pause-image base-image lock smoke local given kind; do
  # shellcheck source=/dev/null
  . "$HERE/lib/$file.sh"
done
unset file
