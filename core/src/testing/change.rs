//! Changes of a valid document: what a fault, a newer version or an enemy makes of it.

use proptest::{prelude::*, sample::Index};
use serde_json::Value;

use super::tree::Tree;

/// No document is made longer than this.
const LONGEST: usize = 256 * 1024;

/// Values in a place where nobody expects them, as JSON or what is nearly that.
const ODD: &[&str] = &[
    "null",
    "true",
    "false",
    "0",
    "-1",
    "1",
    "1.5",
    "-0.0",
    "1e308",
    "1e999",
    "4294967296",
    "9007199254740993",
    "9223372036854775807",
    "-9223372036854775808",
    "-9223372036854775809",
    "18446744073709551615",
    "18446744073709551616",
    "\"\"",
    "\" \"",
    "\"/\"",
    "\"0\"",
    "\"-1\"",
    "\"65535.65535\"",
    "\"9223372036854775807\"",
    "\"18446744073709551615\"",
    "\"99999999999999999999999999\"",
    "\"true\"",
    "\"Enabled\"",
    "\"Failed\"",
    "\"succeeded\"",
    "\"Private\"",
    "\"\\u001b[2J\\r\\nOK\\u0000\\u202e\\u200b\"",
    "\"\\ud800\"",
    "\"\u{e4}\u{6f22}\u{1f511}\"",
    "\"9999-12-31T23:59:59.999999999Z\"",
    "\"-9999-01-01T00:00:00+25:59\"",
    "\"https://shop.vault.azure.net/keys/etcd\"",
    "\"http://[::1\"",
    "[]",
    "{}",
    "[[]]",
    "[null]",
    "[0,\"a\",{}]",
    "{\"\":null}",
    "{\"name\":[]}",
];
/// Parts that are put between others.
const PARTS: &[&[u8]] = &[
    b"\xff",
    b"\0",
    b"\n",
    b"\r\n",
    b"\xc3\x28",
    b"\xed\xa0\x80",
    b"\xef\xbb\xbf",
    b"\xe2\x80\xae",
    b"\x1b[2J",
    b"\"",
    b"'",
    b"\\",
    b"{",
    b"}",
    b"[",
    b"]",
    b":",
    b",",
    b" ",
    b"=",
    b"/",
    b".",
    b"-",
    b"%00",
    b"&a",
    b"*a",
    b"|",
    b"<html>",
    b"NaN",
    b"+Inf",
];
const NUMBERS: &[&str] = &[
    "0",
    "-1",
    "65536",
    "1e308",
    "-1e999",
    "9223372036854775807",
    "18446744073709551615",
    "99999999999999999999999999",
];
/// So deep is nested: less and more than a parser may follow.
const DEPTHS: &[usize] = &[2, 100, 126, 127, 128, 129, 20_000];
const TIMES: &[usize] = &[2, 3, 20, 5_000];

