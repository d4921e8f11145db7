//! The folder that a command runs in, and what is in it.

use std::{
    fs,
    io::{self, Write},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use super::context::Context;
use crate::files;

/// What to run, and with what.
pub(crate) struct Job {
    /// The script.
    pub(crate) command: String,
    /// Its files.
    pub(crate) context: Option<Context>,
    /// How it reaches the cluster.
    pub(crate) kubeconfig: String,
    /// The program kubectl.
    pub(crate) kubectl: PathBuf,
}

/// A folder that nobody else can read. It is gone when this is dropped.
pub(super) struct Workplace(TempDir);

impl Workplace {
    /// Makes it. What the job brings is in the home only, so that a script sees nothing else there.
    pub(super) fn new(job: Job) -> io::Result<Self> {
        let workplace = Self(files::temporary_folder("aks-kms-command-")?);
        files::make_folder(&workplace.home())?;
        files::make_folder(&workplace.programs())?;
        symlink(std::path::absolute(job.kubectl)?, workplace.programs().join("kubectl"))?;
        files::create(&workplace.kubeconfig())?.write_all(job.kubeconfig.as_bytes())?;
        if let Some(context) = job.context {
            context.unpack(&workplace.home())?;
        }
        Ok(workplace)
    }

    /// Where the command starts.
    pub(super) fn home(&self) -> PathBuf {
        self.path().join("home")
    }

    /// Where kubectl is.
    pub(super) fn programs(&self) -> PathBuf {
        self.path().join("bin")
    }

    pub(super) fn kubeconfig(&self) -> PathBuf {
        self.path().join("kubeconfig")
    }

    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Workplace {
    /// Should the folder not be removed completely, there is at least no credential left in it.
    fn drop(&mut self) {
        let _ = fs::remove_file(self.kubeconfig());
    }
}
