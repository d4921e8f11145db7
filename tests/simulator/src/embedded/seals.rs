//! In which ways the keys of a store are stored.

use std::sync::Arc;

use super::transform::Seal;

/// How many keys are stored in each way.
#[derive(Default)]
pub(super) struct Seals(Vec<(Arc<Seal>, usize)>);

impl Seals {
    /// One more key is stored in this way; gives the shared value for it.
    pub(super) fn add(&mut self, seal: &Arc<Seal>) -> Arc<Seal> {
        if let Some((known, count)) = self.find(seal) {
            *count += 1;
            return Arc::clone(known);
        }
        self.0.push((Arc::clone(seal), 1));
        Arc::clone(seal)
    }

    /// One key fewer is stored in this way.
    pub(super) fn remove(&mut self, seal: &Arc<Seal>) {
        if let Some((_, count)) = self.find(seal) {
            *count = count.saturating_sub(1);
        }
    }

    /// Those in use, and how many keys are stored in each.
    pub(super) fn counts(&self) -> Vec<(Arc<Seal>, usize)> {
        self.0.iter().filter(|(_, count)| *count > 0).cloned().collect()
    }

    /// How many keys are stored.
    pub(super) fn total(&self) -> usize {
        self.0.iter().map(|(_, count)| count).sum()
    }

    /// Forgets all.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    fn find(&mut self, seal: &Arc<Seal>) -> Option<&mut (Arc<Seal>, usize)> {
        self.0.iter_mut().find(|(known, _)| Arc::ptr_eq(known, seal) || known == seal)
    }
}
