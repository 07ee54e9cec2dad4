# shellcheck shell=bash
# Every part of the cluster, in an order in which each finds what it needs.

for file in say settings state process part certificate build \
  etcd kube-apiserver kube-controller-manager kube-scheduler; do
  # shellcheck source=/dev/null
  . "$HERE/lib/$file.sh"
done
unset file
