//! What the bindings to other languages share.
//!
//! A binding passes a call as JSON, by the names of the verb and of its arguments, and gets its result as
//! JSON: so nothing is decided outside of `aks-kms`, and a new verb is a row of the table in `verbs`.
//! `schema.json` describes each verb, its arguments, its result, the errors and the rules; the classes, type
//! declarations and documentation of the bindings are generated from it.

mod access;
mod arguments;
mod chain;
mod describe;
mod error;
mod fleet;
mod fleet_settings;
mod list;
mod report;
mod schema;
mod settings;
mod verbs;

pub use chain::default_credential;
pub use error::error_document;
pub use fleet::{call_fleet, check_fleet};
pub use fleet_settings::FleetSettings;
pub use list::list_clusters;
pub use report::{is_fleet_complete, is_proven, is_refused, shown, to_html, to_markdown, to_text};
pub use schema::schema;
pub use settings::Settings;
pub use verbs::{call, rules};
