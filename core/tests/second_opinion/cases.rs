//! Worlds on which the rules and the service once disagreed.

use std::sync::Arc;

use crate::{compare::agree, region::Region, shape::Shape};

struct Disagreement {
    name: &'static str,
    shape: fn() -> Shape,
}

const ALL: &[Disagreement] = &[];

pub(crate) async fn all_agree() {
    let region = Arc::new(Region::start().await);
    let mut wrong = Vec::new();
    for case in ALL {
        if let Err(what) = agree(&region, &(case.shape)()).await {
            wrong.push(format!("{}: {what}", case.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
