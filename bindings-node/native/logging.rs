//! What the library traces, on standard error: as much as `AKS_KMS_LOG` asks for, of the library's own targets only.

use std::{env, io};

use tracing::{level_filters::LevelFilter, subscriber::set_global_default};
use tracing_subscriber::{
    Layer,
    filter::{Targets, filter_fn},
    fmt,
    layer::SubscriberExt,
    registry::Registry,
};

/// A level, or levels by target as in `aks_kms::azure=debug,aks_kms=info`.
const VARIABLE: &str = "AKS_KMS_LOG";

/// Begins to log, once in a process. Nothing where the variable is not set; else what is wrong with it.
pub(crate) fn install() -> Option<String> {
    let asked = env::var(VARIABLE).ok().filter(|asked| !asked.is_empty())?;
    let targets = match asked.parse::<LevelFilter>() {
        Ok(level) => Targets::new().with_target("aks_kms", level),
        Err(_) => match asked.parse::<Targets>() {
            Ok(targets) => targets,
            Err(_) => {
                return Some(format!(
                    "{VARIABLE} is {asked:?}, which is neither a level (error, warn, info, debug, trace) nor levels by target; nothing is logged"
                ));
            }
        },
    };
    let ours = filter_fn(|metadata| metadata.target().starts_with("aks_kms"));
    let layer = fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(false)
        .with_filter(ours)
        .with_filter(targets);
    // this copy of the library is traced by nobody else
    let _ = set_global_default(Registry::default().with(layer));
    None
}
