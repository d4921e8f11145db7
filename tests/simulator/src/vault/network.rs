//! A vault's firewall.

use std::net::Ipv4Addr;

use serde_json::Value;

use super::{Refusal, Vault};

/// Where the caller's requests come from, as the internet sees it.
pub(crate) const CALLER_ADDRESS: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 10);
/// Where the requests of the cluster's API servers come from, as the internet sees it.
pub(crate) const CLUSTER_ADDRESS: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 20);

/// Whether requests from this address get through over the internet.
pub(crate) fn admits(vault: &Vault, address: Ipv4Addr) -> Result<(), Refusal> {
    let properties = vault.properties();
    let is = |value: &Value, text: &str| {
        value.as_str().is_some_and(|value| value.eq_ignore_ascii_case(text))
    };
    if is(&properties["publicNetworkAccess"], "SecuredByPerimeter") {
        return Err(outside_perimeter());
    }
    if is(&properties["publicNetworkAccess"], "Disabled") {
        return Err(Refusal::forbidden(
            "ForbiddenByConnection",
            "Public network access is disabled and request is not from a trusted service nor via \
             an approved private link.",
        ));
    }
    let rules = &properties["networkAcls"];
    if is(&rules["defaultAction"], "Deny") && !listed(&rules["ipRules"], address) {
        return Err(Refusal::forbidden(
            "ForbiddenByFirewall",
            &format!(
                "Client address is not authorized and caller is not a trusted service. Client \
                 address: {address}"
            ),
        ));
    }
    Ok(())
}

/// Whether Azure's trusted services get through, whatever the firewall says to others.
pub(crate) fn admits_trusted_services(vault: &Vault) -> Result<(), Refusal> {
    let properties = vault.properties();
    let is = |value: &Value, text: &str| {
        value.as_str().is_some_and(|value| value.eq_ignore_ascii_case(text))
    };
    // They do not pass a perimeter.
    if is(&properties["publicNetworkAccess"], "SecuredByPerimeter") {
        return Err(outside_perimeter());
    }
    // Unset, they do.
    if is(&properties["networkAcls"]["bypass"], "None") {
        return admits(vault, CLUSTER_ADDRESS);
    }
    Ok(())
}

/// No rule of a perimeter is simulated: nobody is inside.
fn outside_perimeter() -> Refusal {
    Refusal::forbidden(
        "ForbiddenByConnection",
        "Public network access is secured by a network security perimeter, and the request is not from \
         inside it.",
    )
}

fn listed(rules: &Value, address: Ipv4Addr) -> bool {
    let rules = rules.as_array().into_iter().flatten();
    let mut ranges = rules.filter_map(|rule| Range::parse(rule["value"].as_str()?));
    ranges.any(|range| range.contains(address))
}

/// An IPv4 address, or a range of them in CIDR notation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Range {
    first: Ipv4Addr,
    bits: u32,
}

impl Range {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (address, bits) = text.split_once('/').unwrap_or((text, "32"));
        let bits = bits.parse().ok().filter(|bits| *bits <= 32)?;
        Some(Self { first: address.parse().ok()?, bits })
    }

    fn contains(self, address: Ipv4Addr) -> bool {
        let ignored = 32 - self.bits;
        let prefix = |address: Ipv4Addr| u64::from(address.to_bits()) >> ignored;
        prefix(self.first) == prefix(address)
    }
}

impl std::fmt::Display for Range {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}/{}", self.first, self.bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_hold_what_they_say() {
        for (range, address, expected) in [
            ("203.0.113.10", "203.0.113.10", true),
            ("203.0.113.10", "203.0.113.11", false),
            ("203.0.113.0/24", "203.0.113.255", true),
            ("203.0.113.0/24", "203.0.114.0", false),
            ("0.0.0.0/0", "198.51.100.20", true),
        ] {
            let range = Range::parse(range).unwrap();
            assert_eq!(range.contains(address.parse().unwrap()), expected, "{range} {address}");
        }
        for text in ["", "203.0.113", "203.0.113.0/33", "203.0.113.0/-1", "::1"] {
            assert_eq!(Range::parse(text), None, "{text}");
        }
    }
}
