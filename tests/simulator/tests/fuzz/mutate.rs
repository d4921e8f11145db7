//! How a good request goes bad.

use serde_json::{Map, Value, json};

use crate::random::Random;

/// Text that is wrong nearly everywhere.
pub(crate) fn odd_text(random: &mut Random) -> String {
    let long = "x".repeat(300);
    let choices: [&str; 22] = [
        "",
        " ",
        ".",
        "..",
        "%",
        "%00",
        "%2F",
        "%ff%fe",
        "a/b",
        "a'b",
        "\"",
        "\\",
        "{{key.1}}",
        "-1",
        "null",
        "18446744073709551616",
        "ünïcödé",
        "🔑",
        "{}",
        "$(id)",
        "keys",
        &long,
    ];
    choices[random.below(choices.len())].to_owned()
}

/// A JSON value of any kind.
pub(crate) fn odd_value(random: &mut Random) -> Value {
    match random.below(12) {
        0 => Value::Null,
        1 => json!(true),
        2 => json!(false),
        3 => json!(0),
        4 => json!(-1),
        5 => json!(u64::MAX),
        6 => json!(1.5e300),
        7 => json!([]),
        8 => json!({}),
        9 => json!([{ "a": [null] }, 1, "x"]),
        10 => json!({ "": { "": "" } }),
        _ => json!(odd_text(random)),
    }
}

/// Changes a value somewhere: replaces, removes, adds or moves.
pub(crate) fn change(value: &mut Value, random: &mut Random) {
    let deeper = !random.one_in(4);
    match value {
        Value::Object(members) if deeper && !members.is_empty() => {
            let names: Vec<String> = members.keys().cloned().collect();
            let name = &names[random.below(names.len())];
            match random.below(6) {
                0 => drop(members.remove(name)),
                1 => drop(members.insert(odd_text(random), odd_value(random))),
                2 => {
                    let moved = members.remove(name).unwrap_or_default();
                    members.insert(name.to_uppercase(), moved);
                }
                _ => change(&mut members[name], random),
            }
        }
        Value::Array(values) if deeper && !values.is_empty() => {
            let index = random.below(values.len());
            match random.below(4) {
                0 => drop(values.remove(index)),
                1 => {
                    let again = values[index].clone();
                    values.push(again);
                }
                _ => change(&mut values[index], random),
            }
        }
        value => *value = odd_value(random),
    }
}

/// A body made of a good one.
pub(crate) fn body(good: &Value, random: &mut Random) -> Vec<u8> {
    let mut value = good.clone();
    match random.below(12) {
        0..=2 => {}
        3..=8 => {
            for _ in 0..=random.below(3) {
                change(&mut value, random);
            }
        }
        9 => {
            let mut bytes = value.to_string().into_bytes();
            bytes.truncate(random.below(bytes.len() + 1));
            return bytes;
        }
        10 => return random.bytes(200),
        _ => return "[".repeat(1 + random.below(5000)).into_bytes(),
    }
    if value.is_null() { Vec::new() } else { value.to_string().into_bytes() }
}

/// A path made of a good one.
pub(crate) fn path(good: &str, random: &mut Random) -> String {
    let mut segments: Vec<String> = good.split('/').skip(1).map(str::to_owned).collect();
    for _ in 0..random.below(3) {
        let index = random.below(segments.len());
        match random.below(8) {
            0 => drop(segments.remove(index)),
            1 => segments.insert(index, odd_text(random)),
            2 => segments[index] = segments[index].to_uppercase(),
            3 => segments.truncate(index),
            4 => {
                let other = random.below(segments.len());
                segments.swap(index, other);
            }
            5 => segments
                .push(random.pick(&["keys", "versions", "default", "purge", "secrets"]).to_owned()),
            _ => segments[index] = odd_text(random),
        }
        if segments.is_empty() {
            segments.push(String::new());
        }
    }
    segments.iter().fold(String::new(), |path, segment| path + "/" + &escaped(segment))
}

/// What may stand in a request line; an escape that is there already stays.
pub(crate) fn escaped(text: &str) -> String {
    use std::fmt::Write;
    let mut escaped = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@%".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            write!(escaped, "%{byte:02X}").unwrap();
        }
    }
    escaped
}

/// A form, as Entra takes it.
pub(crate) fn form(good: &[(String, String)], random: &mut Random) -> Vec<u8> {
    if random.one_in(12) {
        return random.bytes(200);
    }
    let mut fields: Map<String, Value> =
        good.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    if random.one_in(2) {
        let names: Vec<String> = fields.keys().cloned().collect();
        let name = names[random.below(names.len())].clone();
        if random.one_in(3) {
            fields.remove(&name);
        } else {
            fields.insert(name, json!(odd_text(random)));
        }
    }
    let pairs = fields.iter().map(|(name, value)| (name, value.as_str().unwrap_or_default()));
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(pairs).finish().into_bytes()
}
