//! The tables of `docs/permissions.md`.

use std::{env, fmt::Write, fs};

use serde_json::json;

use super::table::{ALIKE, CALLS, Needed, Without, granted, rights};
use crate::{
    azure::AzureAction,
    kubernetes::{KubernetesRight, Place},
    source_tests::root,
};
use aks_kms_simulator::given::CustomRole;

/// The verbs, in the order of the calls.
fn verbs() -> Vec<&'static str> {
    let mut verbs: Vec<&str> = CALLS.iter().map(|call| verb(call)).collect();
    verbs.dedup();
    verbs
}

fn verb(call: &'static str) -> &'static str {
    call.split(' ').next().unwrap_or(call)
}

/// What a verb does without a right, in the call that needs it most.
fn without(verb_of: &str, right: Needed) -> Option<Without> {
    let calls = CALLS.into_iter().filter(|call| verb(call) == verb_of);
    let outcomes = calls.flat_map(rights).filter(|(other, _)| *other == right);
    outcomes.map(|(_, without)| without).min()
}

fn cell(without: Option<Without>) -> &'static str {
    match without {
        Some(Without::Fails) => "needed",
        Some(Without::Finds) => "finding",
        Some(Without::Does) => "used",
        None => "",
    }
}

/// A table with a row for each right: its name, what each verb does without it.
fn matrix(heading: &str, rows: &[(String, Needed)]) -> String {
    let verbs = verbs();
    let mut table = format!("| {heading} |");
    for verb in &verbs {
        write!(table, " `{verb}` |").unwrap();
    }
    writeln!(table, "\n|---|{}", "---|".repeat(verbs.len())).unwrap();
    for (name, right) in rows {
        write!(table, "| {name} |").unwrap();
        for verb in &verbs {
            write!(table, " {} |", cell(without(verb, *right))).unwrap();
        }
        table.push('\n');
    }
    table
}

fn azure() -> String {
    let alike = |action: AzureAction| {
        ALIKE.iter().find(|(own, _)| *own == action).map_or(action, |(_, other)| *other)
    };
    let mut purposes = "\n| action | is needed to |\n|---|---|\n".to_owned();
    let mut role = CustomRole::default();
    let mut rows = Vec::new();
    for &action in AzureAction::ALL {
        let kind = format!("{:?}", action.plane());
        let in_vault = if kind == "Data" { ", a data action" } else { "" };
        rows.push((format!("`{}`{in_vault}", action.name()), Needed::Azure(alike(action))));
        writeln!(purposes, "| `{}`{in_vault} | {} |", action.name(), action.purpose()).unwrap();
        granted(action, &mut role);
    }
    let definition = json!({
        "Name": "aks-kms",
        "IsCustom": true,
        "Description": "Manages KMS etcd encryption of AKS clusters.",
        "Actions": role.actions,
        "DataActions": role.data_actions,
        "AssignableScopes": ["/subscriptions/<subscription id>"],
    });
    let table = matrix("action", &rows);
    format!(
        "{table}{purposes}\nA role with all of them, for `az role definition create --role-definition @aks-kms.json`:\n\n\
         ```json\n{definition:#}\n```\n"
    )
}

fn kubernetes() -> String {
    let mut purposes = "\n| right | is needed to |\n|---|---|\n".to_owned();
    let mut rows = Vec::new();
    for &right in KubernetesRight::ALL {
        let object = right.object().map(|object| format!(" {object}")).unwrap_or_default();
        let place = match right.place() {
            Place::Cluster => "",
            Place::System => " in `kube-system`",
            Place::State => " in the state namespace",
        };
        let name = format!("{} `{}`{object}{place}", right.verb(), right.resource());
        writeln!(purposes, "| {name} | {} |", right.purpose()).unwrap();
        rows.push((name, Needed::Kubernetes(right)));
    }
    let roles = roles();
    format!("{}{purposes}\n```yaml\n{roles}```\n", matrix("right", &rows))
}

/// Manifests of the roles, for state in `kube-system`.
fn roles() -> String {
    let of = |places: &[Place]| {
        let mut rules: Vec<(String, Vec<&str>)> = Vec::new();
        let rights = KubernetesRight::ALL.iter().filter(|right| places.contains(&right.place()));
        for right in rights {
            let rule = rule(*right);
            match rules.iter_mut().find(|(other, _)| *other == rule) {
                Some((_, verbs)) => verbs.push(right.verb()),
                None => rules.push((rule, vec![right.verb()])),
            }
        }
        let rules =
            rules.iter().map(|(rule, verbs)| format!("{rule}    verbs: [{}]\n", verbs.join(", ")));
        rules.collect::<String>()
    };
    format!(
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata:\n  name: aks-kms\nrules:\n{}---\n\
         apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata:\n  name: aks-kms\n  \
         namespace: kube-system\nrules:\n{}",
        of(&[Place::Cluster]),
        of(&[Place::System, Place::State])
    )
}

/// What a rule of a role is about.
fn rule(right: KubernetesRight) -> String {
    let resource = right.resource();
    if resource.starts_with('/') {
        return format!("  - nonResourceURLs: [{resource}]\n");
    }
    let group = if resource == "leases" { "coordination.k8s.io" } else { "\"\"" };
    let object = right.object().map(|object| format!("    resourceNames: [{object}]\n"));
    format!("  - apiGroups: [{group}]\n    resources: [{resource}]\n{}", object.unwrap_or_default())
}

/// The page with what stands between its marks replaced.
fn filled(page: &str, mark: &str, text: &str) -> String {
    let (begin, end) = (format!("<!-- {mark}: generated -->\n"), format!("<!-- {mark}: end -->"));
    let (before, rest) = page.split_once(&begin).unwrap_or_else(|| panic!("{begin} is missing"));
    let (_, after) = rest.split_once(&end).unwrap_or_else(|| panic!("{end} is missing"));
    format!("{before}{begin}\n{text}\n{end}{after}")
}

#[test]
fn document_the_tables_of_the_page_are_what_the_code_says() {
    let path = root().join("docs/permissions.md");
    let written = fs::read_to_string(&path).unwrap();
    let page = filled(&written, "azure", &azure());
    let page = filled(&page, "kubernetes", &kubernetes());
    if env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &page).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap();
    assert!(
        written == page,
        "the tables of docs/permissions.md are not what the code says; run this test with UPDATE_DOCS=1"
    );
}

/// A right that no call uses would be granted for nothing.
#[test]
fn each_right_is_used_by_a_call() {
    let used: Vec<Needed> =
        CALLS.iter().flat_map(|call| rights(call)).map(|(right, _)| right).collect();
    for action in AzureAction::ALL {
        let is_alike = ALIKE.iter().any(|(own, _)| own == action);
        assert!(is_alike || used.contains(&Needed::Azure(*action)), "{action:?}");
    }
    for right in KubernetesRight::ALL {
        assert!(used.contains(&Needed::Kubernetes(*right)), "{right:?}");
    }
}
