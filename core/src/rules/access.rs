//! Rules about what the cluster's identity may do with the key and the vault.

use super::question::RuleContext;
use crate::{
    catalogue::{Level, RuleId},
    facts::{AccessFacts, Fact, Lookup, RoleGrant, VaultFacts},
    ids::NetworkMode,
    report::{Finding, FindingState},
};

const ENCRYPT: &str = "Microsoft.KeyVault/vaults/keys/encrypt/action";
const DECRYPT: &str = "Microsoft.KeyVault/vaults/keys/decrypt/action";
const WRAP: &str = "Microsoft.KeyVault/vaults/keys/wrap/action";
const UNWRAP: &str = "Microsoft.KeyVault/vaults/keys/unwrap/action";
const READ_KEYS: &str = "Microsoft.KeyVault/vaults/keys/read";
const APPROVE: &str = "Microsoft.KeyVault/vaults/privateEndpointConnectionsApproval/action";

pub(super) fn check(question: &RuleContext<'_>) -> Vec<Finding> {
    let Some(access) = &question.observed.access else {
        return Vec::new();
    };
    // An identity that KMS cannot use needs no access, and what does not exist gives none: other
    // rules say so.
    if !question.identity_is_usable()
        || question.configuration().is_none()
        || question.vault_is_missing()
    {
        return Vec::new();
    }
    let vault = question.observed.vault.as_ref();
    let judged = Judged { access, vault, resource: question.vault_resource() };
    let private = question.sets().is_some_and(|target| target.network_mode == NetworkMode::Private);
    let is_legacy = question.data_encryption.is_none();
    let private_link = if private && is_legacy { judged.private_link() } else { None };
    let read = read_keys(question, &judged);
    judged.key_access().into_iter().chain(private_link).chain(read).collect()
}

/// AKS follows a customer-managed key through Resource Manager.
fn read_keys(question: &RuleContext<'_>, judged: &Judged<'_>) -> Option<Finding> {
    let configuration = question.customer_managed()?;
    // What the cluster is to leave need not be followed.
    if question.data_encryption.is_some() && question.target.is_none() {
        return None;
    }
    let finding = judged.key_reader()?;
    let is_private = configuration.network_mode == Some(NetworkMode::Private);
    Some(if is_private { finding } else { finding.at(Level::Warn, false) })
}

/// Whether an identity may not, as far as it can be seen, encrypt and decrypt with the keys of a vault.
pub(crate) fn lacks_key_access(access: &AccessFacts, vault: &VaultFacts) -> bool {
    let vault = Fact::Known(Lookup::Found(vault.clone()));
    !Judged { access, vault: Some(&vault), resource: String::new() }.key_access().is_empty()
}

/// Whether an identity may not, as far as it can be seen, approve private endpoint connections of a vault.
pub(crate) fn lacks_private_link(access: &AccessFacts, vault: &VaultFacts) -> bool {
    let vault = Fact::Known(Lookup::Found(vault.clone()));
    Judged { access, vault: Some(&vault), resource: String::new() }.private_link().is_some()
}

/// Whether an identity may not, as far as it can be seen, read the keys of a vault through Resource Manager.
pub(crate) fn lacks_key_reader(access: &AccessFacts, vault: &VaultFacts) -> bool {
    let vault = Fact::Known(Lookup::Found(vault.clone()));
    Judged { access, vault: Some(&vault), resource: String::new() }.key_reader().is_some()
}

/// What cannot be told of an identity's access to a vault: to its keys, and as far as they are needed to its private
/// endpoints and the versions of its keys.
pub(crate) fn undetermined_access(
    access: &AccessFacts,
    vault: &VaultFacts,
    needs_link: bool,
    needs_reader: bool,
) -> Vec<Finding> {
    let found = Fact::Known(Lookup::Found(vault.clone()));
    let judged = Judged { access, vault: Some(&found), resource: vault.id.to_string() };
    let link = needs_link.then(|| judged.private_link()).flatten();
    let reader = needs_reader.then(|| judged.key_reader()).flatten();
    let mut findings: Vec<Finding> =
        judged.key_access().into_iter().chain(link).chain(reader).collect();
    findings.retain(|finding| finding.state == FindingState::Undetermined);
    findings
}

