//! Routes of `Microsoft.Features`, for features of `Microsoft.ContainerService`.

use super::{Parts, Target};
use crate::arm::versions::Provider;

pub(super) fn route(method: &str, path: &[&str]) -> Option<Parts> {
    let read = "Microsoft.Features/providers/features/read";
    let ["providers", "microsoft.containerservice", "features", rest @ ..] = path else {
        return None;
    };
    let (action, target) = match (method, rest) {
        ("GET", []) => (read, Target::Features),
        ("GET", [name]) => (read, Target::Feature((*name).to_owned())),
        ("POST", [name, "register"]) => (
            "Microsoft.Features/providers/features/register/action",
            Target::SetFeature((*name).to_owned(), true),
        ),
        ("POST", [name, "unregister"]) => (
            "Microsoft.Features/providers/features/unregister/action",
            Target::SetFeature((*name).to_owned(), false),
        ),
        _ => return None,
    };
    Some((Provider::Features, action, target))
}
