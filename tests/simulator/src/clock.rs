//! The simulator's durations, all scaled by one factor.

use std::time::Duration;

/// Scales every duration of the simulator. A factor of 0.01 makes a minute 600 ms.
#[derive(Clone, Copy, Debug)]
pub struct TimeScale(pub f64);

impl Default for TimeScale {
    fn default() -> Self {
        Self(1.0)
    }
}

impl TimeScale {
    /// This many seconds of the simulated world.
    #[must_use]
    pub fn seconds(self, seconds: f64) -> Duration {
        Duration::from_secs_f64((seconds * self.0).max(0.0))
    }
}
