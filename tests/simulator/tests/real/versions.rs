//! A test that the chosen version of Kubernetes cannot run is left out where a person sees it.

use std::{
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Output},
};

/// This program once more, with one of its tests that needs Kubernetes 1.30.
fn run(assets: Option<&Path>, cache: &Path) -> Output {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "secrets_of_every_kind_can_be_given"])
        .env("AKS_KMS_CACHE", cache)
        .env("CI", "true")
        .env("AKS_KMS_REQUIRE", "cluster")
        .env_remove("KUBEBUILDER_ASSETS");
    if let Some(assets) = assets {
        command.env("KUBEBUILDER_ASSETS", assets);
    }
    command.output().unwrap()
}

#[test]
fn what_a_chosen_version_lacks_is_left_out_loudly_and_what_is_not_there_fails() {
    let (assets, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for program in ["etcd", "kube-apiserver"] {
        let path = assets.path().join(program);
        std::fs::write(&path, "#!/bin/sh\necho Kubernetes v1.29.6\n").unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
    }
    let chosen = run(Some(assets.path()), cache.path());
    assert!(chosen.status.success(), "{chosen:?}");
    let said = String::from_utf8(chosen.stderr).unwrap();
    let left_out =
        "secrets_of_every_kind_can_be_given: it needs Kubernetes 1.30, and this is v1.29.6";
    assert!(said.contains(&format!("left out: {left_out}")), "{said:?}");

    let missing = run(None, cache.path());
    assert!(!missing.status.success(), "{missing:?}");
}
