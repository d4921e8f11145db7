//! Finds the etcd and kube-apiserver that `tests/cluster/build` built or that someone else did.

use std::{
    env, fmt,
    path::{Path, PathBuf},
    process::Command,
};

use sha2::{Digest, Sha256};

/// What the build depends on, in the order in which the script hashes it.
const BUILD_INPUTS: [&[u8]; 10] = [
    include_bytes!("../../../cluster/build"),
    include_bytes!("../../../cluster/etcd/go.mod"),
    include_bytes!("../../../cluster/etcd/go.sum"),
    include_bytes!("../../../cluster/etcd/main.go"),
    include_bytes!("../../../cluster/kube-apiserver/go.mod"),
    include_bytes!("../../../cluster/kube-apiserver/go.sum"),
    include_bytes!("../../../cluster/kube-apiserver/main.go"),
    include_bytes!("../../../cluster/kubectl/go.mod"),
    include_bytes!("../../../cluster/kubectl/go.sum"),
    include_bytes!("../../../cluster/kubectl/main.go"),
];

const ETCD_MODULES: &str = include_str!("../../../cluster/etcd/go.mod");
const KUBERNETES_MODULES: &str = include_str!("../../../cluster/kube-apiserver/go.mod");

/// Where the programs of a real cluster are.
#[derive(Clone, Debug)]
pub struct Binaries {
    /// The server of etcd.
    pub etcd: PathBuf,
    /// The API server.
    pub kube_apiserver: PathBuf,
}

/// Programs of a real cluster are in neither place.
#[derive(Debug)]
pub struct BinariesMissing {
    programs: &'static str,
    /// What builds them.
    build: &'static str,
    folder: Option<PathBuf>,
}

impl fmt::Display for BinariesMissing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "no {} in KUBEBUILDER_ASSETS", self.programs)?;
        if let Some(folder) = &self.folder {
            write!(formatter, " or {}", folder.display())?;
        }
        write!(formatter, ": run {} (it needs Go)", self.build)
    }
}

impl std::error::Error for BinariesMissing {}

impl Binaries {
    /// Looks in `KUBEBUILDER_ASSETS`, then where `tests/cluster/build` puts what it builds.
    pub fn find() -> Result<Self, BinariesMissing> {
        search(Self::in_folder).map_err(|folder| BinariesMissing {
            programs: "etcd and kube-apiserver",
            build: "tests/cluster/build",
            folder,
        })
    }

    /// Looks for kubectl in the same places. A cluster runs without it.
    pub fn kubectl() -> Result<PathBuf, BinariesMissing> {
        let in_folder = |folder: &Path| Some(folder.join("kubectl")).filter(|path| path.is_file());
        search(in_folder).map_err(|folder| BinariesMissing {
            programs: "kubectl",
            build: "tests/cluster/build kubectl",
            folder,
        })
    }

    /// Whether a test that needs them can run. Where they are missing it says so on standard error.
    ///
    /// # Panics
    /// Where they are missing although they are required: `CI=true`, or `AKS_KMS_REQUIRE` names
    /// `cluster`.
    #[must_use]
    pub fn available() -> bool {
        are_there(Self::find())
    }

    /// Whether a test that needs them from this minor version on can run. It says the same, and which
    /// version there is.
    ///
    /// # Panics
    /// As [`available`](Self::available) does.
    #[must_use]
    #[expect(clippy::print_stderr, reason = "what is left out is said where a person sees it")]
    pub fn available_since(minor: u32) -> bool {
        let Some(there) = Self::find().ok().and_then(|found| found.minor_version().ok()) else {
            return Self::available();
        };
        if there < minor {
            eprintln!("left out: it needs Kubernetes 1.{minor}, and this is 1.{there}");
        }
        there >= minor
    }

    /// The minor version of the API server.
    ///
    /// # Errors
    /// It cannot be run, or does not say.
    pub fn minor_version(&self) -> Result<u32, String> {
        let program = self.kube_apiserver.display();
        let output = Command::new(&self.kube_apiserver).arg("--version").output();
        let output = output.map_err(|error| format!("{program} --version: {error}"))?;
        let said = String::from_utf8_lossy(&output.stdout);
        minor_in(&said).ok_or_else(|| format!("{program} --version says {:?}", said.trim()))
    }

    /// Whether a test that needs kubectl, too, can run. It says the same.
    ///
    /// # Panics
    /// As [`available`](Self::available) does.
    #[must_use]
    pub fn available_with_kubectl() -> bool {
        Self::available() && are_there(Self::kubectl())
    }

