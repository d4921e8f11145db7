//! Words as HTML has them.

use super::document::Tone;
use crate::text::visible;

pub(super) fn tone_class(tone: Tone) -> &'static str {
    match tone {
        Tone::Good => "good",
        Tone::Caution => "caution",
        Tone::Bad => "bad",
        Tone::Plain => "plain",
    }
}

/// Text as HTML has it, in an element or in an attribute between quotes.
pub(super) fn escape(words: &str) -> String {
    let mut html = String::new();
    for letter in visible(words).chars() {
        match letter {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            other => html.push(other),
        }
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_is_a_tag_an_entity_or_the_end_of_an_attribute() {
        assert_eq!(
            escape("<script a=\"b\" c='d'>&lt;\u{202e}\n"),
            "&lt;script a=&quot;b&quot; c=&#39;d&#39;&gt;&amp;lt; "
        );
    }
}
