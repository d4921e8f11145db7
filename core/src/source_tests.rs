//! What must hold of the source as a whole: its pages say what it does, and its messages can be read.

use std::{
    collections::{BTreeMap, BTreeSet},
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

/// The crate's files with their code; tests and comments are left out.
fn sources() -> Vec<(PathBuf, String)> {
    let is_code = |line: &&str| !line.trim_start().starts_with("//");
    let code = |text: String| text.lines().filter(is_code).collect::<Vec<_>>().join("\n");
    sources_with_comments().into_iter().map(|(path, text)| (path, code(text))).collect()
}

/// The crate's files; tests are left out.
pub(crate) fn sources_with_comments() -> Vec<(PathBuf, String)> {
    fn walk(folder: &Path, into: &mut Vec<(PathBuf, String)>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if path.is_dir() && name != "tests" {
                walk(&path, into);
            } else if path.extension().is_some_and(|end| end == "rs") && !name.ends_with("tests.rs")
            {
                let text = fs::read_to_string(&path).unwrap();
                let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
                into.push((path, code.to_owned()));
            }
        }
    }
    let mut sources = Vec::new();
    walk(&root().join("core/src"), &mut sources);
    assert!(sources.len() > 100, "the source was not found");
    sources
}

pub(crate) fn root() -> PathBuf {
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

/// The rooms from top to bottom, as `docs/architecture.md` lists them. Those of a line do not know
/// each other.
const LAYERS: [&[&str]; 16] = [
    &["fleet"],
    // `KmsManager::builder` and what it builds are one thing in two files
    &["builder", "list_clusters", "manager"],
    &["access", "provision"],
    &["runner"],
    &["observe", "operation", "reencrypt", "verbs"],
    &["rules"],
    &["observed", "plan"],
    &["ledger"],
    &["azure", "kubernetes"],
    &["facts", "limits", "options", "seal"],
    &["error"],
    &["report"],
    &["progress"],
    &["catalogue"],
    &["ids"],
    &["clock", "text"],
];

fn layer(room: &str) -> usize {
    let at = LAYERS.iter().position(|rooms| rooms.contains(&room));
    at.unwrap_or_else(|| panic!("{room} is in no layer"))
}

/// The modules that a text imports from, of those at `place`, such as `crate::`.
fn imports(text: &str, place: &str) -> BTreeSet<String> {
    let mut rooms = BTreeSet::new();
    for (at, _) in text.match_indices(place) {
        let rest = &text[at + place.len()..];
        let word = |text: &str| -> String {
            text.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect()
        };
        let Some(list) = rest.strip_prefix('{') else {
            rooms.insert(word(rest));
            continue;
        };
        let (mut depth, mut is_first) = (0, true);
        for (place, c) in list.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => is_first = true,
                c if depth == 0 && is_first && c.is_ascii_lowercase() => {
                    rooms.insert(word(&list[place..]));
                    is_first = false;
                }
                _ => {}
            }
        }
    }
    rooms.remove("");
    rooms
}

#[test]
fn imports_are_read() {
    let text = "use crate::{\n    azure::{Azure, self},\n    error::Result,\n};\nlet x = crate::text::one_line(y);";
    let expected: BTreeSet<String> = ["azure", "error", "text"].map(str::to_owned).into();
    assert_eq!(imports(text, "crate::"), expected);
}

#[test]
fn imports_point_downwards() {
    let base = root().join("core/src");
    let mut upwards = Vec::new();
    for (path, text) in sources() {
        let room = path.strip_prefix(&base).unwrap().iter().next().unwrap().to_str().unwrap();
        let room = room.trim_end_matches(".rs");
        // its helpers are for tests, which may know everything
        let for_tests = path.iter().any(|part| part.to_str().unwrap().starts_with("testing"));
        if room == "lib" || for_tests || path.iter().any(|part| part == "exploration") {
            continue;
        }
        let own = layer(room);
        for other in imports(&text, "crate::").into_iter().filter(|other| *other != room) {
            let is_one_thing = own == layer(&other) && own == layer("manager");
            if layer(&other) <= own && !is_one_thing {
                upwards.push(format!("{} imports {other}", path.display()));
            }
        }
    }
    assert!(upwards.is_empty(), "{upwards:#?}");
}

/// Of a folder's files; a file and the folder that it is in are one thing.
#[test]
fn the_files_of_a_folder_import_each_other_in_no_circle() {
    let mut folders: BTreeMap<PathBuf, BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
    for (path, text) in sources() {
        let file = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if file != "mod" && file != "lib" {
            let folder = folders.entry(path.parent().unwrap().to_owned()).or_default();
            folder.insert(file, imports(&text, "super::"));
        }
    }
    let mut checked = 0;
    for (folder, files) in folders {
        let mut left = files.clone();
        // What imports nothing that is left is in no circle.
        while let Some(free) = left.iter().find_map(|(file, needs)| {
            let is_free = |need: &String| need == file || !left.contains_key(need);
            needs.iter().all(is_free).then(|| file.clone())
        }) {
            left.remove(&free);
        }
        assert!(left.is_empty(), "{}: {left:#?}", folder.display());
        checked += files.len();
    }
    assert!(checked > 100, "{checked}");
}

#[test]
fn no_message_has_two_spaces_in_a_row() {
    for (path, text) in sources() {
        for line in text.lines() {
            // a lost `\` at the end of a line leaves the next one's indent in the text
            let quoted = line.split('"').skip(1).step_by(2);
            for part in quoted.filter(|part| !part.contains("\\n")) {
                let words = part.trim();
                assert!(!words.contains("  "), "{}: {line}", path.display());
            }
        }
    }
}

/// What rustfmt leaves alone. A word that is long by itself, such as a link, may stand out.
#[test]
fn comments_are_no_wider_than_120_columns() {
    for (path, text) in sources_with_comments() {
        let comments = text.lines().filter(|line| line.trim_start().starts_with("//"));
        for line in comments.filter(|line| line.chars().count() > 120) {
            let has_long_word = line.split(' ').any(|word| word.chars().count() > 80);
            assert!(has_long_word, "{}: {line}", path.display());
        }
    }
}
