//! What tests of several rooms share: parsers met by what nobody sends them.
//!
//! proptest chooses and makes smaller; what it has no word for is a valid document that somebody
//! changed, and that is here. `bolero` and `cargo fuzz` find their way by coverage, for which they need a
//! nightly compiler; `mutatis` changes values of known types, and what is read here has none yet.

mod change;
mod fuzz;
mod tree;

pub(crate) use fuzz::{Seen, Target};
