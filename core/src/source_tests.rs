//! What must hold of the source as a whole: its pages say what it does, and its messages can be read.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Actions of the cluster's identity, and of people whom a message tells what to do.
const OF_OTHERS: [&str; 6] = [
    "Microsoft.KeyVault/vaults/keys/encrypt/action",
    "Microsoft.KeyVault/vaults/keys/decrypt/action",
    "Microsoft.KeyVault/vaults/keys/wrap/action",
    "Microsoft.KeyVault/vaults/keys/unwrap/action",
    "Microsoft.KeyVault/locations/deletedVaults/purge/action",
    "Microsoft.KeyVault/vaults/privateEndpointConnectionsApproval/action",
];

/// The crate's files with their text; tests are left out.
fn sources() -> Vec<(PathBuf, String)> {
    fn walk(folder: &Path, into: &mut Vec<(PathBuf, String)>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if path.is_dir() && name != "tests" {
                walk(&path, into);
            } else if path.extension().is_some_and(|end| end == "rs") && !name.ends_with("tests.rs")
            {
                let text = fs::read_to_string(&path).unwrap();
                let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap().to_owned();
                into.push((path, code));
            }
        }
    }
    let mut sources = Vec::new();
    walk(&root().join("core/src"), &mut sources);
    assert!(sources.len() > 100, "the source was not found");
    sources
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// `Microsoft.Provider/type/…/verb`, as a text names them.
fn actions(text: &str) -> BTreeSet<String> {
    let is_part = |c: char| c.is_ascii_alphabetic() || matches!(c, '.' | '/');
    text.match_indices("Microsoft.")
        .map(|(at, _)| text[at..].split(|c| !is_part(c)).next().unwrap_or_default())
        .filter(|name| ["/read", "/write", "/action"].iter().any(|verb| name.ends_with(verb)))
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_permissions_page_names_every_action_that_the_code_needs() {
    let needed: BTreeSet<String> = sources().iter().flat_map(|(_, text)| actions(text)).collect();
    assert!(needed.len() > 15, "{needed:?}");
    let page = actions(&fs::read_to_string(root().join("docs/permissions.md")).unwrap());
    let of_others = OF_OTHERS.map(str::to_owned).into();
    let needed: BTreeSet<String> = needed.difference(&of_others).cloned().collect();
    let missing: Vec<&String> = needed.difference(&page).collect();
    assert!(missing.is_empty(), "docs/permissions.md does not name {missing:?}");
}

#[test]
fn no_message_has_two_spaces_in_a_row() {
    for (path, text) in sources() {
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        for line in code {
            // a lost `\` at the end of a line leaves the next one's indent in the text
            let quoted = line.split('"').skip(1).step_by(2);
            for part in quoted.filter(|part| !part.contains("\\n")) {
                let words = part.trim();
                assert!(!words.contains("  "), "{}: {line}", path.display());
            }
        }
    }
}
