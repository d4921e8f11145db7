//! Every wait of the crate, in one place.

use std::time::Duration;

/// Every wait of the crate. The defaults are for Azure; tests scale them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Timing {
    /// First pause between two polls of an operation, where Azure does not say.
    pub operation_poll_first: Duration,
    /// Longest pause between two polls of an operation, where Azure does not say.
    pub operation_poll_longest: Duration,
    /// How long an operation on the cluster may take.
    pub operation_limit: Duration,
    /// Others need longer than this to change the cluster's key there and back: each change takes 80 s
    /// at least. What is seen later after a change of ours may be theirs.
    pub others_need: Duration,
    /// How long a busy cluster is waited for in the middle of an operation.
    pub cluster_busy: Duration,
    /// How long an identity's permission error is retried right after a grant.
    pub role_propagation: Duration,
    /// Pause between two looks at what API servers write with.
    pub convergence_poll: Duration,
    /// How long API servers may take to write with the expected key.
    pub convergence_limit: Duration,
    /// How long AKS may take to take up a new version of a customer-managed key, for which it looks
    /// every six hours.
    pub key_version_limit: Duration,
    /// Pause between two looks whether AKS has taken up a new version.
    pub key_version_poll: Duration,
    /// How long a write under the old key can be under way: the watermark is taken this long after convergence.
    pub watermark: Duration,
    /// How long API servers are given without evidence of what they write with.
    pub weak_convergence: Duration,
    /// Between two looks at an API server's identity Lease, a live one has renewed it.
    pub server_liveness: Duration,
    /// An API server's response about the health of its KMS plugins can be this old.
    pub kms_health: Duration,
    /// How long the vault's end of a private endpoint connection may take to be approved.
    pub private_endpoint: Duration,
    /// A Lease that is not renewed for this long, with the API server answering, is dead.
    pub lease: Duration,
    /// A Lease that is held is renewed this often.
    pub lease_renewal: Duration,
    /// Pause between two looks at a Lease that somebody else holds.
    pub lease_poll: Duration,
    /// First pause before a request is sent again.
    pub backoff_first: Duration,
    /// Longest pause before a request is sent again.
    pub backoff_longest: Duration,
    /// No `Retry-After` is obeyed for longer.
    pub retry_after_longest: Duration,
    /// How far apart requests are that read in one subscription, or ask one vault, once there were too many: Resource
    /// Manager lets 25 reads a second through for as long as one likes.
    pub reads_apart: Duration,
    /// The same of requests that write: 10 a second.
    pub writes_apart: Duration,
    /// Time limit of one request to the API server: its own ceiling is 34 s.
    pub kubernetes_request: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self::scaled(1.0)
    }
}

impl Timing {
    /// Requests that write and whose outcome is not known, in a row, before nobody tries any more.
    pub(crate) const TRIES: u32 = 7;

    /// All waits but the request limit and what others need, times `factor`.
    #[must_use]
    pub fn scaled(factor: f64) -> Self {
        let seconds = |seconds| Duration::from_secs(seconds).mul_f64(factor);
        Self {
            operation_poll_first: seconds(5),
            operation_poll_longest: seconds(15),
            operation_limit: seconds(90 * 60),
            others_need: Duration::from_secs(90),
            cluster_busy: seconds(30 * 60),
            role_propagation: seconds(5 * 60),
            convergence_poll: seconds(1),
            convergence_limit: seconds(10 * 60),
            key_version_limit: seconds(7 * 60 * 60),
            key_version_poll: seconds(60),
            watermark: seconds(60),
            weak_convergence: seconds(5 * 60),
            server_liveness: seconds(45),
            kms_health: seconds(30),
            private_endpoint: seconds(10 * 60),
            lease: seconds(15),
            lease_renewal: seconds(5),
            lease_poll: seconds(1),
            backoff_first: Duration::from_millis(500).mul_f64(factor),
            backoff_longest: seconds(30),
            retry_after_longest: seconds(60),
            reads_apart: Duration::from_millis(40).mul_f64(factor),
            writes_apart: Duration::from_millis(100).mul_f64(factor),
            kubernetes_request: Duration::from_secs(40),
        }
    }

    /// The pause before a request is sent again for the time of this number, from 1: doubled each
    /// time up to the longest, of which a random part of the last quarter is left out, so that
    /// those who failed together do not come back together.
    ///
    /// backon and tower give such pauses one after the other; the retry policy of `azure_core` asks
    /// for the one of a number.
    pub(crate) fn pause(&self, tries: u32) -> Duration {
        let doubled = self.backoff_first.saturating_mul(1 << tries.saturating_sub(1).min(16));
        let random = f64::from(uuid::Uuid::new_v4().as_bytes()[0]) / 256.0;
        doubled.min(self.backoff_longest).mul_f64(0.75 + random / 4.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_with_a_quarter_of_jitter() {
        for (tries, milliseconds) in [(1, 500.0), (2, 1_000.0), (3, 2_000.0), (20, 30_000.0)] {
            let pause = Timing::default().pause(tries).as_secs_f64() * 1_000.0;
            assert!((milliseconds * 0.75..=milliseconds).contains(&pause), "{tries}: {pause} ms");
        }
    }

    #[test]
    fn the_defaults_are_azures() {
        let seconds = |seconds| Duration::from_secs(seconds);
        let expected = Timing {
            operation_poll_first: seconds(5),
            operation_poll_longest: seconds(15),
            operation_limit: seconds(5_400),
            others_need: seconds(90),
            cluster_busy: seconds(1_800),
            role_propagation: seconds(300),
            convergence_poll: seconds(1),
            convergence_limit: seconds(600),
            key_version_limit: seconds(25_200),
            key_version_poll: seconds(60),
            watermark: seconds(60),
            weak_convergence: seconds(300),
            server_liveness: seconds(45),
            kms_health: seconds(30),
            private_endpoint: seconds(600),
            lease: seconds(15),
            lease_renewal: seconds(5),
            lease_poll: seconds(1),
            backoff_first: Duration::from_millis(500),
            backoff_longest: seconds(30),
            retry_after_longest: seconds(60),
            reads_apart: Duration::from_millis(40),
            writes_apart: Duration::from_millis(100),
            kubernetes_request: seconds(40),
        };
        assert_eq!(Timing::default(), expected);
        assert_eq!(Timing::scaled(1.0), expected);
    }
}
