//! What a caller sends to run a command.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;

use super::context::Context;
use crate::http::Answer;

/// The body of a request to run a command.
pub(crate) struct CommandRequest {
    /// The script.
    pub(crate) command: String,
    /// The files that it needs.
    pub(crate) context: Option<Context>,
    /// The caller's Entra token for the Kubernetes API.
    pub(crate) cluster_token: Option<String>,
}

impl CommandRequest {
    /// Reads a body.
    pub(crate) fn parse(body: &Value) -> Result<Self, Answer> {
        let command = text(body, "command")?.filter(|command| !command.trim().is_empty());
        let command = command.ok_or_else(|| invalid("command", "is required"))?;
        if command.contains('\0') {
            return Err(invalid("command", "has a character that no command can have"));
        }
        let cluster_token = text(body, "clusterToken")?;
        if cluster_token.is_some_and(|token| !is_token(token)) {
            return Err(invalid("clusterToken", "is no token"));
        }
        Ok(Self {
            command: command.to_owned(),
            context: text(body, "context")?.map(context).transpose()?,
            cluster_token: cluster_token.map(str::to_owned),
        })
    }
}

/// A text that is neither missing nor empty.
fn text<'a>(body: &'a Value, name: &str) -> Result<Option<&'a str>, Answer> {
    match &body[name] {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text.as_str()).filter(|text| !text.is_empty())),
        _ => Err(invalid(name, "is no text")),
    }
}

/// `az` breaks the lines.
fn context(text: &str) -> Result<Context, Answer> {
    let text: String = text.split_ascii_whitespace().collect();
    let zip = STANDARD.decode(text).map_err(|_| invalid("context", "is not in base64"))?;
    Context::open(zip).map_err(|reason| invalid("context", &reason))
}

/// Whether it can stand in a kubeconfig as it is: a JWT does.
fn is_token(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.~+/=".contains(&byte))
}

fn invalid(name: &str, what: &str) -> Answer {
    let message = format!("The value of parameter {name} {what}.");
    Answer::flat_error(400, "InvalidParameter", &message)
}
