//! The verbs as pure plans: one file each, in the order of the documentation page.

mod enable;
mod reencrypt_secrets;
mod status;

pub(crate) use enable::plan as enable;
pub(crate) use reencrypt_secrets::plan as reencrypt_secrets;
pub(crate) use status::findings as status;
