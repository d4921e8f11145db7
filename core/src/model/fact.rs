//! Facts that could not always be read.

/// A fact about the world, or why it could not be read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Fact<T> {
    /// It was read.
    Known(T),
    /// It could not be read: which permission or endpoint was missing.
    Unknown(String),
}

impl<T> Fact<T> {
    pub(crate) fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Unknown(_) => None,
        }
    }

    /// Carries the reason over to a fact that depends on this one.
    pub(crate) fn and_then<'a, U>(&'a self, read: impl FnOnce(&'a T) -> Fact<U>) -> Fact<U> {
        match self {
            Self::Known(value) => read(value),
            Self::Unknown(why) => Fact::Unknown(why.clone()),
        }
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
