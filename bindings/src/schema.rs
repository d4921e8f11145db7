//! `schema.json`: the verbs with their arguments and results, the errors and the rules, for whoever generates
//! classes, type declarations and documentation.

use aks_kms::{ErrorKind, OperationReport, Progress, Rule};
use schemars::{JsonSchema, Schema, generate::SchemaSettings};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::{
    describe::{Generators, Verb},
    fleet::{self, FleetSection},
    list, verbs,
};

#[derive(Serialize)]
struct Document {
    verbs: Vec<Verb>,
    /// What needs no manager.
    functions: Vec<Verb>,
    /// What is done to many clusters.
    fleet: FleetSection,
    /// What progress, findings of errors and the catalogue are made of.
    progress: Schema,
    error_codes: Schema,
    report: Schema,
    rule: Schema,
    /// What arguments are made of.
    arguments: Map<String, Value>,
    /// What results are made of.
    results: Map<String, Value>,
}

fn document() -> Document {
    let settings = || SchemaSettings::draft2020_12();
    let mut generators = Generators {
        arguments: settings().for_deserialize().into_generator(),
        results: settings().for_serialize().into_generator(),
    };
    let verbs = verbs::verbs(&mut generators);
    let functions = vec![list::function(&mut generators)];
    let fleet = fleet::section(&mut generators);
    let Generators { mut arguments, mut results } = generators;
    Document {
        verbs,
        functions,
        fleet,
        progress: results.subschema_for::<Progress>(),
        error_codes: ErrorKind::json_schema(&mut results),
        report: results.subschema_for::<OperationReport>(),
        rule: results.subschema_for::<Rule>(),
        arguments: arguments.take_definitions(true),
        results: results.take_definitions(true),
    }
}

/// The schema, as `schema.json` has it.
///
/// # Panics
/// Never: a schema is JSON.
#[must_use]
pub fn schema() -> String {
    let document = serde_json::to_string_pretty(&document());
    format!("{}\n", document.expect("a schema is JSON"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_file_is_the_one_of_the_crate() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/schema.json");
        let now = schema();
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(path, &now).unwrap();
        }
        let file = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            file == now,
            "run `UPDATE_DOCS=1 cargo test -p aks-kms-bindings` to write {path} again, then \
             `bindings-python/generate`"
        );
    }

    #[test]
    fn every_verb_of_the_manager_is_in_the_table() {
        let core = concat!(env!("CARGO_MANIFEST_DIR"), "/../core/src");
        let folder = std::fs::read_dir(format!("{core}/manager")).unwrap();
        let files = folder.map(|entry| entry.unwrap().path());
        let sources = files.chain([format!("{core}/manager.rs").into()]);
        let mut of_manager: Vec<String> = sources
            .filter(|path| path.extension().is_some_and(|end| end == "rs"))
            .flat_map(|path| {
                let text = std::fs::read_to_string(path).unwrap();
                let methods =
                    text.lines().filter_map(|line| line.strip_prefix("    pub async fn "));
                // A verb gives a result: what gives nothing only waits.
                let verbs = methods.filter(|line| line.contains("->") || !line.ends_with('{'));
                let name = |line: &str| line.split(['(', '<']).next().map(str::to_owned);
                verbs.filter_map(name).collect::<Vec<_>>()
            })
            .collect();
        let mut of_table: Vec<&str> = document().verbs.iter().map(|verb| verb.name).collect();
        of_manager.sort_unstable();
        of_table.sort_unstable();
        assert!(of_manager.len() > 10, "{of_manager:?}");
        assert_eq!(of_table, of_manager);
    }

    #[test]
    fn the_codes_are_those_of_errors() {
        let document = serde_json::to_value(document()).unwrap();
        let codes = document["error_codes"]["oneOf"].as_array().unwrap();
        let codes: Vec<_> = codes.iter().map(|code| code["const"].as_str().unwrap()).collect();
        assert!(codes.contains(&ErrorKind::InvalidInput.code()));
        assert!(codes.contains(&ErrorKind::ReencryptIncomplete.code()));
        assert!(codes.contains(&ErrorKind::KmsUnavailable.code()));
    }
}
