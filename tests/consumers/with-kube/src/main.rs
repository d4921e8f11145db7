//! A program with a `kube` of its own, on the newest version of the Kubernetes API.

use aks_kms::{ClusterId, KmsManager};
use k8s_openapi::api::core::v1::Secret;

fn main() {
    let cluster = ClusterId::new("8ecadfc9-d1a3-4ea4-b844-0d9f87e4d7c8", "shop", "production");
    let _ = KmsManager::builder(cluster.expect("three names"));
    let secrets = |client: kube::Client| kube::Api::<Secret>::default_namespaced(client);
    let _ = secrets;
}
