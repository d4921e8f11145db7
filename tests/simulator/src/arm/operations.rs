//! Polling: `locations/{location}/operations` and `operationresults`.

use serde_json::Value;

use super::Call;
use crate::{
    cluster::operation::Operation,
    http::{Answer, Outcome},
};

/// An answer to a request that started an operation, which says where to poll. A fault can leave
/// that out.
pub(super) fn accepted(call: &Call<'_>, answer: Answer, operation: &Operation) -> Answer {
    if call.world.faults.no_poll_header() {
        return answer;
    }
    answer.with_header("azure-asyncoperation", operation.url(call.region.arm(), call.world))
}

/// The answer 202 to a DELETE or POST, which names both places to poll.
pub(super) fn accepted_without_body(call: &Call<'_>, operation: &Operation) -> Answer {
    let answer = accepted(call, Answer::status(202, Value::Null), operation);
    if call.world.faults.no_poll_header() {
        return answer;
    }
    answer.with_header("location", operation.result_url(call.region.arm(), call.world))
}

/// The status of an operation.
pub(super) fn status(call: &Call<'_>, id: &str) -> Outcome {
    let operation = find(call, id)?;
    let body = call.world.operations().get_mut(id).map(Operation::look);
    let answer = Answer::ok(body.unwrap_or_default());
    let retry_after = call.world.faults.operation_retry_after().filter(|_| operation.goes_on());
    Ok(match retry_after {
        Some(seconds) => answer.with_header("retry-after", seconds.to_string()),
        None => answer,
    })
}

/// What `Location` leads to: 202 while the operation goes on, then 200 or 204.
pub(super) fn result(call: &Call<'_>, id: &str) -> Outcome {
    let operation = find(call, id)?;
    if operation.goes_on() {
        let location = operation.result_url(call.region.arm(), call.world);
        return Ok(Answer::status(202, Value::Null).with_header("location", location));
    }
    Ok(Answer::status(204, Value::Null))
}

fn find(call: &Call<'_>, id: &str) -> Result<Operation, Answer> {
    let operations = call.world.operations();
    operations
        .get(id)
        // Poll URLs are signed: one that was rebuilt is not honoured.
        .filter(|operation| operation.is_named_by(|name| call.request.query(name)))
        .cloned()
        .ok_or_else(|| {
            Answer::error(404, "NotFound", "The entity was not found in this Azure location.")
        })
}
