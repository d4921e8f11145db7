//! `$filter`: conditions of the form `field eq 'value'`, joined by `and`.

use crate::http::{Answer, Request};

/// The conditions as field, in lower case, and value.
pub(crate) fn equalities(text: &str) -> Option<Vec<(String, String)>> {
    text.split(" and ").map(str::trim).filter(|term| !term.is_empty()).map(equality).collect()
}

fn equality(term: &str) -> Option<(String, String)> {
    let (field, rest) = term.split_once(' ')?;
    let (operator, value) = rest.trim_start().split_once(' ')?;
    let value = value.trim().strip_prefix('\'')?.strip_suffix('\'')?;
    operator
        .eq_ignore_ascii_case("eq")
        .then(|| (field.to_ascii_lowercase(), value.replace("''", "'")))
}

/// The conditions of a request's `$filter`; none when there is no filter.
pub(super) fn of(request: &Request) -> Result<Vec<(String, String)>, Answer> {
    let text = request.query("$filter").unwrap_or_default();
    equalities(text).ok_or_else(|| unsupported(text))
}

/// The refusal of a filter.
pub(super) fn unsupported(text: &str) -> Answer {
    let message = format!("The filter '{text}' is not supported.");
    Answer::error(400, "InvalidFilterInQueryString", &message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equalities_are_read_and_everything_else_refused() {
        let read = equalities("resourceType eq 'Microsoft.KeyVault/vaults' and name eq 'a''b'");
        let expected = [("resourcetype", "Microsoft.KeyVault/vaults"), ("name", "a'b")];
        assert_eq!(read.unwrap(), expected.map(|(field, value)| (field.into(), value.into())));
        assert_eq!(equalities("").unwrap(), []);
        for refused in ["name ne 'x'", "startswith(name, 'x')", "name eq x", "name"] {
            assert_eq!(equalities(refused), None, "{refused}");
        }
    }
}
