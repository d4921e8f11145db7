//! Which clusters come in which wave, and when the next one may begin. Pure.

use crate::report::{FleetRow, FleetTotals, OperationOutcome};

/// The most clusters at work at once.
pub(super) const MAX_CLUSTERS: usize = 256;

/// The waves of so many clusters: these first, then the rest. None is empty.
pub(super) fn split(clusters: usize, waves: &[usize]) -> Vec<usize> {
    let mut left = clusters;
    let mut sizes = Vec::new();
    for wave in waves {
        let size = left.min(*wave);
        left -= size;
        sizes.push(size);
    }
    sizes.push(left);
    sizes.retain(|size| *size > 0);
    sizes
}

/// What is wrong with how a fleet is to go through its clusters.
pub(super) fn problems(
    waves: &[usize],
    max_clusters: Option<usize>,
    stop_after_failures: Option<usize>,
) -> Vec<String> {
    let mut problems = Vec::new();
    if waves.contains(&0) {
        problems.push(format!(
            "waves is {waves:?}, and a wave of 0 clusters is none; pass how many clusters come first, then next, such \
             as [1, 10, 100]"
        ));
    }
    if let Some(max) = max_clusters.filter(|max| !(1..=MAX_CLUSTERS).contains(max)) {
        problems.push(format!("max_clusters is {max}; pass 1 to {MAX_CLUSTERS}"));
    }
    if stop_after_failures == Some(0) {
        problems.push(
            "stop_after_failures is 0; pass 1 or more, or leave it out to go on to a wave's end"
                .to_owned(),
        );
    }
    problems
}

/// Whether a cluster keeps the next wave from being begun.
pub(super) fn is_failure(outcome: OperationOutcome) -> bool {
    match outcome {
        OperationOutcome::Done | OperationOutcome::NotDue | OperationOutcome::Planned => false,
        OperationOutcome::Refused
        | OperationOutcome::Unfinished
        | OperationOutcome::Failed
        | OperationOutcome::NotStarted => true,
    }
}

/// Why the wave after this one is not begun. `None`: it may be.
pub(super) fn why_not_next(wave: usize, rows: &[FleetRow]) -> Option<String> {
    let FleetTotals { clusters, refused, unfinished, failed, .. } = FleetTotals::of(rows);
    let failures = refused + unfinished + failed;
    (failures > 0).then(|| {
        format!(
            "wave {} was not begun: {failures} of {clusters} clusters of wave {wave} are refused, unfinished or failed; \
             do what their rows say and run this again, which leaves those alone that are done",
            wave + 1
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_comes_last() {
        for (clusters, waves, expected) in [
            (200, vec![1, 10, 100], vec![1, 10, 100, 89]),
            (200, vec![], vec![200]),
            (5, vec![1, 10, 100], vec![1, 4]),
            (11, vec![1, 10], vec![1, 10]),
            (0, vec![1], vec![]),
            (3, vec![1, 1, 1, 1], vec![1, 1, 1]),
        ] {
            assert_eq!(split(clusters, &waves), expected, "{clusters} in {waves:?}");
        }
    }

    #[test]
    fn what_is_out_of_range_is_named() {
        assert!(problems(&[1, 10], Some(8), Some(1)).is_empty());
        assert!(problems(&[], None, None).is_empty());
        let wrong = problems(&[1, 0], Some(0), Some(0));
        assert_eq!(wrong.len(), 3);
        for (problem, named) in wrong.iter().zip(["waves", "max_clusters", "stop_after_failures"]) {
            assert!(problem.starts_with(named) && problem.contains("pass"), "{problem}");
        }
        assert_eq!(problems(&[], Some(257), None).len(), 1);
    }

    #[test]
    fn only_what_is_done_or_not_due_lets_the_next_wave_begin() {
        use OperationOutcome::{Done, Failed, NotDue, NotStarted, Planned, Refused, Unfinished};
        for (outcome, expected) in [
            (Done, false),
            (NotDue, false),
            (Planned, false),
            (Refused, true),
            (Unfinished, true),
            (Failed, true),
            (NotStarted, true),
        ] {
            assert_eq!(is_failure(outcome), expected, "{outcome}");
        }
    }
}
