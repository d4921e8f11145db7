//! How far a pass was when, in a few points however long it takes.

use std::time::Duration;

use tokio::time::Instant;

use crate::{clock::whole_milliseconds, report::ReencryptSample};

/// So many points at most, and the last one.
const MOST: usize = 48;
/// So many are left of too many.
const HALF: u32 = 24;
/// Between the points of a short pass.
const FIRST_INTERVAL: Duration = Duration::from_millis(50);

/// Points in order. When there are too many, every second one is dropped, and from then on they are as far apart as
/// those that are left.
pub(super) struct Samples {
    points: Vec<(Instant, u64)>,
    last: Option<(Instant, u64)>,
    interval: Duration,
}

impl Default for Samples {
    fn default() -> Self {
        Self { points: Vec::new(), last: None, interval: FIRST_INTERVAL }
    }
}

impl Samples {
    /// So many were answered by now.
    pub(super) fn note(&mut self, now: Instant, done: u64) {
        self.last = Some((now, done));
        let is_due = |(at, _): &(Instant, u64)| now.duration_since(*at) >= self.interval;
        if !self.points.last().is_none_or(is_due) {
            return;
        }
        self.points.push((now, done));
        if self.points.len() > MOST {
            let mut keep = false;
            self.points.retain(|_| {
                keep = !keep;
                keep
            });
            // So far apart as those that are left are, however seldom answers come.
            let began = self.points.first().map_or(now, |(at, _)| *at);
            self.interval = now.duration_since(began) / HALF;
        }
    }

    /// The points, as seconds since the pass began.
    pub(super) fn since(&self, began: Instant) -> Vec<ReencryptSample> {
        let last = self.last.filter(|last| self.points.last() != Some(last));
        let points = self.points.iter().copied().chain(last);
        let sample = |(at, done): (Instant, u64)| ReencryptSample {
            seconds: whole_milliseconds(at.duration_since(began).as_secs_f64()),
            done,
        };
        points.map(sample).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn however_long_a_pass_takes_its_points_are_few_and_cover_all_of_it() {
        for (secrets, apart) in [(1, 0), (40, 10), (100_000, 1), (5_000, 1_000), (200, 60_000)] {
            let began = Instant::now();
            let mut samples = Samples::default();
            for done in 1..=secrets {
                samples.note(began + Duration::from_millis(apart * done), done);
            }
            let points = samples.since(began);
            let (first, last) = (points.first().unwrap(), points.last().unwrap());
            assert!(points.len() <= MOST + 1, "{} of {secrets}", points.len());
            assert!(points.len() as u64 >= secrets.min(8), "{} of {secrets}", points.len());
            assert_eq!((first.done, last.done), (1, secrets));
            let ends = Duration::from_millis(apart * secrets).as_secs_f64();
            assert!((last.seconds - ends).abs() < 0.001, "{} of {ends}", last.seconds);
            for pair in points.windows(2) {
                assert!(pair[0].seconds <= pair[1].seconds && pair[0].done < pair[1].done);
                assert!(pair[1].seconds - pair[0].seconds <= (ends / 8.0).max(0.1), "{secrets}");
            }
        }
    }
}
