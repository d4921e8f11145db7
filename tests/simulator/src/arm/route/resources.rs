//! Routes of subscriptions, resource groups and what is listed across resource providers.

use super::{Parts, Target, provider};
use crate::arm::versions::Provider;

pub(super) fn route(method: &str, path: &[&str]) -> Option<Parts> {
    let (action, target) = match (method, path) {
        ("GET", ["tenants"]) => ("Microsoft.Resources/tenants/read", Target::Tenants),
        ("GET", ["subscriptions"]) => {
            ("Microsoft.Resources/subscriptions/read", Target::Subscriptions)
        }
        ("GET", ["subscriptions", _]) => {
            ("Microsoft.Resources/subscriptions/read", Target::Subscription)
        }
        ("GET", ["subscriptions", _, "locations"]) => {
            ("Microsoft.Resources/subscriptions/locations/read", Target::Locations)
        }
        ("GET", ["subscriptions", _, "providers"]) => {
            ("Microsoft.Resources/subscriptions/providers/read", Target::Registrations)
        }
        ("GET", ["subscriptions", _, "providers", namespace]) => (
            "Microsoft.Resources/subscriptions/providers/read",
            Target::Registration((*namespace).to_owned()),
        ),
        ("POST", ["subscriptions", _, "providers", namespace, "register"]) => {
            let action = "Microsoft.Resources/subscriptions/providers/register/action";
            (action, Target::Registration((*namespace).to_owned()))
        }
        ("GET", ["subscriptions", _, "resources"]) => {
            ("Microsoft.Resources/subscriptions/resources/read", Target::Resources(None))
        }
        ("GET", ["subscriptions", _, "resourcegroups", group, "resources"]) => (
            "Microsoft.Resources/subscriptions/resourceGroups/resources/read",
            Target::Resources(Some((*group).to_owned())),
        ),
        ("GET", ["subscriptions", _, "resourcegroups"]) => {
            ("Microsoft.Resources/subscriptions/resourceGroups/read", Target::ResourceGroups)
        }
        ("GET" | "HEAD", ["subscriptions", _, "resourcegroups", group]) => (
            "Microsoft.Resources/subscriptions/resourceGroups/read",
            Target::ResourceGroup((*group).to_owned()),
        ),
        ("PUT", ["subscriptions", _, "resourcegroups", _]) => {
            let action = "Microsoft.Resources/subscriptions/resourceGroups/write";
            (action, Target::PutResourceGroup)
        }
        ("POST", ["providers", "microsoft.resourcegraph", "resources"]) => {
            let action = "Microsoft.ResourceGraph/resources/read";
            return Some((Provider::ResourceGraph, action, Target::ResourceGraph));
        }
        (_, ["subscriptions", _, "providers", namespace, rest @ ..]) => {
            return provider(method, namespace, None, rest);
        }
        (_, ["subscriptions", _, "resourcegroups", group, "providers", namespace, rest @ ..]) => {
            return provider(method, namespace, Some(group), rest);
        }
        _ => return None,
    };
    Some((Provider::Resources, action, target))
}
