//! Text fit to be shown: that of others (services, webhooks, whoever writes into the cluster), and moments.

use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// The longest name of somebody that is shown, in characters.
pub(crate) const LONGEST_NAME: usize = 200;

/// The text on one line, with nothing in it that a terminal or a reader could take for something
/// else, and no longer than this many characters: whoever wrote it does not write our lines.
pub(crate) fn one_line(text: &str, longest: usize) -> String {
    let mut line = String::new();
    let mut length = 0;
    let words = text
        .split(|letter: char| letter.is_whitespace() || letter.is_control())
        .map(|word| word.replace(is_hidden, ""));
    for word in words.filter(|word| !word.is_empty()) {
        if length > 0 {
            line.push(' ');
            length += 1;
        }
        for letter in word.chars() {
            if length >= longest {
                line.truncate(line.trim_end().len());
                line.push('…');
                return line;
            }
            line.push(letter);
            length += 1;
        }
    }
    line
}

/// The longest message, in characters: what is longer is somebody else's text, or ever so many names.
const LONGEST_SHOWN: usize = 4_000;

/// A message fit to be shown, though it has text of others in it.
pub(crate) fn shown(message: &str) -> String {
    one_line(message, LONGEST_SHOWN)
}

/// A part of a text fit to be shown: what breaks lines is a space, what is not seen or changes the direction of text is
/// left out, and it is as long as a message may be.
pub(crate) fn visible(part: &str) -> String {
    let breaks = |letter: char| letter.is_whitespace() || letter.is_control();
    let letters = part.chars().filter(|letter| !is_hidden(*letter) || breaks(*letter));
    let mut letters = letters.map(|letter| if breaks(letter) { ' ' } else { letter });
    let mut shown: String = letters.by_ref().take(LONGEST_SHOWN).collect();
    if letters.next().is_some() {
        shown.push('…');
    }
    shown
}

/// A moment as people and machines read it: RFC 3339, to the second.
pub(crate) fn timestamp(at: OffsetDateTime) -> String {
    let at = at.replace_nanosecond(0).unwrap_or(at);
    at.format(&Rfc3339).unwrap_or_else(|_| at.to_string())
}

/// What changes the direction of text, or is not seen at all.
fn is_hidden(letter: char) -> bool {
    matches!(
        letter,
        '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Seen, Target};

    #[test]
    fn foreign_text_is_one_plain_line() {
        for (text, shown) in [
            ("aks-kms on laptop, process 1", "aks-kms on laptop, process 1"),
            ("a\r\nSUCCESS: nothing to do", "a SUCCESS: nothing to do"),
            ("\u{1b}]0;owned\u{7}\u{1b}[2J", "]0;owned [2J"),
            ("a\u{202e}b\u{200b}c\u{2066}d", "abcd"),
            ("a\u{9b}31m b", "a 31m b"),
            ("a\u{2028}b\u{85}c", "a b c"),
            ("  Größe \t 漢字  ", "Größe 漢字"),
            ("\u{0}\u{200e}", ""),
        ] {
            assert_eq!(one_line(text, 100), shown, "{text:?}");
        }
    }

    #[test]
    fn a_part_of_a_text_keeps_its_spaces_and_nothing_that_is_hidden() {
        assert_eq!(visible(", a\r\n\u{202e}b\u{2028}c\u{200b} "), ", a  b c ");
        let long = "é".repeat(LONGEST_SHOWN + 1);
        assert_eq!(visible(&long).chars().count(), LONGEST_SHOWN + 1);
        assert!(visible(&long).ends_with('…') && !visible(&long[2..]).ends_with('…'));
    }

    #[test]
    fn it_is_cut_between_characters() {
        assert_eq!(one_line("ééé", 3), "ééé");
        assert_eq!(one_line("éééé", 3), "ééé…");
        assert_eq!(one_line("ab cd", 3), "ab…");
        assert_eq!(one_line("abc d", 3), "abc…");
        assert_eq!(one_line(&"\n".repeat(10_000), 3), "");
    }

    #[test]
    fn fuzz_texts() {
        let documents =
            ["aks-kms on laptop", "a\r\nb\u{1b}[2J\u{202e}c", "  Größe \t 漢字  \u{200e}"];
        let target = Target {
            name: "texts",
            documents: documents.map(Vec::from).to_vec(),
            read: 100,
            hidden: &[],
        };
        target.run(|input| {
            let text = String::from_utf8_lossy(input);
            for longest in [0, 3, LONGEST_NAME, LONGEST_SHOWN] {
                let line = one_line(&text, longest);
                assert!(line.chars().count() <= longest + 1, "{line:?}");
                assert!(!line.contains(char::is_control) && !line.contains(is_hidden), "{line:?}");
                assert!(!line.contains("  ") && line.trim() == line, "{line:?}");
                // What was cut once may lose the last word's mark, and nothing else.
                if !line.ends_with('…') {
                    assert_eq!(one_line(&line, longest), line);
                }
            }
            Seen::Read
        });
    }

    #[test]
    fn moments_are_told_to_the_second() {
        let at = time::macros::datetime!(2026-11-28 2:02:17.260867416 UTC);
        assert_eq!(timestamp(at), "2026-11-28T02:02:17Z");
    }
}