    fn in_folder(folder: &Path) -> Option<Self> {
        let found =
            Self { etcd: folder.join("etcd"), kube_apiserver: folder.join("kube-apiserver") };
        (found.etcd.is_file() && found.kube_apiserver.is_file()).then_some(found)
    }
}

#[expect(clippy::print_stderr, reason = "what is left out is said where a person sees it")]
fn are_there<T>(found: Result<T, BinariesMissing>) -> bool {
    let Err(missing) = found else { return true };
    let required = env::var("AKS_KMS_REQUIRE").is_ok_and(|list| list.contains("cluster"))
        || env::var("CI").is_ok_and(|value| value == "true");
    assert!(!required, "{missing}");
    eprintln!("left out: {missing}");
    false
}

/// What is in one of the two folders; `Err`: the one where a build would put it.
fn search<T>(in_folder: impl Fn(&Path) -> Option<T>) -> Result<T, Option<PathBuf>> {
    let prebuilt = env::var_os("KUBEBUILDER_ASSETS").map(PathBuf::from);
    if let Some(found) = prebuilt.as_deref().and_then(&in_folder) {
        return Ok(found);
    }
    let folder = cache_folder();
    folder.as_deref().and_then(in_folder).ok_or(folder)
}

/// The folder that `tests/cluster/build` prints, by the same rule.
fn cache_folder() -> Option<PathBuf> {
    let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = set("AKS_KMS_CACHE")
        .or_else(|| set("XDG_CACHE_HOME").map(|cache| cache.join("aks-kms")))
        .or_else(|| set("HOME").map(|home| home.join(".cache/aks-kms")))?;
    let kubernetes = module_version(KUBERNETES_MODULES, "k8s.io/kubernetes")?;
    let etcd = module_version(ETCD_MODULES, "go.etcd.io/etcd/server/v3")?;
    let hash = BUILD_INPUTS.iter().fold(Sha256::new(), Sha256::chain_update).finalize();
    let hash = hash[..6].iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
    Some(cache.join(format!("cluster-{kubernetes}-{etcd}-{hash}")))
}

/// The minor version in `Kubernetes v1.36.3`.
fn minor_in(said: &str) -> Option<u32> {
    said.trim().strip_prefix("Kubernetes v1.")?.split('.').next()?.parse().ok()
}

/// The version that a `go.mod` requires of a module.
fn module_version<'a>(modules: &'a str, module: &str) -> Option<&'a str> {
    modules.lines().find_map(|line| {
        let mut words = line.trim_start_matches("require ").split_whitespace();
        (words.next() == Some(module)).then(|| words.next()).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_come_from_the_module_files() {
        let modules = "module m\n\nrequire one v1.2.3\n\nrequire (\n\ttwo v0.1.0\n\tthree v3.0.0 // indirect\n)\n";
        assert_eq!(module_version(modules, "one"), Some("v1.2.3"));
        assert_eq!(module_version(modules, "three"), Some("v3.0.0"));
        assert_eq!(module_version(modules, "four"), None);
    }

    #[test]
    fn the_minor_version_is_what_the_api_server_says() {
        assert_eq!(minor_in("Kubernetes v1.36.3\n"), Some(36));
        assert_eq!(minor_in("Kubernetes v1.20.2"), Some(20));
        for other in ["", "Kubernetes", "etcd Version: 3.6.16", "Kubernetes v2.1.0"] {
            assert_eq!(minor_in(other), None, "{other}");
        }
    }

    /// The script prints the folder as its last line, and does so without building when all is there.
    #[test]
    fn the_build_script_names_the_same_folder() {
        let cache = tempfile::tempdir().unwrap();
        let kubernetes = module_version(KUBERNETES_MODULES, "k8s.io/kubernetes").unwrap();
        let expected = cache_folder().unwrap();
        let name = expected.file_name().unwrap();
        assert!(name.to_str().unwrap().starts_with(&format!("cluster-{kubernetes}-")));
        let folder = cache.path().join(name);
        std::fs::create_dir(&folder).unwrap();
        for program in ["etcd", "kube-apiserver"] {
            let path = folder.join(program);
            std::fs::write(&path, "").unwrap();
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
            std::fs::set_permissions(&path, mode).unwrap();
        }
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../cluster/build");
        let output = std::process::Command::new(script)
            .env("AKS_KMS_CACHE", cache.path())
            .env_remove("KUBEBUILDER_ASSETS")
            .output()
            .unwrap();
        assert!(output.status.success());
        assert_eq!(String::from_utf8(output.stdout).unwrap().trim(), folder.to_str().unwrap());
    }
}
