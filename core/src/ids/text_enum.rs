//! Enums whose values have names: the same in reports, messages and arguments.

use super::ParseError;

/// An enum whose values have names: in JSON, and by `ALL`, `as_str`, `Display` and, in any case,
/// `FromStr`. The argument is what an unknown name is the value of.
macro_rules! text_enum {
    (
        $(#[$about:meta])*
        pub enum $enum:ident($argument:literal) {
            $($(#[$about_variant:meta])* $variant:ident = $text:literal,)+
        }
    ) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, serde::Serialize)]
        #[cfg_attr(feature = "bindings", derive(schemars::JsonSchema))]
        pub enum $enum {
            $($(#[$about_variant])* #[serde(rename = $text)] $variant,)+
        }

        impl $enum {
            /// All of them, in order.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The name, as in reports.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }
        }

        impl std::fmt::Display for $enum {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $enum {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'_, str> as serde::Deserialize>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }

        impl std::str::FromStr for $enum {
            type Err = $crate::ids::ParseError;

            /// Any case, as Azure does.
            fn from_str(text: &str) -> Result<Self, $crate::ids::ParseError> {
                $crate::ids::by_name($argument, text, Self::ALL, Self::as_str)
            }
        }
    };
}
pub(crate) use text_enum;

/// `Serialize` and `Deserialize` as the text that `Display` writes and `FromStr` reads.
macro_rules! serde_as_text {
    ($type:ident) => {
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(crate) use serde_as_text;

/// The schema of what is written as text: its name, and what it is.
#[cfg(feature = "bindings")]
macro_rules! schema_as_text {
    ($type:ident, $about:expr) => {
        impl schemars::JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "description": $about })
            }
        }
    };
}
#[cfg(feature = "bindings")]
pub(crate) use schema_as_text;

/// A moment, as results write it.
#[cfg(feature = "bindings")]
pub(crate) struct Time;

#[cfg(feature = "bindings")]
impl schemars::JsonSchema for Time {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Time".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "format": "date-time" })
    }
}

/// The value with this name.
///
/// # Errors
/// [`ParseError`] that names the argument and all names.
pub(crate) fn by_name<T: Copy>(
    argument: &'static str,
    text: &str,
    all: &[T],
    name: impl Fn(T) -> &'static str,
) -> Result<T, ParseError> {
    let is_it = |value: &&T| text.eq_ignore_ascii_case(name(**value));
    all.iter().find(is_it).copied().ok_or_else(|| {
        let names: Vec<String> = all.iter().map(|value| format!("{:?}", name(*value))).collect();
        let names = match names.split_last() {
            Some((last, [])) => last.clone(),
            Some((last, others)) => format!("{} or {last}", others.join(", ")),
            None => String::new(),
        };
        ParseError::new(argument, text, names, "")
    })
}

#[cfg(test)]
mod tests {
    use std::{fmt::Debug, str::FromStr};

    use serde::{Serialize, de::DeserializeOwned};

    use crate::{
        catalogue::Level,
        ids::{NetworkMode, NodePools, VaultAccess, VaultAuthorization, Verb},
        options::Pace,
        progress::Phase,
        report::{
            BlockedReason, Evidence, Experience, FindingState, KmsVersion, ProvisionPart, Purpose,
            StepOutcome,
        },
    };

    fn has_one_name<T>(all: &[T], name: impl Fn(T) -> &'static str)
    where
        T: Copy + Debug + DeserializeOwned + FromStr + PartialEq + Serialize + ToString,
        T::Err: Debug,
    {
        assert!(!all.is_empty());
        for value in all {
            let text = name(*value);
            assert_eq!(value.to_string(), text);
            assert_eq!(text.parse::<T>().unwrap(), *value);
            assert_eq!(text.to_uppercase().parse::<T>().unwrap(), *value);
            assert_eq!(serde_json::to_value(value).unwrap(), text);
            assert_eq!(serde_json::from_value::<T>(text.into()).unwrap(), *value);
        }
    }

    #[test]
    fn a_value_has_one_name_in_json_messages_and_arguments() {
        has_one_name(BlockedReason::ALL, BlockedReason::as_str);
        has_one_name(Evidence::ALL, Evidence::as_str);
        has_one_name(Experience::ALL, Experience::as_str);
        has_one_name(FindingState::ALL, FindingState::as_str);
        has_one_name(KmsVersion::ALL, KmsVersion::as_str);
        has_one_name(Level::ALL, Level::as_str);
        has_one_name(NetworkMode::ALL, NetworkMode::as_str);
        has_one_name(NodePools::ALL, NodePools::as_str);
        has_one_name(Pace::ALL, Pace::as_str);
        has_one_name(Phase::ALL, Phase::as_str);
        has_one_name(Purpose::ALL, Purpose::as_str);
        has_one_name(StepOutcome::ALL, StepOutcome::as_str);
        has_one_name(ProvisionPart::ALL, ProvisionPart::as_str);
        has_one_name(VaultAccess::ALL, VaultAccess::as_str);
        has_one_name(VaultAuthorization::ALL, VaultAuthorization::as_str);
        has_one_name(Verb::ALL, Verb::as_str);
    }

    #[test]
    fn an_unknown_name_is_told_with_the_argument_and_all_names() {
        let error = "both".parse::<NetworkMode>().unwrap_err();
        assert_eq!(
            error.to_string(),
            r#"network_mode is "both", which is not "public" or "private""#
        );
        let error = "".parse::<Purpose>().unwrap_err();
        assert_eq!(
            error.to_string(),
            r#"purpose is "", which is not "gate", "rewrite" or "verify""#
        );
    }
}
