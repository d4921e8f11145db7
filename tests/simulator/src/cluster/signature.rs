//! The signature of a poll URL. It makes the URL as long as Azure's are, about 3.6 kB.

use aws_lc_rs::rand;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use time::OffsetDateTime;

use crate::bearer::same;

/// Parameters and values, in order.
#[derive(Clone, Debug)]
pub(super) struct Signature([(&'static str, String); 4]);

impl Signature {
    /// Signs anew.
    pub(super) fn new(now: OffsetDateTime) -> Self {
        /// Of 100 ns, from the year 1 to 1970.
        const TICKS: i128 = 621_355_968_000_000_000;
        let time = TICKS + now.unix_timestamp_nanos() / 100;
        Self([
            ("t", time.to_string()),
            // where Azure has a certificate
            ("c", format!("MII{}", random::<2285>())),
            ("s", random::<256>()),
            ("h", random::<32>()),
        ])
    }

    /// It as a part of a query.
    pub(super) fn query(&self) -> String {
        let Self(parameters) = self;
        parameters.each_ref().map(|(name, value)| format!("{name}={value}")).join("&")
    }

    /// Whether these are all of its parameters.
    pub(super) fn is_in<'a>(&self, parameter: impl Fn(&str) -> Option<&'a str>) -> bool {
        let Self(parameters) = self;
        parameters.iter().all(|(name, value)| parameter(name).is_some_and(|sent| same(sent, value)))
    }
}

fn random<const BYTES: usize>() -> String {
    let mut bytes = [0; BYTES];
    rand::fill(&mut bytes).expect("the system gives random bytes");
    URL_SAFE_NO_PAD.encode(bytes)
}