/// Whether an identity has encrypt or decrypt through a group: by one of its role assignments, or
/// by an access policy, of which it cannot be seen whether they are a group's.
pub(super) fn grants_key_access(
    vault: &VaultFacts,
    identity: &str,
    roles: &[RoleGrant],
    principal: &str,
) -> Result<bool, String> {
    if vault.rbac {
        return Ok(roles
            .iter()
            .filter(|role| role.principal_id.eq_ignore_ascii_case(principal))
            .any(|role| role.grants_data_action(ENCRYPT) || role.grants_data_action(DECRYPT)));
    }
    let of = |object_id: &str| {
        vault.access_policies.iter().any(|policy| {
            policy.object_id.eq_ignore_ascii_case(object_id)
                && ["encrypt", "decrypt"].iter().any(|needed| grants(&policy.keys, needed))
        })
    };
    if of(principal) && !of(identity) {
        return Err(format!(
            "whether the cluster's identity is a member of {principal}, which has an access policy, is not to be seen here"
        ));
    }
    Ok(false)
}

/// Whether a policy's key permissions have this one.
fn grants(keys: &[String], permission: &str) -> bool {
    keys.iter().any(|key| key.eq_ignore_ascii_case(permission) || key.eq_ignore_ascii_case("all"))
}

pub(super) struct Judged<'a> {
    pub(super) access: &'a AccessFacts,
    pub(super) vault: Option<&'a Fact<Lookup<VaultFacts>>>,
    /// The vault as findings name it.
    pub(super) resource: String,
}

impl Judged<'_> {
    fn violated(&self, rule: RuleId, message: impl Into<String>) -> Finding {
        Finding::violated(rule, &self.resource, message)
    }

    fn undetermined(&self, rule: RuleId, why: &str) -> Finding {
        Finding::undetermined(rule, &self.resource, why)
    }

    /// Whether the identity may encrypt and decrypt with a key of a vault.
    pub(super) fn key_access(&self) -> Vec<Finding> {
        match self.vault {
            Some(Fact::Known(vault)) => match vault.found() {
                Some(vault) if vault.rbac => self.key_role().into_iter().collect(),
                Some(vault) => self.key_policy(vault).into_iter().collect(),
                None => Vec::new(),
            },
            // Which of the two the vault goes by is not known either.
            Some(Fact::Unknown(why)) => vec![
                self.undetermined(RuleId::AccessPolicyMissing, why),
                self.undetermined(RuleId::AccessRoleMissing, why),
            ],
            None => Vec::new(),
        }
    }

    fn key_policy(&self, vault: &VaultFacts) -> Option<Finding> {
        let rule = RuleId::AccessPolicyMissing;
        let principal = match &self.access.principal_id {
            Fact::Known(principal) => principal,
            Fact::Unknown(why) => return Some(self.undetermined(rule, why)),
        };
        let own = |object_id: &str| object_id.eq_ignore_ascii_case(principal);
        let given = |to_own: bool, permission: &str| {
            let mut policies = vault.access_policies.iter();
            policies.any(|it| own(&it.object_id) == to_own && grants(&it.keys, permission))
        };
        let missing: Vec<&str> =
            ["encrypt", "decrypt"].into_iter().filter(|needed| !given(true, needed)).collect();
        if missing.is_empty() {
            return None;
        }
        // A policy's object can be a group of the identity. Azure Resource Manager does not tell.
        let perhaps_groups: Vec<&str> = vault
            .access_policies
            .iter()
            .filter(|policy| !own(&policy.object_id))
            .filter(|policy| missing.iter().any(|permission| grants(&policy.keys, permission)))
            .map(|policy| policy.object_id.as_str())
            .collect();
        let covered_by_others = missing.iter().all(|permission| given(false, permission));
        let missing = missing.join(" and ");
        if covered_by_others {
            let why = format!(
                "no access policy gives {principal} itself {missing}, and whether it is a \
                 member of {} is not to be seen here",
                perhaps_groups.join(" or ")
            );
            return Some(self.undetermined(rule, &why));
        }
        let message =
            format!("no access policy gives the cluster's identity {principal} {missing}");
        Some(self.violated(rule, message))
    }

    fn key_role(&self) -> Option<Finding> {
        let rule = RuleId::AccessRoleMissing;
        let roles = match self.roles() {
            Ok(roles) => roles,
            Err(why) => return Some(self.undetermined(rule, why)),
        };
        let missing: Vec<&str> = [(ENCRYPT, "encrypt"), (DECRYPT, "decrypt")]
            .into_iter()
            .filter(|(action, _)| !roles.iter().any(|role| role.grants_data_action(action)))
            .map(|(_, name)| name)
            .collect();
        if missing.is_empty() {
            return self.conditional(
                rule,
                roles,
                &[ENCRYPT, DECRYPT],
                RoleGrant::grants_data_action,
            );
        }
        let wraps_only = missing.len() == 2
            && roles
                .iter()
                .any(|role| role.grants_data_action(WRAP) || role.grants_data_action(UNWRAP));
        let rule = if wraps_only { RuleId::AccessRoleWrong } else { rule };
        let what = format!("{} with the key", missing.join(" and "));
        Some(self.violated(rule, self.lacks(roles, &what)))
    }

    fn private_link(&self) -> Option<Finding> {
        let what = "approve the vault's private endpoint connections";
        self.action(RuleId::PrivateLinkRoleMissing, APPROVE, what)
    }

    fn key_reader(&self) -> Option<Finding> {
        let what = "read the vault's keys through Resource Manager";
        self.action(RuleId::VaultReadRoleMissing, READ_KEYS, what)
    }

    /// Whether the identity may do something to the vault as a resource.
    fn action(&self, rule: RuleId, action: &str, what: &str) -> Option<Finding> {
        let roles = match self.roles() {
            Ok(roles) => roles,
            Err(why) => return Some(self.undetermined(rule, why)),
        };
        if roles.iter().any(|role| role.grants_action(action)) {
            return self.conditional(rule, roles, &[action], RoleGrant::grants_action);
        }
        Some(self.violated(rule, self.lacks(roles, what)))
    }

    fn lacks(&self, roles: &[RoleGrant], what: &str) -> String {
        format!("the cluster's identity {} has {}", self.principal(), without(roles, what))
    }

    /// Undetermined where one of the actions is granted only by assignments that have a condition.
    fn conditional(
        &self,
        rule: RuleId,
        roles: &[RoleGrant],
        actions: &[&str],
        grants: impl Fn(&RoleGrant, &str) -> bool,
    ) -> Option<Finding> {
        let action = actions
            .iter()
            .find(|action| !roles.iter().any(|role| !role.conditional && grants(role, action)))?;
        let granted = roles.iter().find(|role| role.conditional && grants(role, action))?;
        let why = format!(
            "the assignment of role {} at {} has a condition, which is not evaluated here",
            granted.role, granted.scope
        );
        Some(self.undetermined(rule, &why))
    }

    /// The roles, or why they could not be read.
    fn roles(&self) -> Result<&[RoleGrant], &str> {
        self.access.principal_id.get()?;
        self.access.roles.get().map(Vec::as_slice)
    }

    fn principal(&self) -> &str {
        self.access.principal_id.known().map_or("", String::as_str)
    }
}

