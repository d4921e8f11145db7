//! What came of each case, for a comparison of the languages: `bindings-node/test/results.mjs`.

use std::path::PathBuf;

use aks_kms::Error;
use aks_kms_simulator::Case;
use serde_json::{Value, json};

/// Writes it to a file of the case's name in the folder that `AKS_KMS_RESULTS` names, if it does.
pub(super) fn keep(name: &str, world: &Case, outcome: &Result<Value, Error>) {
    let Some(folder) = std::env::var_os("AKS_KMS_RESULTS").map(PathBuf::from) else { return };
    let mut document = match outcome {
        Ok(result) => json!({"result": result}),
        Err(error) => json!({"error": {
            "code": error.code(),
            "message": error.to_string(),
            "retryable": error.is_retryable(),
            "service_code": error.service_code(),
            "findings": error.findings(),
            "report": error.report(),
        }}),
    };
    // what differs from run to run
    document["ids"] = json!({
        "case": world.id,
        "subscription": world.subscription_id,
        "tenant": world.tenant_id,
        "client": world.client_id,
        "principal": world.principal_id,
        "arm": world.arm,
    });
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(format!("{name}.json")), document.to_string()).unwrap();
}
