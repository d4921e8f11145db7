//! `docs/errors.md`, generated from the code so that the two cannot differ: every code, and every
//! message that the crate makes, read from where it is made.

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    fmt::Write,
    fs,
};

use crate::{
    ErrorKind,
    azure::refusal,
    source_tests::{root, sources_with_comments},
};

const INTRODUCTION: &str = "\
<!-- Generated from the code by `UPDATE_DOCS=1 cargo test -p aks-kms --lib error_document`. -->

# Errors

Every error has a stable `code`, a message of one sentence (what failed, on what, what to do), and says \
whether the same call may succeed later with nothing else changed (`is_retryable`). Where Azure or a vault \
refused something, `service_code` is its own code. A message that does not name the cluster is preceded by \
the verb and the cluster: `rotate of cluster prod: …`. What an operation leaves half-way is at the end of \
each of its messages. Messages are for people: programs go by the code.

In the messages below, `<…>` stands for what is filled in.
";

/// In the order of the page: each code, whether a later call may succeed, and what to do.
const CODES: &[(ErrorKind, &str)] = &[
    (ErrorKind::InvalidInput, "Correct the argument that the message names."),
    (
        ErrorKind::PreflightFailed,
        "Do what each finding's remedy says, all of them at once; or name a rule that can be allowed in `allow`.",
    ),
    (ErrorKind::NotFound, "Check the name or the resource id."),
    (ErrorKind::Unauthenticated, "Sign in, or correct the credential as the message says."),
    (ErrorKind::Forbidden, "Grant the permission that the message names, to who calls."),
    (
        ErrorKind::Conflict,
        "Wait until the other operation has ended and call again; where `is_retryable` is false, do what the message says first.",
    ),
    (
        ErrorKind::OperationFailed,
        "Read `service_code` and the message, which are Azure's; correct what they name and call the same verb again.",
    ),
    (
        ErrorKind::ReencryptIncomplete,
        "Read `report().reencryption`: it names each secret with the reason; correct them and call again.",
    ),
    (
        ErrorKind::KmsUnavailable,
        "Look at the vault, the key and the cluster's identity; then call again.",
    ),
    (ErrorKind::Throttled, "Call again later."),
    (ErrorKind::Timeout, "Call again: what was begun is gone on with."),
    (ErrorKind::Unavailable, "Check the network and the service, then call again."),
    (
        ErrorKind::Unexpected,
        "Look for a proxy in between, or for a version of the service that this one does not know; report it otherwise.",
    ),
];

/// The messages by the name of their kind; empty where that depends on a response.
fn messages() -> BTreeMap<String, BTreeSet<String>> {
    let mut messages: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (_, text) in sources_with_comments() {
        for (at, call) in
            text.match_indices(" Error::new(").chain(text.match_indices("(Error::new("))
        {
            let arguments = arguments(&text[at + call.len()..]);
            let kind = after(arguments, "ErrorKind::").unwrap_or_default();
            let templates = match literals(arguments) {
                own if own.is_empty() => message_before(function_of(&text[..at])),
                own => own,
            };
            let is_sentence = |template: &String| template.split(' ').count() > 4;
            let sentences = templates.into_iter().filter(is_sentence);
            messages.entry(kind).or_default().extend(sentences.map(|it| shown(&it)));
        }
    }
    messages
}

/// What stands between the parentheses that are open already.
fn arguments(text: &str) -> &str {
    let (mut depth, mut in_text, mut escaped) = (1, false, false);
    for (at, letter) in text.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' if in_text => escaped = true,
            '"' => in_text = !in_text,
            '(' if !in_text => depth += 1,
            ')' if !in_text => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return &text[..at];
        }
    }
    text
}

/// The function that a text ends in, from its signature on.
fn function_of(before: &str) -> &str {
    &before[before.rfind("fn ").unwrap_or(0)..]
}

/// The words after a marker.
fn after(text: &str, marker: &str) -> Option<String> {
    let rest = text.split_once(marker)?.1;
    Some(rest.chars().take_while(|letter| letter.is_alphanumeric()).collect())
}

/// The texts that are written out.
fn literals(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((_, inside)) = rest.split_once('"') {
        let mut escaped = false;
        let end = inside.find(|letter| {
            let is_end = letter == '"' && !escaped;
            escaped = letter == '\\' && !escaped;
            is_end
        });
        let Some(end) = end else { break };
        found.push(unescaped(&inside[..end]));
        rest = &inside[end + 1..];
    }
    found
}

/// A written text as it is: without the breaks of its lines.
fn unescaped(text: &str) -> String {
    let lines = text.split("\\\n").map(str::trim_start);
    lines.collect::<String>().replace("\\\"", "\"")
}