/// What the roles are, and what they lack.
fn without(roles: &[RoleGrant], what: &str) -> String {
    let names: Vec<&str> = roles.iter().map(|role| role.role.as_str()).collect();
    match names[..] {
        [] => format!("no role on the vault, and needs to {what}"),
        [name] => format!("the role {name}, which may not {what}"),
        _ => format!("the roles {}, which may not {what}", names.join(", ")),
    }
}

impl RoleGrant {
    /// Whether it may read keys through Resource Manager.
    pub(super) fn reads_keys(&self) -> bool {
        self.grants_action(READ_KEYS)
    }

    fn grants_action(&self, action: &str) -> bool {
        covered(&self.actions, action) && !covered(&self.not_actions, action)
    }

    fn grants_data_action(&self, action: &str) -> bool {
        covered(&self.data_actions, action) && !covered(&self.not_data_actions, action)
    }
}

fn covered(patterns: &[String], action: &str) -> bool {
    patterns.iter().any(|pattern| covers(pattern, action))
}

/// Whether an action of a role definition, in which `*` stands for any text, covers an action.
fn covers(pattern: &str, action: &str) -> bool {
    let pattern = pattern.to_ascii_lowercase();
    let action = action.to_ascii_lowercase();
    let Some((start, rest)) = pattern.split_once('*') else {
        return pattern == action;
    };
    let Some(mut left) = action.strip_prefix(start) else {
        return false;
    };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let end = parts.pop().unwrap_or_default();
    for part in parts {
        let Some(at) = left.find(part) else {
            return false;
        };
        left = &left[at + part.len()..];
    }
    left.ends_with(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text() {
        for (pattern, covered) in [
            ("*", true),
            ("Microsoft.KeyVault/vaults/keys/encrypt/action", true),
            ("microsoft.keyvault/VAULTS/keys/ENCRYPT/action", true),
            ("Microsoft.KeyVault/vaults/*", true),
            ("Microsoft.KeyVault/*/action", true),
            ("Microsoft.KeyVault/vaults/*/encrypt/*", true),
            ("*/keys/*/action", true),
            ("Microsoft.KeyVault/vaults/keys/encrypt/action*", true),
            ("Microsoft.KeyVault/vaults/keys/*/read", false),
            ("Microsoft.KeyVault/vaults/secrets/*", false),
            ("Microsoft.KeyVault/vaults/keys/encrypt", false),
            ("*/action/*/action", false),
            ("", false),
        ] {
            assert_eq!(covers(pattern, ENCRYPT), covered, "{pattern}");
        }
    }
}
