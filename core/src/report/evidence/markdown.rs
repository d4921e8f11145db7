//! A document as Markdown, of the kind that GitHub, Azure DevOps and others show.

use super::{
    chart,
    document::{Bar, Block, Document, Progress, Section, Source, Span, Table, Timeline},
    words::{duration, number, rounded},
};
use crate::text::visible;

/// Letters that mean something to Markdown or to HTML in it.
const SPECIAL: &str = "\\`*_{}[]<>|~&#$";
/// Letters that a bar of the whole width has.
const WIDTH: usize = 40;
/// So many points are shown.
const MOST_POINTS: usize = 12;

pub(super) fn write(document: &Document) -> String {
    let verdict = &document.verdict;
    let mut text = format!(
        "# {}\n\n> **{}.** {}\n",
        escape(&document.title),
        escape(verdict.word),
        spans(&verdict.text, Place::Line)
    );
    for answer in &document.answers {
        text.extend(["\n**", &escape(answer.question), "**\n\n"]);
        text.push_str(&list(&answer.lines));
    }
    text.extend(document.sections.iter().map(section));
    text.push_str(&source(&document.source));
    text
}

fn section(section: &Section) -> String {
    let blocks: String = section.blocks.iter().map(block).collect();
    format!("\n## {}\n{blocks}", escape(section.title))
}

fn block(block: &Block) -> String {
    match block {
        Block::Heading(words) => format!("\n### {}\n", escape(words)),
        Block::Paragraph(words) => format!("\n{}\n", spans(words, Place::Line)),
        Block::Facts(named) => facts(named),
        Block::Table(named) => table(named),
        Block::Folded(title, lines) => format!("\n{}:\n\n{}", escape(title), list(lines)),
        Block::Timeline(named) => timeline(named),
        Block::Progress(named) => progress(named),
    }
}

fn list(lines: &[Vec<Span>]) -> String {
    let item = |line: &Vec<Span>| format!("- {}\n", spans(line, Place::Line));
    lines.iter().map(item).collect()
}

fn facts(named: &[(&'static str, Vec<Span>)]) -> String {
    let line = |(name, value): &(&str, Vec<Span>)| {
        format!("- {}: {}\n", escape(name), spans(value, Place::Line))
    };
    format!("\n{}", named.iter().map(line).collect::<String>())
}

fn table(table: &Table) -> String {
    let head = table.head.iter().map(|name| escape(name)).collect::<Vec<_>>().join(" | ");
    let ruler = vec!["---"; table.head.len()].join(" | ");
    let row = |row: &Vec<Vec<Span>>| {
        let cells: Vec<String> = row.iter().map(|cell| spans(cell, Place::Cell)).collect();
        format!("| {} |\n", cells.join(" | "))
    };
    let rows: String = table.rows.iter().map(row).collect();
    format!("\n| {head} |\n| {ruler} |\n{rows}")
}

fn timeline(timeline: &Timeline) -> String {
    let row = |(index, bar): (usize, &Bar)| {
        let (left, width) = chart::place(bar, timeline.seconds);
        let from = letters(left).min(WIDTH - 1);
        let long = letters(width).clamp(1, WIDTH - from);
        let (before, after) = (" ".repeat(from), " ".repeat(WIDTH - from - long));
        let took = duration(bar.seconds);
        format!("{index:>3} |{before}{}{after}| {took}, {}\n", "█".repeat(long), bar.outcome)
    };
    let rows: String = timeline.bars.iter().enumerate().map(row).collect();
    format!(
        "\nWhen it was done, over {}; 0 is to {}:\n\n```text\n{rows}```\n",
        duration(timeline.seconds),
        timeline.first,
    )
}

fn progress(progress: &Progress) -> String {
    let most = progress.points.last().map_or(0, |(_, done)| *done).max(1);
    let every = progress.points.len().div_ceil(MOST_POINTS).max(1);
    let last = progress.points.len().saturating_sub(1);
    let shown =
        progress.points.iter().enumerate().filter(|(index, _)| {
            *index == last || (index % every == 0 && index + every / 2 < last)
        });
    let points: Vec<(f64, u64)> = shown.map(|(_, point)| *point).collect();
    let mut before = (0.0, 0);
    let mut rows = String::new();
    for (at, done) in points {
        let long = usize::try_from(done.saturating_mul(WIDTH as u64) / most).unwrap_or(WIDTH);
        let (bar, rest) = ("█".repeat(long), " ".repeat(WIDTH - long.min(WIDTH)));
        let rate = chart::rates(&[before, (at, done)]);
        let rate = rate
            .first()
            .map_or_else(String::new, |(_, _, rate)| format!(", {} a second", rounded(*rate)));
        let (took, done_now) = (duration(at), number(done));
        rows.extend([format!("{took:>10} |{bar}{rest}| {done_now}{rate}\n")]);
        before = (at, done);
    }
    format!("\n{}:\n\n```text\n{rows}```\n", escape(&progress.title))
}

/// So much of the width, in letters.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "it is from 0 to 100"
)]
fn letters(percent: f64) -> usize {
    (percent * WIDTH as f64 / 100.0).round() as usize
}

