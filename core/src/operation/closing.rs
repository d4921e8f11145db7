//! When a vault is closed to public network access, and when it is opened again. Pure.
//!
//! A vault that is closed while an API server still needs the public way to it takes the cluster
//! down. So:
//!
//! 1. The cluster reaches this very vault in private mode. Otherwise somebody else changed it, and
//!    nothing is closed.
//! 2. Nothing is closed for another eTag than the one of the proof.
//! 3. An approved private endpoint connection leads to the vault from the cluster's nodes. AKS makes
//!    it, and somebody may have to approve it: it is waited for. A vault that is closed already has
//!    it, or is in the way.
//! 4. That the operation closes the vault is recorded before it does. Where the outcome of the
//!    request is not known, 1 to 3 hold again before it is sent again.
//! 5. Afterwards KMS stays healthy, and the cluster still is as in 1. If not, a vault that this
//!    operation closed, in this run or an earlier one, is opened again.
//! 6. A vault that somebody else closed is left to them.

/// How far the closing has come.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Progress {
    /// Nothing was done for it.
    Begun,
    /// It is recorded that the operation closes the vault.
    Recorded,
    /// This run has asked for it, and what came of it is not known.
    Sent,
    /// This run has closed it.
    Closed,
}

/// What a look at the cluster and the vault shows.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Look {
    /// The cluster reaches this very vault in private mode.
    pub(crate) in_private_use: bool,
    /// The cluster has the eTag of the proof.
    pub(crate) unchanged: bool,
    /// The vault's public network access is enabled.
    pub(crate) open: bool,
    /// An approved private endpoint connection leads to it from the cluster's nodes.
    pub(crate) connected: bool,
}

/// What to do next.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Next {
    /// The cluster does not use the vault privately: it is somebody else's change.
    Refuse,
    /// Somebody else changed the cluster: observe and plan again.
    Replan,
    AwaitConnection,
    Record,
    Close,
    /// It is closed: does KMS stay healthy?
    CheckKms,
    /// It is closed, and no connection leads to it, so that KMS cannot stay healthy.
    NotConnected,
}

/// Rules 1 to 4. What follows from an unhealthy KMS, rules 5 and 6, is whether the operation closed
/// the vault.
pub(crate) fn next(progress: Progress, look: Look) -> Next {
    match progress {
        _ if !look.in_private_use => Next::Refuse,
        Progress::Closed => Next::CheckKms,
        Progress::Sent if !look.open => Next::CheckKms,
        _ if !look.unchanged => Next::Replan,
        _ if !look.open && !look.connected => Next::NotConnected,
        _ if !look.open => Next::CheckKms,
        _ if !look.connected => Next::AwaitConnection,
        Progress::Begun => Next::Record,
        Progress::Recorded | Progress::Sent => Next::Close,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const READY: Look = Look { in_private_use: true, unchanged: true, open: true, connected: true };

    #[test]
    fn a_vault_is_recorded_then_closed_then_kms_is_looked_at() {
        assert_eq!(next(Progress::Begun, READY), Next::Record);
        assert_eq!(next(Progress::Recorded, READY), Next::Close);
        let closed = Look { open: false, ..READY };
        assert_eq!(next(Progress::Closed, closed), Next::CheckKms);
        // somebody opened it again: KMS is what counts
        assert_eq!(next(Progress::Closed, READY), Next::CheckKms);
    }

    #[test]
    fn a_request_without_an_outcome_is_sent_again_only_as_the_first_one_was() {
        let changed = Look { unchanged: false, ..READY };
        let unconnected = Look { connected: false, ..READY };
        assert_eq!(next(Progress::Sent, READY), Next::Close);
        assert_eq!(next(Progress::Sent, changed), Next::Replan);
        assert_eq!(next(Progress::Sent, unconnected), Next::AwaitConnection);
        assert_eq!(next(Progress::Sent, Look { in_private_use: false, ..READY }), Next::Refuse);
        // it came through: whether KMS works counts
        for closed in [READY, changed, unconnected] {
            assert_eq!(next(Progress::Sent, Look { open: false, ..closed }), Next::CheckKms);
        }
    }

    #[test]
    fn nothing_is_closed_for_a_cluster_that_changed() {
        let elsewhere = Look { in_private_use: false, ..READY };
        let changed = Look { unchanged: false, ..READY };
        for progress in [Progress::Begun, Progress::Recorded] {
            assert_eq!(next(progress, elsewhere), Next::Refuse);
            assert_eq!(next(progress, changed), Next::Replan);
        }
        // once it is closed, whether KMS works counts, not who changed what
        assert_eq!(next(Progress::Closed, changed), Next::CheckKms);
        assert_eq!(next(Progress::Closed, elsewhere), Next::Refuse);
    }

    #[test]
    fn a_vault_is_closed_only_behind_an_approved_connection() {
        let unconnected = Look { connected: false, ..READY };
        for progress in [Progress::Begun, Progress::Recorded] {
            assert_eq!(next(progress, unconnected), Next::AwaitConnection);
        }
        let closed = Look { open: false, ..unconnected };
        assert_eq!(next(Progress::Begun, closed), Next::NotConnected);
        assert_eq!(next(Progress::Begun, Look { open: false, ..READY }), Next::CheckKms);
    }
}
