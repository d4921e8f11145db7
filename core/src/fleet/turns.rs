//! Whose turn it is within a wave. Pure.
//!
//! What Azure lets through is counted in each subscription. So clusters of as many subscriptions as possible are at
//! work together: those of one that has to wait do not take all places.

use std::collections::HashMap;

/// How many clusters of each subscription are at work.
#[derive(Debug, Default)]
pub(super) struct AtWork(HashMap<String, usize>);

impl AtWork {
    /// Which of the clusters in these subscriptions is begun next: the first one of those subscriptions that have the
    /// fewest clusters at work.
    pub(super) fn next<'a>(&self, waiting: impl Iterator<Item = &'a str>) -> Option<usize> {
        let next = waiting.enumerate().min_by_key(|(_, subscription)| self.count(subscription));
        next.map(|(index, _)| index)
    }

    pub(super) fn began(&mut self, subscription: &str) {
        *self.0.entry(subscription.to_ascii_lowercase()).or_default() += 1;
    }

    pub(super) fn ended(&mut self, subscription: &str) {
        if let Some(count) = self.0.get_mut(&subscription.to_ascii_lowercase()) {
            *count = count.saturating_sub(1);
        }
    }

    fn count(&self, subscription: &str) -> usize {
        self.0.get(&subscription.to_ascii_lowercase()).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_the_subscription_with_the_fewest_at_work_is_next() {
        let mut at_work = AtWork::default();
        let next = |at_work: &AtWork, waiting: &[&str]| at_work.next(waiting.iter().copied());
        assert_eq!(next(&at_work, &[]), None);
        assert_eq!(next(&at_work, &["a", "a", "b"]), Some(0), "in their order");
        at_work.began("a");
        assert_eq!(next(&at_work, &["A", "a", "b", "c"]), Some(2));
        at_work.began("b");
        assert_eq!(next(&at_work, &["A", "b"]), Some(0));
        at_work.began("A");
        assert_eq!(next(&at_work, &["a", "b"]), Some(1));
        at_work.ended("a");
        at_work.ended("a");
        assert_eq!(next(&at_work, &["b", "a"]), Some(1), "they come to their end");
    }
}
