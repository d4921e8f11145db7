//! A program that knows nothing of `kube`.

use aks_kms::{ClusterId, KmsManager};

fn main() {
    let cluster = ClusterId::new("8ecadfc9-d1a3-4ea4-b844-0d9f87e4d7c8", "shop", "production");
    let _ = KmsManager::builder(cluster.expect("three names"));
}
