//! Pages of lists: `$top`, or as many as the case says.

use serde_json::{Value, json};

use crate::{
    http::{Answer, Request},
    region::Region,
};

/// Cuts a list's answer to the page that is asked for.
pub(super) fn cut(
    region: &Region,
    request: &Request,
    size: Option<usize>,
    answer: Answer,
) -> Answer {
    let number = |name: &str| request.query(name).and_then(|text| text.parse::<usize>().ok());
    let Some(size) = number("$top").or(size).filter(|size| *size > 0) else {
        return answer;
    };
    let Answer::Reply { status: 200, headers, mut body } = answer else {
        return answer;
    };
    let start = number("$skiptoken").unwrap_or_default();
    if let Some(Value::Array(values)) = body.get_mut("value") {
        let count = values.len();
        let page = values.drain(..).skip(start).take(size).collect();
        *values = page;
        let next = start.saturating_add(size);
        if next < count {
            let query = request.query_with("$skiptoken", &next.to_string());
            body["nextLink"] = json!(format!("{}{}?{query}", region.arm(), request.path));
        }
    }
    Answer::Reply { status: 200, headers, body }
}
