//! From nothing to an encrypted cluster: `cargo run --example provision_and_enable`.
//!
//! It starts a simulated Azure region in this process, where a new role takes a few seconds to reach a
//! vault; shows what `provision` would make, with the `az` commands that do the same; makes it; turns KMS
//! on with the key, the first time; and makes a second cluster that has KMS on from the start.

use std::{error::Error, io::Write, time::Duration};

use aks_kms::{
    ClusterId, CreateClusterOptions, EnableOptions, KmsManager, ProvisionOptions, Provisioned,
    Timing,
};
use aks_kms_examples::{describe, report, simulated};
use aks_kms_simulator::{Case, Options, Simulator, given};
use serde_json::json;

/// How long a role takes here, in seconds. On Azure it is minutes.
const ROLE_PROPAGATION: f64 = 3.0;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut out = std::io::stdout().lock();
    let simulator = Simulator::start(Options::default()).await?;
    let case = simulator.put_case(world()).await?;
    let cluster = ClusterId::parse(&case.cluster_id)?;
    let manager = manager(&case, cluster.clone())?;

    let dry_run = ProvisionOptions { dry_run: true, ..ProvisionOptions::default() };
    let planned = manager.provision(dry_run).await?;
    writeln!(out, "Missing for {}", cluster.name())?;
    for step in &planned.plan {
        writeln!(out, "- {step}\n  {}", step.command)?;
    }
    let made = manager.provision(ProvisionOptions::default()).await?;
    tell(&mut out, &made)?;
    let again = manager.provision(ProvisionOptions::default()).await?;
    writeln!(out, "a second call made {} parts", again.created.len())?;

    let enabled = manager.enable(&made.key_id, EnableOptions::default()).await?;
    report(&mut out, &enabled)?;
    writeln!(out, "etcd: {}", describe(&simulator.secrets(&case.id).await?))?;

    let body = json!({
        "location": enabled.after.location,
        "properties": {
            "dnsPrefix": "second",
            "agentPoolProfiles": [{"name": "system", "mode": "System", "count": 1, "vmSize": "Standard_D4s_v5"}],
        },
    });
    let (subscription, group) = (cluster.subscription_id(), cluster.resource_group());
    let second = self::manager(&case, ClusterId::new(subscription, group, "second")?)?;
    let options = CreateClusterOptions {
        identity_id: Some(made.identity_id.into()),
        ..CreateClusterOptions::default()
    };
    let created = second.create_cluster(body, &made.key_id, options).await?;
    report(&mut out, &created)?;
    let etcd = simulator.secrets_of(&case.id, "second").await?;
    writeln!(out, "etcd of the second cluster: {}", describe(&etcd))?;
    Ok(())
}

/// A cluster without KMS.
fn world() -> given::Given {
    given::Given {
        cluster: simulated::cluster(false),
        secrets: simulated::secrets(),
        faults: given::Faults {
            role_propagation_seconds: Some(ROLE_PROPAGATION),
            ..given::Faults::default()
        },
        ..given::Given::default()
    }
}

fn manager(case: &Case, cluster: ClusterId) -> Result<KmsManager, Box<dyn Error>> {
    let role_propagation = Duration::from_secs_f64(ROLE_PROPAGATION + 1.0);
    let manager = KmsManager::builder(cluster)
        .credential(case.credential())
        .cloud(case.arm.parse()?)
        .transport(case.transport())
        .timing(Timing { role_propagation, ..simulated::timing() })
        .build()?;
    Ok(manager)
}

fn tell(out: &mut impl Write, made: &Provisioned) -> std::io::Result<()> {
    writeln!(out, "\nMade {} parts", made.created.len())?;
    writeln!(out, "  vault    {}", made.key_vault_id)?;
    writeln!(out, "  key      {}", made.key_id)?;
    writeln!(out, "  identity {}", made.identity_id)?;
    for finding in &made.findings {
        writeln!(out, "  - {finding}")?;
    }
    Ok(())
}
