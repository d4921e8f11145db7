//! What the schema says of a verb: its arguments, options and result.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;

/// One for what is read, one for what is written: whether a member must be there differs.
pub(crate) struct Generators {
    pub(crate) arguments: SchemaGenerator,
    pub(crate) results: SchemaGenerator,
}

/// A verb, as the schema has it.
#[derive(Serialize)]
pub(crate) struct Verb {
    pub(crate) name: &'static str,
    /// Whether it changes the cluster, its vault, its secrets or its record.
    writes: bool,
    description: String,
    /// The arguments that are no options, in order. Nullable ones may be left out.
    pub(crate) required: &'static [&'static str],
    pub(crate) arguments: Schema,
    pub(crate) options: Schema,
    result: Schema,
}

/// A verb that is given these arguments and options, and gives this result.
pub(crate) fn describe<Given: JsonSchema, Options: JsonSchema, Result: JsonSchema>(
    generators: &mut Generators,
    name: &'static str,
    writes: bool,
    about: &[&str],
    required: &'static [&'static str],
) -> Verb {
    Verb {
        name,
        writes,
        description: about.iter().map(|line| line.trim()).collect::<Vec<_>>().join("\n"),
        required,
        arguments: Given::json_schema(&mut generators.arguments),
        options: Options::json_schema(&mut generators.arguments),
        result: generators.results.subschema_for::<Result>(),
    }
}