/// A change of a value. Places are chosen among those that there are then.
#[derive(Clone, Debug)]
pub(super) enum TreeChange {
    Replace(Index, &'static str),
    Nest(Index, usize, bool),
    /// A text, as long as this.
    Long(Index, usize),
    Remove(Index, Index),
    /// One more of a child: a name twice, or an element.
    Repeat(Index, Index, usize),
    /// One value also in the place of another.
    Copy(Index, Index),
    Rename(Index, Index, &'static str),
    Add(Index, String, &'static str),
}

/// A change of bytes.
#[derive(Clone, Debug)]
pub(super) enum ByteChange {
    Cut(Index),
    Drop(Index, usize),
    Put(Index, &'static [u8]),
    Flip(Index, u8),
    Repeat(Index, usize, usize),
    /// A number near there is another one.
    Number(Index, &'static str),
    OtherCase(Index, usize),
}

/// What becomes of a document.
#[derive(Clone, Debug)]
pub(super) enum Change {
    Tree(Vec<TreeChange>),
    Bytes(Vec<ByteChange>),
    Anything(Vec<u8>),
}

fn place() -> impl Strategy<Value = Index> {
    any::<Index>()
}

fn tree_change() -> impl Strategy<Value = TreeChange> {
    let odd = || prop::sample::select(ODD);
    let names = &["", "NAME", "Name", "id", "value", "status", "error", "\u{0}", "properties"][..];
    prop_oneof![
        8 => (place(), odd()).prop_map(|(at, odd)| TreeChange::Replace(at, odd)),
        1 => (place(), prop::sample::select(DEPTHS), any::<bool>())
            .prop_map(|(at, depth, lists)| TreeChange::Nest(at, depth, lists)),
        1 => (place(), 1_usize..20_000).prop_map(|(at, length)| TreeChange::Long(at, length)),
        4 => (place(), place()).prop_map(|(at, which)| TreeChange::Remove(at, which)),
        3 => (place(), place(), prop::sample::select(TIMES))
            .prop_map(|(at, which, times)| TreeChange::Repeat(at, which, times)),
        3 => (place(), place()).prop_map(|(from, to)| TreeChange::Copy(from, to)),
        2 => (place(), place(), prop::sample::select(names))
            .prop_map(|(at, which, name)| TreeChange::Rename(at, which, name)),
        2 => (place(), "[a-zA-Z.]{0,8}", odd())
            .prop_map(|(at, name, odd)| TreeChange::Add(at, name, odd)),
    ]
}

fn byte_change() -> impl Strategy<Value = ByteChange> {
    prop_oneof![
        2 => place().prop_map(ByteChange::Cut),
        2 => (place(), 1_usize..40).prop_map(|(at, length)| ByteChange::Drop(at, length)),
        4 => (place(), prop::sample::select(PARTS)).prop_map(|(at, part)| ByteChange::Put(at, part)),
        3 => (place(), 0_u8..8).prop_map(|(at, bit)| ByteChange::Flip(at, bit)),
        2 => (place(), 1_usize..200, prop::sample::select(TIMES))
            .prop_map(|(at, length, times)| ByteChange::Repeat(at, length, times)),
        3 => (place(), prop::sample::select(NUMBERS))
            .prop_map(|(at, number)| ByteChange::Number(at, number)),
        2 => (place(), 1_usize..20).prop_map(|(at, length)| ByteChange::OtherCase(at, length)),
    ]
}

/// Few changes at a time: after many hardly anything is valid any more.
pub(super) fn changes() -> impl Strategy<Value = Change> {
    prop_oneof![
        6 => prop::collection::vec(tree_change(), 1..4).prop_map(Change::Tree),
        3 => prop::collection::vec(byte_change(), 1..3).prop_map(Change::Bytes),
        1 => prop::collection::vec(any::<u8>(), 0..300).prop_map(Change::Anything),
    ]
}

impl Change {
    /// The document with this change. One that is no JSON has its bytes changed only.
    pub(super) fn of(&self, document: &[u8]) -> Vec<u8> {
        match self {
            Self::Anything(bytes) => bytes.clone(),
            Self::Bytes(changes) => {
                let mut bytes = document.to_vec();
                for change in changes {
                    change.apply(&mut bytes);
                }
                bytes
            }
            Self::Tree(changes) => {
                let Ok(value) = serde_json::from_slice::<Value>(document) else {
                    let mut bytes = document.to_vec();
                    for change in changes {
                        change.in_text(&mut bytes);
                    }
                    return bytes;
                };
                let mut tree = Tree::from(value);
                for change in changes {
                    change.apply(&mut tree);
                }
                let mut text = String::new();
                tree.write(&mut text);
                text.into_bytes()
            }
        }
    }
}

impl TreeChange {
    fn apply(&self, tree: &mut Tree) {
        let count = tree.count();
        match self {
            Self::Replace(at, odd) => *tree.at(at.index(count)) = Tree::Raw((*odd).to_owned()),
            Self::Nest(at, depth, lists) => {
                let (open, close) = if *lists { ("[", "]") } else { ("{\"a\":", "}") };
                let nested = format!("{}0{}", open.repeat(*depth), close.repeat(*depth));
                *tree.at(at.index(count)) = Tree::Raw(nested);
            }
            Self::Long(at, length) => *tree.at(at.index(count)) = Tree::Text("x".repeat(*length)),
            Self::Copy(from, to) => {
                let copy = tree.at(from.index(count)).clone();
                *tree.at(to.index(count)) = copy;
            }
            Self::Remove(at, which) => match tree.at(at.index(count)) {
                Tree::List(values) if !values.is_empty() => {
                    values.remove(which.index(values.len()));
                }
                Tree::Map(members) if !members.is_empty() => {
                    members.remove(which.index(members.len()));
                }
                _ => {}
            },
            Self::Repeat(at, which, times) => match tree.at(at.index(count)) {
                Tree::List(values) if !values.is_empty() => {
                    repeat(values, which.index(values.len()), *times, length);
                }
                Tree::Map(members) if !members.is_empty() => {
                    let size = |(name, value): &(String, Tree)| name.len() + length(value);
                    repeat(members, which.index(members.len()), *times, size);
                }
                _ => {}
            },
            Self::Rename(at, which, name) => {
                if let Tree::Map(members) = tree.at(at.index(count))
                    && !members.is_empty()
                {
                    let which = which.index(members.len());
                    (*name).clone_into(&mut members[which].0);
                }
            }
            Self::Add(at, name, odd) => {
                let odd = Tree::Raw((*odd).to_owned());
                match tree.at(at.index(count)) {
                    Tree::List(values) => values.push(odd),
                    Tree::Map(members) => members.push((name.clone(), odd)),
                    Tree::Raw(_) | Tree::Text(_) => {}
                }
            }
        }
    }

    /// What it is in a text that is no JSON: the same in a line or a word.
    fn in_text(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Replace(at, odd) | Self::Rename(at, _, odd) | Self::Add(at, _, odd) => {
                let word = word_at(bytes, *at);
                bytes.splice(word, odd.trim_matches('"').bytes());
            }
            Self::Nest(at, depth, _) => {
                let word = word_at(bytes, *at);
                bytes.splice(word, "[".repeat(*depth).into_bytes());
            }
            Self::Long(at, length) => {
                let word = word_at(bytes, *at);
                bytes.splice(word, "x".repeat(*length).into_bytes());
            }
            Self::Remove(at, _) => {
                let line = line_at(bytes, *at);
                bytes.drain(line);
            }
            Self::Repeat(at, _, times) => {
                let line = line_at(bytes, *at);
                let times = (*times).min(LONGEST / line.len().max(1));
                let copies = bytes[line.clone()].repeat(times);
                bytes.splice(line, copies);
            }
            Self::Copy(from, to) => {
                let copy = bytes[line_at(bytes, *from)].to_vec();
                let line = line_at(bytes, *to);
                bytes.splice(line, copy);
            }
        }
    }
}

impl ByteChange {
    fn apply(&self, bytes: &mut Vec<u8>) {
        let place = |at: Index| at.index(bytes.len() + 1);
        match self {
            Self::Cut(at) => bytes.truncate(place(*at)),
            Self::Drop(at, length) => {
                let range = range(bytes, *at, *length);
                bytes.drain(range);
            }
            Self::Put(at, part) => {
                let at = place(*at);
                bytes.splice(at..at, part.iter().copied());
            }
            Self::Flip(at, bit) => {
                if !bytes.is_empty() {
                    let at = at.index(bytes.len());
                    bytes[at] ^= 1 << bit;
                }
            }
            Self::Repeat(at, length, times) => {
                let range = range(bytes, *at, *length);
                let copies = bytes[range.clone()].repeat((*times).min(LONGEST / length));
                bytes.splice(range, copies);
            }
            Self::Number(at, number) => {
                let from = place(*at);
                let Some(start) = bytes[from..].iter().position(u8::is_ascii_digit) else { return };
                let start = from + start;
                let length = bytes[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
                bytes.splice(start..start + length, number.bytes());
            }
            Self::OtherCase(at, length) => {
                let range = range(bytes, *at, *length);
                for byte in &mut bytes[range] {
                    if byte.is_ascii_alphabetic() {
                        *byte ^= 0x20;
                    }
                }
            }
        }
    }
}

fn range(bytes: &[u8], at: Index, length: usize) -> std::ops::Range<usize> {
    let start = at.index(bytes.len() + 1);
    start..(start + length).min(bytes.len())
}

fn around(bytes: &[u8], at: Index, ends: impl Fn(u8) -> bool) -> std::ops::Range<usize> {
    let at = at.index(bytes.len() + 1);
    let start = bytes[..at].iter().rposition(|byte| ends(*byte)).map_or(0, |before| before + 1);
    let end = bytes[at..].iter().position(|byte| ends(*byte)).map_or(bytes.len(), |end| at + end);
    start..end
}

fn word_at(bytes: &[u8], at: Index) -> std::ops::Range<usize> {
    around(bytes, at, |byte| !byte.is_ascii_alphanumeric())
}

/// With its end.
fn line_at(bytes: &[u8], at: Index) -> std::ops::Range<usize> {
    let line = around(bytes, at, |byte| byte == b'\n');
    line.start..(line.end + 1).min(bytes.len())
}

fn length(tree: &Tree) -> usize {
    let mut text = String::new();
    tree.write(&mut text);
    text.len()
}

fn repeat<T: Clone>(values: &mut Vec<T>, which: usize, times: usize, size: impl Fn(&T) -> usize) {
    let times = times.min(LONGEST / size(&values[which]).max(1));
    let copies = vec![values[which].clone(); times];
    values.splice(which..=which, copies);
}
