//! Facts that could not always be read.

use std::fmt;

/// A fact about the world, or why it could not be read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Fact<T> {
    /// It was read.
    Known(T),
    /// It could not be read: which permission or endpoint was missing.
    Unknown(String),
}

impl<T> Fact<T> {
    /// The value, or why it is not known.
    pub(crate) fn get(&self) -> Result<&T, &str> {
        match self {
            Self::Known(value) => Ok(value),
            Self::Unknown(why) => Err(why),
        }
    }

    pub(crate) fn known(&self) -> Option<&T> {
        self.get().ok()
    }

    /// Carries the reason over to a fact that depends on this one.
    pub(crate) fn and_then<'a, U>(&'a self, read: impl FnOnce(&'a T) -> Fact<U>) -> Fact<U> {
        self.get().map_or_else(|why| Fact::Unknown(why.to_owned()), read)
    }
}

impl<T, E: fmt::Display> From<Result<T, E>> for Fact<T> {
    fn from(read: Result<T, E>) -> Self {
        read.map_or_else(|error| Self::Unknown(error.to_string()), Self::Known)
    }
}

/// What became of looking for a resource that may have been deleted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Lookup<T> {
    /// It is there.
    Found(T),
    /// It is not there and not recoverable either.
    NotFound,
    /// It was deleted and can be recovered.
    SoftDeleted,
}

impl<T> Lookup<T> {
    pub(crate) fn found(&self) -> Option<&T> {
        match self {
            Self::Found(value) => Some(value),
            Self::NotFound | Self::SoftDeleted => None,
        }
    }
}
