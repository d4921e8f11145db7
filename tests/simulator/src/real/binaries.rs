//! Finds the etcd and kube-apiserver that `tests/cluster/build` built or that someone else did.

use std::{
    env, fmt,
    path::{Path, PathBuf},
    process::Command,
};

use sha2::{Digest, Sha256};

/// What the build depends on, in the order in which the script hashes it.
const BUILD_INPUTS: [&[u8]; 13] = [
    include_bytes!("../../../cluster/build"),
    include_bytes!("../../../cluster/etcd/go.mod"),
    include_bytes!("../../../cluster/etcd/go.sum"),
    include_bytes!("../../../cluster/etcd/main.go"),
    include_bytes!("../../../cluster/kube-apiserver/go.mod"),
    include_bytes!("../../../cluster/kube-apiserver/go.sum"),
    include_bytes!("../../../cluster/kube-apiserver/main.go"),
    include_bytes!("../../../cluster/kube-apiserver-before/go.mod"),
    include_bytes!("../../../cluster/kube-apiserver-before/go.sum"),
    include_bytes!("../../../cluster/kube-apiserver-before/main.go"),
    include_bytes!("../../../cluster/kubectl/go.mod"),
    include_bytes!("../../../cluster/kubectl/go.sum"),
    include_bytes!("../../../cluster/kubectl/main.go"),
];

const ETCD_MODULES: &str = include_str!("../../../cluster/etcd/go.mod");
const KUBERNETES_MODULES: &str = include_str!("../../../cluster/kube-apiserver/go.mod");

/// Names a folder with programs of any version.
pub(super) const ASSETS: &str = "KUBEBUILDER_ASSETS";
/// The API server of the version before, beside the others.
pub(super) const BEFORE: &str = "kube-apiserver-before";

/// Where the programs of a real cluster are.
#[derive(Clone, Debug)]
pub struct Binaries {
    /// The server of etcd.
    pub etcd: PathBuf,
    /// The API server.
    pub kube_apiserver: PathBuf,
    /// The API server of the version before, if there is one.
    pub kube_apiserver_before: Option<PathBuf>,
    /// They are from `KUBEBUILDER_ASSETS`: somebody chose their version.
    pub chosen: bool,
}

/// Programs of a real cluster are in neither place.
#[derive(Debug)]
pub struct BinariesMissing {
    pub(super) programs: &'static str,
    /// What builds them.
    pub(super) build: &'static str,
    pub(super) folder: Option<PathBuf>,
}

impl fmt::Display for BinariesMissing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "no {} in {ASSETS}", self.programs)?;
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
        let in_folder = |folder: &Path, _| in_folder(folder, "kubectl");
        search(in_folder).map_err(|folder| BinariesMissing {
            programs: "kubectl",
            build: "tests/cluster/build kubectl",
            folder,
        })
    }

    fn in_folder(folder: &Path, chosen: bool) -> Option<Self> {
        Some(Self {
            etcd: in_folder(folder, "etcd")?,
            kube_apiserver: in_folder(folder, "kube-apiserver")?,
            kube_apiserver_before: in_folder(folder, BEFORE),
            chosen,
        })
    }
}

/// An API server of some version.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct ApiServerProgram {
    pub(super) path: PathBuf,
    /// As it calls itself: `v1.36.3`.
    pub(super) version: String,
    pub(super) minor: u32,
}

impl ApiServerProgram {
    /// Asks it for its version.
    pub(super) fn of(path: &Path) -> Result<Self, String> {
        let program = path.display();
        let output = Command::new(path).arg("--version").output();
        let output = output.map_err(|error| format!("{program} --version: {error}"))?;
        let said = String::from_utf8_lossy(&output.stdout);
        let (version, minor) = version_in(&said)
            .ok_or_else(|| format!("{program} --version says {:?}", said.trim()))?;
        Ok(Self { path: path.to_owned(), version: version.to_owned(), minor })
    }
}

fn in_folder(folder: &Path, program: &str) -> Option<PathBuf> {
    Some(folder.join(program)).filter(|path| path.is_file())
}

/// What is in one of the two folders, and whether that is the one that somebody chose; `Err`: the
/// one where a build would put it.
fn search<T>(in_folder: impl Fn(&Path, bool) -> Option<T>) -> Result<T, Option<PathBuf>> {
    let chosen = env::var_os(ASSETS).map(PathBuf::from);
    if let Some(found) = chosen.and_then(|folder| in_folder(&folder, true)) {
        return Ok(found);
    }
    let folder = cache_folder();
    folder.as_deref().and_then(|folder| in_folder(folder, false)).ok_or(folder)
}

/// The folder that `tests/cluster/build` prints, by the same rule.
pub(super) fn cache_folder() -> Option<PathBuf> {
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

/// `Kubernetes v1.36.3`: the version, and its minor version.
fn version_in(said: &str) -> Option<(&str, u32)> {
    let version = said.trim().strip_prefix("Kubernetes ")?;
    let minor = version.strip_prefix("v1.")?.split('.').next()?.parse().ok()?;
    Some((version, minor))
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

    /// A control plane is never more than one minor version from itself.
    #[test]
    fn the_version_before_is_one_minor_version_older() {
        let before = include_str!("../../../cluster/kube-apiserver-before/go.mod");
        let [newest, before] = [KUBERNETES_MODULES, before].map(|modules| {
            let version = module_version(modules, "k8s.io/kubernetes").unwrap();
            version_in(&format!("Kubernetes {version}")).unwrap().1
        });
        assert_eq!(before + 1, newest);
    }

    #[test]
    fn the_version_is_what_the_api_server_says() {
        assert_eq!(version_in("Kubernetes v1.36.3\n"), Some(("v1.36.3", 36)));
        assert_eq!(version_in("Kubernetes v1.20.2"), Some(("v1.20.2", 20)));
        for other in ["", "Kubernetes", "etcd Version: 3.6.16", "Kubernetes v2.1.0"] {
            assert_eq!(version_in(other), None, "{other}");
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
        let programs = ["etcd", "kube-apiserver", BEFORE, "kubectl"];
        for program in programs {
            let path = folder.join(program);
            std::fs::write(&path, "").unwrap();
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
            std::fs::set_permissions(&path, mode).unwrap();
        }
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../cluster/build");
        for asked in [&[][..], &programs] {
            let output = std::process::Command::new(script)
                .args(asked)
                .env("AKS_KMS_CACHE", cache.path())
                .env_remove(ASSETS)
                .output()
                .unwrap();
            assert!(output.status.success(), "{asked:?}");
            let printed = String::from_utf8(output.stdout).unwrap();
            assert_eq!(printed.trim(), folder.to_str().unwrap(), "{asked:?}");
        }
    }
}
