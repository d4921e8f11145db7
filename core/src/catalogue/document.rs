//! `docs/rules.md`, generated from the catalogue so that the two cannot differ.

use std::{env, fmt::Write, fs, path::PathBuf};

use super::{Rule, TOPICS};

const INTRODUCTION: &str = "\
<!-- Generated from the catalogue by `UPDATE_DOCS=1 cargo test -p aks-kms --lib catalogue::document`. -->

# Rules

Every documented limitation of KMS etcd encryption on AKS is a rule with a stable id. All rules that \
concern a verb are judged before its first write, and everything that is wrong is reported at once.

- **block**: the operation is refused.
- **block, can be allowed**: it is refused unless the caller names the rule in `allow`.
- **warn**, **info**: reported, not refused.

A rule whose facts could not be read is *undetermined*. That refuses the operation where the rule says \
so, because guessing could lose data, and is a warning elsewhere. Where a rule's weight depends on the \
circumstances, the heaviest is given here.
";

fn page() -> String {
    let mut page = INTRODUCTION.to_owned();
    for (topic, rules) in TOPICS {
        write!(page, "\n## {topic}\n").unwrap();
        for rule in *rules {
            page.push_str(&section(rule));
        }
    }
    page
}

fn section(rule: &Rule) -> String {
    let verbs: Vec<String> = rule.verbs.iter().map(|verb| format!("`{verb}`")).collect();
    format!(
        "\n### {id}\n\n{summary}\n\n- Level: {level}{allowed}{undetermined}\n- Concerns: {verbs}\n\
         - What to do: {remedy}\n- See <{url}>\n",
        id = rule.id,
        summary = in_markdown(rule.summary),
        level = rule.level,
        allowed = if rule.overridable { ", can be allowed" } else { "" },
        undetermined =
            if rule.refuses_undetermined { "; refused also when undetermined" } else { "" },
        verbs = verbs.join(", "),
        remedy = in_markdown(rule.remedy),
        url = rule.url,
    )
}

/// Placeholders such as `<vault>` outside of code would be taken for HTML.
fn in_markdown(text: &str) -> String {
    text.split('`')
        .enumerate()
        .map(|(part, text)| if part % 2 == 0 { text.replace('<', "\\<") } else { text.to_owned() })
        .collect::<Vec<_>>()
        .join("`")
}

#[test]
fn the_rules_page_is_what_the_catalogue_says() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/rules.md");
    let page = page();
    if env::var_os("UPDATE_DOCS").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &page).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == page,
        "docs/rules.md is not what the catalogue says; run this test with UPDATE_DOCS=1"
    );
}

#[test]
fn placeholders_outside_of_code_are_escaped() {
    assert_eq!(in_markdown("`a <b>` where <b> is c"), "`a <b>` where \\<b> is c");
}
