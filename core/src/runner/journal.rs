//! Where an operation is recorded.

/// Where operations and keys are recorded.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum Journal {
    /// Nowhere. Every change of the key is preceded by a whole gate, and an operation that was
    /// interrupted is finished by calling the same verb again.
    #[default]
    None,
}
