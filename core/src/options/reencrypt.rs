//! Whether and how secrets are rewritten, as other languages pass it: a boolean, or the options.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, MapAccess, Visitor, value::MapAccessDeserializer},
};

use super::{Reencrypt, ReencryptOptions};

impl Serialize for Reencrypt {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Skip => serializer.serialize_bool(false),
            Self::With(options) if *options == ReencryptOptions::default() => {
                serializer.serialize_bool(true)
            }
            Self::With(options) => options.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Reencrypt {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(BooleanOrOptions)
    }
}

struct BooleanOrOptions;

impl<'de> Visitor<'de> for BooleanOrOptions {
    type Value = Reencrypt;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a boolean, or the options of the rewrite")
    }

    fn visit_bool<E: Error>(self, rewrite: bool) -> Result<Reencrypt, E> {
        Ok(if rewrite { Reencrypt::default() } else { Reencrypt::Skip })
    }

    fn visit_map<A: MapAccess<'de>>(self, options: A) -> Result<Reencrypt, A::Error> {
        ReencryptOptions::deserialize(MapAccessDeserializer::new(options)).map(Reencrypt::With)
    }
}

impl JsonSchema for Reencrypt {
    fn schema_name() -> Cow<'static, str> {
        "Reencrypt".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let options = generator.subschema_for::<ReencryptOptions>();
        json_schema!({ "anyOf": [{ "type": "boolean" }, options] })
    }
}
