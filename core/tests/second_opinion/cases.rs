//! Worlds on which the rules and the service once disagreed, or on which a list of `documented.rs` decides.

use std::sync::Arc;

use crate::{
    change::{Asked, Change, Key, Mode, Named},
    compare::agree,
    region::Region,
    shape::{Shape, Start},
};

struct Case {
    name: &'static str,
    start: Start,
    deviations: &'static [&'static str],
    change: Change,
}

const fn case(
    name: &'static str,
    start: Start,
    deviations: &'static [&'static str],
    change: Change,
) -> Case {
    Case { name, start, deviations, change }
}

const fn asked(key: Key, mode: Mode) -> Asked {
    Asked { key, mode, vault: Named::Its }
}

const ALL: &[Case] = &[
    case(
        "of an identity that KMS cannot use, nothing but that is told, also where the vault is of another tenant",
        Start::On,
        &["service principal", "vault of another tenant", "expired key"],
        Change::Rotate(asked(Key::First, Mode::Public)),
    ),
    case(
        "who approves a connection that is yet to be made is not known where the roles cannot be read",
        Start::OnElsewhere,
        &["closed vault", "pending private endpoint", "roles not readable"],
        Change::Enable(asked(Key::First, Mode::Private)),
    ),
    case(
        "a versioned key is no key of data encryption, and more is not judged: neither roles …",
        Start::On,
        &["newer experience", "role that only wraps"],
        Change::Rotate(asked(Key::First, Mode::Public)),
    ),
    case(
        "… nor the vault",
        Start::OnElsewhere,
        &["newer experience", "other vault deleted", "secrets in plaintext"],
        Change::Rotate(asked(Key::Elsewhere, Mode::Public)),
    ),
    case(
        "… nor the version of Kubernetes",
        Start::Plain,
        &["Kubernetes 1.25", "newer experience"],
        Change::Enable(asked(Key::First, Mode::Public)),
    ),
    case(
        "a key id without a version turns on data encryption, for which there is another verb",
        Start::Plain,
        &[],
        Change::Enable(asked(Key::WithoutVersion, Mode::Private)),
    ),
    case(
        "a key id without a version, with KMS v1",
        Start::On,
        &["Kubernetes 1.25", "expired key"],
        Change::Enable(asked(Key::WithoutVersion, Mode::Public)),
    ),
    case(
        "the resource id of a vault that was deleted is not known, so no way to it is judged",
        Start::On,
        &["no VNet integration", "deleted vault", "identity not readable"],
        Change::NetworkMode(Mode::Private),
    ),
    case(
        "no token of the cluster's tenant opens a vault of another one: the simulated vault once let it in",
        Start::On,
        &["vault of another tenant"],
        Change::Disable,
    ),
    case(
        "a private endpoint that waits for approval is no way into a closed vault: the rules once did not say so",
        Start::OnPrivately,
        &["closed vault", "pending private endpoint"],
        Change::Rotate(asked(Key::Second, Mode::Private)),
    ),
    case(
        "while the vault is closed no secret can be rewritten, so the mode is not changed",
        Start::On,
        &["closed vault"],
        Change::NetworkMode(Mode::Private),
    ),
    case(
        "public mode again in a closed vault: the plan opens it",
        Start::On,
        &["closed vault"],
        Change::NetworkMode(Mode::Public),
    ),
    case(
        "KMS on with a service principal cannot be, and is not settled by setting the same key",
        Start::On,
        &["service principal"],
        Change::Rotate(asked(Key::First, Mode::Public)),
    ),
    case(
        "turning off what is off is nothing to do on the newer experience",
        Start::Plain,
        &["newer experience"],
        Change::Disable,
    ),
    case(
        "what may be read with is not known, so its vault stays open",
        Start::OnPrivately,
        &[],
        Change::NetworkMode(Mode::Private),
    ),
    case(
        "a vault that cannot be read may be closed",
        Start::Plain,
        &["vault not readable"],
        Change::Enable(asked(Key::First, Mode::Public)),
    ),
    case(
        "a key spelt in another way is another key to the plugin",
        Start::Plain,
        &[],
        Change::Enable(asked(Key::InCapitals, Mode::Public)),
    ),
    case(
        "secrets left under the key before the previous one are found by the gate",
        Start::Rotated,
        &[],
        Change::Rotate(asked(Key::Third, Mode::Public)),
    ),
    case(
        "the change that is under way is waited for, and not begun again",
        Start::Rotated,
        &["busy"],
        Change::Rotate(asked(Key::Second, Mode::Public)),
    ),
    case(
        "private mode that there is without VNet integration is not set again, so it is a warning",
        Start::OnPrivately,
        &["no VNet integration"],
        Change::NetworkMode(Mode::Private),
    ),
    case(
        "of an identity that KMS cannot use no access is told",
        Start::Rotated,
        &["system-assigned identity", "policy that only decrypts"],
        Change::Rotate(asked(Key::Second, Mode::Public)),
    ),
    case(
        "a rotation in the private vault in use needs no vault named: it stays",
        Start::OnPrivately,
        &[],
        Change::Rotate(Asked { key: Key::Second, mode: Mode::Private, vault: Named::None }),
    ),
    case(
        "without the vault's resource id nothing else is judged",
        Start::On,
        &["no VNet integration", "no konnectivity", "vault not readable"],
        Change::NetworkMode(Mode::Private),
    ),
    case(
        "private mode that there is without the role for private links is not set again",
        Start::OnPrivately,
        &["no private link role"],
        Change::NetworkMode(Mode::Private),
    ),
    case(
        "while the firewall denies the API servers no secret can be rewritten, so the mode is not changed",
        Start::OnElsewhere,
        &["failed node pool", "other vault with firewall"],
        Change::NetworkMode(Mode::Private),
    ),
    case(
        "private mode is not set without the vault's resource id",
        Start::OnElsewhere,
        &["vault not readable"],
        Change::NetworkMode(Mode::Private),
    ),
];

pub(crate) async fn all_agree() {
    let region = Arc::new(Region::start().await);
    let mut wrong = Vec::new();
    for Case { name, start, deviations, change } in ALL {
        let shape = Shape { start: *start, deviations: deviations.to_vec(), change: *change };
        if let Err(what) = agree(&region, &shape).await {
            wrong.push(format!("{name}: {what}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
