//! What rewrites add to etcd, which keeps every revision for some minutes. Pure.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

use crate::facts::{ETCD_GROWTH, ETCD_RETENTION, SECRET_BYTES};

/// Rewrites are counted together for so long.
const SPAN: Duration = Duration::from_secs(10);

/// Keeps etcd's growth below a bound within its retention.
#[derive(Debug)]
pub(super) struct Growth {
    secret_bytes: u64,
    /// Beginning of a span, and the bytes written in it.
    spans: VecDeque<(Instant, u64)>,
    bytes: u64,
}

impl Default for Growth {
    fn default() -> Self {
        Self { secret_bytes: SECRET_BYTES, spans: VecDeque::new(), bytes: 0 }
    }
}

impl Growth {
    /// The mean stored size of a secret is known.
    pub(super) fn set_secret_bytes(&mut self, bytes: u64) {
        self.secret_bytes = bytes.max(1);
    }

    /// A secret was rewritten.
    pub(super) fn rewritten(&mut self, now: Instant) {
        match self.spans.back_mut() {
            Some((began, bytes)) if now.duration_since(*began) < SPAN => {
                *bytes += self.secret_bytes;
            }
            _ => self.spans.push_back((now, self.secret_bytes)),
        }
        self.bytes += self.secret_bytes;
    }

    /// When the next secret may be rewritten; `None`: now.
    pub(super) fn opens_at(&mut self, now: Instant) -> Option<Instant> {
        while let Some(&(began, bytes)) = self.spans.front()
            && now.duration_since(began) >= ETCD_RETENTION + SPAN
        {
            self.bytes -= bytes;
            self.spans.pop_front();
        }
        let (oldest, _) = self.spans.front()?;
        (self.bytes + self.secret_bytes > ETCD_GROWTH).then(|| *oldest + ETCD_RETENTION + SPAN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_gibibyte_in_ten_minutes_and_no_more() {
        let mut growth = Growth::default();
        let began = Instant::now();
        let mut rewritten = 0;
        while growth.opens_at(Instant::now()).is_none() {
            growth.rewritten(Instant::now());
            rewritten += 1;
        }
        assert_eq!(rewritten * SECRET_BYTES, ETCD_GROWTH);
        let opens_at = growth.opens_at(Instant::now()).unwrap();
        assert!(opens_at - began >= ETCD_RETENTION);
        tokio::time::advance(opens_at - began).await;
        assert_eq!(growth.opens_at(Instant::now()), None);
    }

    #[tokio::test(start_paused = true)]
    async fn small_secrets_may_be_more() {
        let mut growth = Growth::default();
        growth.set_secret_bytes(1024);
        for _ in 0..ETCD_GROWTH / SECRET_BYTES {
            growth.rewritten(Instant::now());
        }
        assert_eq!(growth.opens_at(Instant::now()), None);
    }
}