/// The texts of the last `let message = …` before the call.
fn message_before(function: &str) -> Vec<String> {
    let names = ["let message =", "let what =", "let sentence =", "let (kind, sentence) ="];
    let at = names.iter().filter_map(|name| function.rfind(name)).max();
    at.map(|at| literals(&function[at..])).unwrap_or_default()
}

/// The text with `<…>` for what is filled in.
fn shown(template: &str) -> String {
    let mut text = String::new();
    let mut rest = template;
    while let Some((before, inside)) = rest.split_once('{') {
        text.push_str(before);
        let (name, after) = inside.split_once('}').unwrap_or((inside, ""));
        let name = name.split(':').next().unwrap_or_default();
        let name = name.rsplit('.').next().unwrap_or_default().replace('_', " ");
        let is_named = !name.is_empty() && name.chars().next().is_some_and(char::is_alphabetic);
        let name = if is_named { name.to_lowercase() } else { "…".to_owned() };
        let _ = write!(text, "<{name}>");
        rest = after;
    }
    text + rest
}

/// What Azure answers: HTTP status and code.
const ANSWERS: &[(u16, &str)] = &[
    (400, "InvalidParameter"),
    (401, "ExpiredAuthenticationToken"),
    (403, "AuthorizationFailed"),
    (403, "RequestDisallowedByPolicy"),
    (404, "ResourceNotFound"),
    (404, "SubnetNotFound"),
    (409, "EtagMismatch"),
    (409, "MissingSubscriptionRegistration"),
    (409, "OperationNotAllowed"),
    (409, "ScopeLocked"),
    (412, "PreconditionFailed"),
    (429, "TooManyRequests"),
    (500, "InternalServerError"),
    (503, "ServerBusy"),
];

fn page() -> String {
    let mut messages = messages();
    let mut page = INTRODUCTION.to_owned();
    for (kind, remedy) in CODES {
        let (code, name) = (kind.code(), format!("{kind:?}"));
        let retryable =
            if kind.is_retryable() { "yes, unless somebody must act first" } else { "no" };
        write!(page, "\n## `{code}`\n\n{}\n\n", meaning(&name)).unwrap();
        writeln!(page, "What to do: {remedy} Worth another try: {retryable}.\n").unwrap();
        list(&mut page, messages.remove(&name).unwrap_or_default());
    }
    page.push_str("\n## By the cause\n\nThe code of these depends on what was answered.\n\n");
    list(&mut page, messages.remove("").unwrap_or_default());
    assert!(messages.is_empty(), "kinds without a section: {messages:?}");
    page.push_str("\nWhat becomes of a refusal of a change by Azure:\n\n| HTTP | Azure's code | code | message |\n|---|---|---|---|\n");
    for (status, code) in ANSWERS {
        let error = refusal(*status, code);
        writeln!(page, "| {status} | `{code}` | `{}` | {error} |", error.code()).unwrap();
    }
    page
}

fn list(page: &mut String, messages: BTreeSet<String>) {
    for message in messages {
        writeln!(page, "- ``{message}``").unwrap();
    }
}

/// What the kind's own comment says.
fn meaning(name: &str) -> String {
    let text = fs::read_to_string(root().join("core/src/error.rs")).unwrap();
    let at = text.find(&format!("\n    {name},\n")).unwrap();
    let line = text[..at].lines().next_back().unwrap();
    line.trim().trim_start_matches("/// ").replace("[`", "`").replace("`]", "`")
}

#[test]
fn the_errors_page_is_what_the_code_says() {
    let path = root().join("docs/errors.md");
    let page = page();
    if env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &page).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == page,
        "docs/errors.md is not what the code says; run this test with UPDATE_DOCS=1"
    );
}

#[test]
fn every_message_is_one_sentence() {
    let messages: Vec<String> = messages().into_values().flatten().collect();
    assert!(messages.len() > 70, "{}", messages.len());
    for message in messages {
        assert!(!message.contains("  ") && !message.contains('\n'), "{message:?}");
        assert!(!message.ends_with(['.', ' ', ',']), "{message:?}");
        // with a small letter, because it may come after another's colon, or with a name
        let word = message.split(' ').next().unwrap();
        let is_name = ["API", "Azure", "Azure's", "Kubernetes", "Secret"].contains(&word);
        assert!(is_name || !word.starts_with(char::is_uppercase), "{message:?}");
    }
}

#[test]
fn messages_are_read_as_they_are_written() {
    let code = "fn gone(id: &Id) -> Error {\n    let message = format!(\"\\\n        no {} in {id:?}, \\\"{self.name}\\\"\"\n    );\n    Error::new(ErrorKind::NotFound, message)";
    let at = code.rfind("Error::new(").unwrap();
    let template = shown(&message_before(function_of(&code[..at]))[0]);
    assert_eq!(template, "no <…> in <id>, \"<name>\"");
    assert_eq!(arguments("a, \"(\\\"\", (b)), c"), "a, \"(\\\"\", (b)");
}
