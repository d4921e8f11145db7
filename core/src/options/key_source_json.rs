//! Which key KMS data encryption uses, as other languages pass it: a word, or the key.

use std::{borrow::Cow, fmt, marker::PhantomData};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, Visitor, value::MapAccessDeserializer},
};

use super::{ClusterKeySource, CustomerManagedKey, KeySource};
use crate::ids::NetworkMode;

/// The word for a key of the platform's.
const PLATFORM_MANAGED: &str = "platform-managed";

impl<'de> Deserialize<'de> for KeySource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(KeyVisitor(PhantomData))
    }
}

impl<'de> Deserialize<'de> for ClusterKeySource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(KeyVisitor(PhantomData))
    }
}

/// A source that is passed as a text, or as the key.
trait TextOrKey: From<KeySource> {
    /// What else it can be, for the errors.
    const OR: &str;

    /// A text that is not the platform's word.
    fn other<E: Error>(text: &str) -> Result<Self, E>;
}

impl TextOrKey for KeySource {
    const OR: &str = "";

    fn other<E: Error>(word: &str) -> Result<Self, E> {
        Err(E::custom(format_args!(
            "key_source is {word:?}, which is not \"{PLATFORM_MANAGED}\" or an object with key_id, \
             key_vault_id and network_mode"
        )))
    }
}

impl TextOrKey for ClusterKeySource {
    const OR: &str = "a key id, ";

    /// What is no key id is a rule's to say.
    fn other<E: Error>(key_id: &str) -> Result<Self, E> {
        Ok(key_id.into())
    }
}

struct KeyVisitor<T>(PhantomData<T>);

impl<'de, T: TextOrKey> Visitor<'de> for KeyVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\"{PLATFORM_MANAGED}\", or a customer-managed key", T::OR)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        if text == PLATFORM_MANAGED {
            return Ok(KeySource::PlatformManaged.into());
        }
        T::other(text)
    }

    fn visit_map<A: MapAccess<'de>>(self, key: A) -> Result<T, A::Error> {
        let key = CustomerManagedKey::deserialize(MapAccessDeserializer::new(key))?;
        Ok(KeySource::from(key).into())
    }
}

/// What is given of a key. That its vault is missing is a rule's to say, with what else is wrong.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GivenKey {
    key_id: String,
    #[serde(default)]
    key_vault_id: String,
    #[serde(default)]
    network_mode: NetworkMode,
}

impl<'de> Deserialize<'de> for CustomerManagedKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let GivenKey { key_id, key_vault_id, network_mode } = GivenKey::deserialize(deserializer)?;
        Ok(Self { key_id, key_vault_id, network_mode })
    }
}

impl JsonSchema for ClusterKeySource {
    fn schema_name() -> Cow<'static, str> {
        "ClusterKeySource".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let key = generator.subschema_for::<CustomerManagedKey>();
        json_schema!({
            "description": "The key of a new cluster: the id of a key with its version; or for KMS data encryption \
                            `platform-managed`, or a customer-managed key.",
            "anyOf": [{ "type": "string" }, key],
        })
    }
}

impl JsonSchema for KeySource {
    fn schema_name() -> Cow<'static, str> {
        "KeySource".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let key = generator.subschema_for::<CustomerManagedKey>();
        json_schema!({
            "description": "The key of KMS data encryption: the platform's, or a customer-managed one.",
            "anyOf": [{ "type": "string", "const": PLATFORM_MANAGED }, key],
        })
    }
}
