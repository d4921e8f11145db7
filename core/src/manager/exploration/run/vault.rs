//! The step that closes the vault. What it does next is decided by the runner's own rules.

use super::State;
use crate::{
    model::{NetworkMode, VaultId},
    runner::closing,
};

impl State {
    pub(super) fn close(&self, vault: &VaultId) -> (&'static str, Self) {
        let Some(run) = &self.run else { return ("", self.clone()) };
        let look = closing::Look {
            in_private_use: self.cluster.profile.is_some_and(|it| it.mode == NetworkMode::Private),
            unchanged: run.etag == self.cluster.etag,
            open: self.cluster.vault_open,
            connected: true,
        };
        let operation = run.kept.record().operation.as_ref();
        let is_ours = operation.is_some_and(|it| it.closed_vault.as_ref() == Some(vault));
        let healthy = match closing::next(run.closing, look) {
            closing::Next::Replan => return ("finds the cluster changed", self.again()),
            closing::Next::Record => {
                let recorded = self.write(|record| {
                    if let Some(operation) = &mut record.operation {
                        operation.closed_vault = Some(vault.clone());
                    }
                });
                let Some(next) = recorded else { return ("lost the Lease", self.ended()) };
                return ("records the closing", next.closing(closing::Progress::Recorded));
            }
            closing::Next::Close => {
                let mut next = self.clone();
                next.cluster.vault_open = false;
                return ("closes the vault", next.closing(closing::Progress::Closed));
            }
            closing::Next::Refuse => false,
            closing::Next::CheckKms => !self.cluster.is_cut_off(),
            closing::Next::AwaitConnection | closing::Next::NotConnected => {
                unreachable!("the connection is approved")
            }
        };
        if healthy {
            let next = self.advanced(|run| run.closing = closing::Progress::Begun);
            return ("finds the vault unneeded", next);
        }
        if !is_ours {
            return ("leaves the vault as it is", self.ended());
        }
        let mut opened = self.ended();
        opened.cluster.vault_open = true;
        ("opens the vault again", opened)
    }

    fn closing(mut self, progress: closing::Progress) -> Self {
        if let Some(run) = &mut self.run {
            run.closing = progress;
        }
        self
    }
}
