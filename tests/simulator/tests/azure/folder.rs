//! What the process writes, and who can read it.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use aks_kms_simulator::{Case, real::Binaries};
use serde_json::json;

const PATIENCE: Duration = Duration::from_secs(120);

/// A simulator that lets everybody read what it makes, as far as its umask goes.
struct Process(Child);

impl Process {
    fn start(temporary: &Path, arguments: &[&str]) -> Self {
        let script = r#"umask 0; exec "$0" --port 0 --time-scale 0.01 "$@""#;
        let child = Command::new("sh")
            .args(["-c", script, env!("CARGO_BIN_EXE_aks-kms-simulator")])
            .args(arguments)
            .env("TMPDIR", temporary)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn();
        Self(child.unwrap())
    }

    fn wait_for(&mut self, file: &Path) {
        let began = Instant::now();
        while !file.exists() {
            assert!(self.0.try_wait().unwrap().is_none() && began.elapsed() < PATIENCE);
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Process {
    /// As a service is ended: nothing is left of a real cluster.
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        let _ = self.0.wait();
    }
}

/// Every file and folder below a folder, with what others may do.
fn all(folder: &Path) -> Vec<(PathBuf, u32)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
            if metadata.is_symlink() {
                continue;
            }
            if metadata.is_dir() {
                folders.push(path.clone());
            }
            found.push((path, metadata.permissions().mode() & 0o777));
        }
    }
    found
}

fn assert_private(folder: &Path) -> usize {
    let found = all(folder);
    for (path, mode) in &found {
        let expected = if path.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(*mode, expected, "{}: {mode:o}", path.display());
    }
    found.len()
}

#[test]
fn nobody_else_can_read_what_it_writes() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().join("deep/simulated");
    let mut process = Process::start(temporary.path(), &["--directory", folder.to_str().unwrap()]);
    process.wait_for(&folder.join("env"));
    assert_eq!(assert_private(temporary.path()), 6, "{:?}", all(temporary.path()));

    let case: Case = serde_json::from_slice(&fs::read(folder.join("case.json")).unwrap()).unwrap();
    let env = fs::read_to_string(folder.join("env")).unwrap();
    for (name, value) in [
        ("SIMULATOR", &case.admin),
        ("SIMULATOR_TOKEN", &case.admin_token),
        ("SIMULATOR_HEADER", &folder.join("admin-header").display().to_string()),
        ("AZURE_POD_IDENTITY_AUTHORITY_HOST", &case.metadata_endpoint),
    ] {
        assert!(env.contains(&format!("export {name}='{value}'\n")), "{name}");
    }
    let header = fs::read_to_string(folder.join("admin-header")).unwrap();
    assert_eq!(header, format!("Authorization: Bearer {}\n", case.admin_token));

    // files that are there already, and may be everybody's
    drop(process);
    fs::remove_file(folder.join("env")).unwrap();
    fs::set_permissions(folder.join("case.json"), Permissions::from_mode(0o666)).unwrap();
    let mut process = Process::start(temporary.path(), &["--directory", folder.to_str().unwrap()]);
    process.wait_for(&folder.join("env"));
    assert_private(temporary.path());
}

#[test]
fn a_folder_that_others_can_use_is_refused() {
    for mode in [0o755, 0o777, 0o711] {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(mode)).unwrap();
        let temporary = tempfile::tempdir().unwrap();
        let mut process =
            Process::start(temporary.path(), &["--directory", folder.path().to_str().unwrap()]);
        let began = Instant::now();
        let status = loop {
            if let Some(status) = process.0.try_wait().unwrap() {
                break status;
            }
            assert!(began.elapsed() < PATIENCE, "it goes on with a folder of mode {mode:o}");
            std::thread::sleep(Duration::from_millis(20));
        };
        assert!(!status.success());
        let said = std::io::read_to_string(process.0.stderr.take().unwrap()).unwrap();
        assert!(said.contains("can be used by others"), "{said}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}

#[test]
fn nobody_else_can_read_what_a_real_cluster_writes() {
    if !Binaries::available() {
        return;
    }
    let temporary = tempfile::tempdir().unwrap();
    let given = temporary.path().join("given.json");
    let real = json!({ "cluster": {
        "backend": "real", "api_servers": 1, "kms": { "key": "{{key.1}}" }
    } });
    fs::write(&given, real.to_string()).unwrap();
    let clusters = temporary.path().join("clusters");
    fs::create_dir(&clusters).unwrap();
    let folder = temporary.path().join("simulated");
    let arguments = ["--directory", folder.to_str().unwrap(), "--given", given.to_str().unwrap()];
    let mut process = Process::start(&clusters, &arguments);
    process.wait_for(&folder.join("env"));
    let files = assert_private(&clusters);
    assert!(files > 15, "{:?}", all(&clusters));
}
