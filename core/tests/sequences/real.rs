//! The same on a real kube-apiserver and etcd.
