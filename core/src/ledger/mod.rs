//! What cannot be read off Azure: which keys the cluster used, what is proven of each, and which
//! operation is going on. Pure: kept in the cluster by [`crate::runner`].
//!
//! The cluster is the truth, the record is a hint. Before it is used it is *reconciled* with what
//! was observed; a record that does not fit proves nothing any more.

mod in_force;
mod judge;
mod reconcile;
mod record;
#[cfg(test)]
mod tests;
mod transitions;

#[cfg(test)]
pub(crate) use self::reconcile::Unsealed;
pub(crate) use self::{
    in_force::profile_in_force,
    judge::{KeyNeeds, Need, judge},
    reconcile::{Fit, ObservedCluster, Reconciled},
    record::{ClusterIdentity, Entry, Ledger, Operation, Record, Slot},
    transitions::{Certainty, Proof},
};
