//! A run of a plan as a pure state machine.
//!
//! [`next`] says what is to be done in a [`OperationState`], and [`OperationState::apply`] notes what
//! came of it. The runner performs the [`Effect`]s on Azure and the API servers; the exploration of
//! the tests performs them on a small cluster, in every way in which they can end.
//!
//! 1. Steps are performed in their order. A step is *ensure that something holds*: look, act if it
//!    does not hold.
//! 2. What is decided from a look at the cluster is decided from the last one. Whatever was done
//!    since makes it stale.
//! 3. A cluster whose eTag is not the one that was seen before the gate was changed by somebody else:
//!    observe and plan again. Only the run's own changes bring another eTag.
//! 4. An earlier proof takes the gate's place.
//! 5. A pass counts only if the cluster is as it was when its eTag was noted. Nothing after it runs
//!    unless it proves what it is for.
//! 6. When a change is sent, and what its outcome means, [`change`] decides; when a vault is closed
//!    and opened again, [`closing`].
//! 7. What came into force is recorded before the next step.

mod apply;
pub(crate) mod change;
pub(crate) mod closing;
mod effect;
mod next;
mod state;
#[cfg(test)]
mod tests;

pub(crate) use self::{
    effect::{Effect, Failure, Outcome, Recorded, Replan, Stop, Upgrade, Verdict},
    next::next,
    state::{Context, OperationState, Stage},
};
