//! Registrations of preview features in the case's subscription.

use serde_json::{Value, json};

use crate::{
    http::{Answer, Outcome},
    world::World,
};

/// The only one that is simulated.
const NAME: &str = "KMSPMKPreview";

pub(super) fn list(world: &World) -> Answer {
    Answer::list([document(world, &world.feature())])
}

pub(super) fn get(world: &World, name: &str) -> Outcome {
    known(name)?;
    Ok(Answer::ok(document(world, &world.feature())))
}

/// Registers it, or takes that back. The answer tells of what is begun; it is over at once.
pub(super) fn set(world: &World, name: &str, registered: bool) -> Outcome {
    known(name)?;
    let (begun, then) =
        if registered { ("Registering", "Registered") } else { ("Unregistering", "Unregistered") };
    then.clone_into(&mut world.feature());
    Ok(Answer::ok(document(world, begun)))
}

fn known(name: &str) -> Result<(), Answer> {
    if name.eq_ignore_ascii_case(NAME) {
        return Ok(());
    }
    let message = format!("The feature '{name}' could not be found.");
    Err(Answer::error(404, "FeatureNotFound", &message))
}

fn document(world: &World, state: &str) -> Value {
    let subscription = world.names.subscription_id();
    let provider = "Microsoft.ContainerService";
    json!({
        "id": format!("{subscription}/providers/Microsoft.Features/providers/{provider}/features/{NAME}"),
        "name": format!("{provider}/{NAME}"),
        "type": "Microsoft.Features/providers/features",
        "properties": { "state": state },
    })
}