fn source(source: &Source) -> String {
    let Source { json, sha256, versions } = source;
    format!(
        "\n## Versions and source\n{}\n\
         This file was made from the JSON of the report alone. The SHA-256 of that JSON, one line of ASCII, is\n\n\
         ```text\n{sha256}\n```\n\n\
         To compute it again, where FILE is this file:\n\n\
         ```sh\nsed -n '/^```json$/{{n;p;}}' FILE | tr -d '\\n' | sha256sum\n```\n\n\
         Every library of aks-kms makes the same file from this JSON.\n\n```json\n{json}\n```\n",
        facts(versions)
    )
}

/// Where a text stands: in a cell, a bar ends it even within code.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Line,
    Cell,
}

fn spans(spans: &[Span], place: Place) -> String {
    spans.iter().map(|span| self::span(span, place)).collect()
}

fn span(span: &Span, place: Place) -> String {
    match span {
        Span::Text(words) | Span::Moment(words) => escape(words),
        Span::Code(words) => code(words, place),
        Span::Mark(_, words) => format!("**{}**", escape(words)),
        Span::Link(url) if is_plain_address(url) => format!("<{url}>"),
        Span::Link(other) => code(other, place),
    }
}

/// An https address that nothing in it can end early.
fn is_plain_address(url: &str) -> bool {
    let is_plain = |letter: char| letter.is_ascii_graphic() && !"<>|`\\\"".contains(letter);
    url.starts_with("https://") && url.chars().all(is_plain)
}

fn escape(words: &str) -> String {
    let mut text = String::new();
    for letter in visible(words).chars() {
        if SPECIAL.contains(letter) {
            text.push('\\');
        }
        text.push(letter);
    }
    text
}

/// The words as they are, between more backticks in a row than they have.
fn code(words: &str, place: Place) -> String {
    let words = visible(words);
    let words = words.trim();
    if words.is_empty() {
        return String::new();
    }
    let longest = words.split(|letter| letter != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest + 1);
    let space = if words.starts_with('`') || words.ends_with('`') { " " } else { "" };
    let words = match place {
        Place::Line => words.to_owned(),
        Place::Cell => words.replace('|', "\\|"),
    };
    format!("{fence}{space}{words}{space}{fence}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_others_stay_words() {
        for (words, written) in [
            ("a|b*c_d`e", "a\\|b\\*c\\_d\\`e"),
            ("<script>", "\\<script\\>"),
            ("[x](javascript:y)", "\\[x\\](javascript:y)"),
            ("a\n# b", "a \\# b"),
            ("&lt;", "\\&lt;"),
        ] {
            assert_eq!(escape(words), written);
        }
    }

    #[test]
    fn code_ends_where_it_ends() {
        for (words, line, cell) in [
            ("a", "`a`", "`a`"),
            ("a`b", "``a`b``", "``a`b``"),
            ("``", "``` `` ```", "``` `` ```"),
            ("a|b", "`a|b`", "`a\\|b`"),
            ("<b>\n|", "`<b> |`", "`<b> \\|`"),
            ("  ", "", ""),
        ] {
            assert_eq!(code(words, Place::Line), line);
            assert_eq!(code(words, Place::Cell), cell);
        }
    }

    #[test]
    fn only_a_plain_https_address_is_a_link() {
        for (url, written) in [
            (
                "https://learn.microsoft.com/azure/aks#a",
                "<https://learn.microsoft.com/azure/aks#a>",
            ),
            ("javascript:alert(1)", "`javascript:alert(1)`"),
            ("https://a> <b", "`https://a> <b`"),
        ] {
            assert_eq!(span(&Span::Link(url.to_owned()), Place::Line), written);
        }
    }
}
