//! A document as one HTML file.

use base64::{Engine, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};

use super::{
    chart,
    document::{Answer, Block, Document, Section, Source, Span, Table},
    escape::{escape, tone_class},
    style,
};

pub(super) fn write(document: &Document) -> String {
    let css = style::css();
    // Whatever might be in the file, a browser loads and runs nothing.
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
        STANDARD.encode(Sha256::digest(&css))
    );
    let title = escape(&document.title);
    let verdict = &document.verdict;
    let answers: String = document.answers.iter().map(answer).collect();
    let sections: String = document.sections.iter().map(section).collect();
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n\
         <title>{title}</title>\n<style>{css}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n\
         <div class=\"verdict {}\"><b>{}</b> {}</div>\n<dl class=\"answers\">\n{answers}</dl>\n{sections}{}</main>\n\
         </body>\n</html>\n",
        tone_class(verdict.tone),
        escape(verdict.word),
        spans(&verdict.text),
        source(&document.source),
    )
}

fn answer(answer: &Answer) -> String {
    let paragraph = |line: &Vec<Span>| format!("<p>{}</p>", spans(line));
    let lines: String = answer.lines.iter().map(paragraph).collect();
    format!("<div><dt>{}</dt><dd>{lines}</dd></div>\n", escape(answer.question))
}

fn section(section: &Section) -> String {
    let blocks: String = section.blocks.iter().map(block).collect();
    format!("<section>\n<h2>{}</h2>\n{blocks}</section>\n", escape(section.title))
}

fn block(block: &Block) -> String {
    match block {
        Block::Heading(words) => format!("<h3>{}</h3>\n", escape(words)),
        Block::Paragraph(words) => format!("<p>{}</p>\n", spans(words)),
        Block::Facts(named) => facts(named),
        Block::Table(named) => table(named),
        Block::Folded(title, lines) => {
            let item = |line: &Vec<Span>| format!("<li>{}</li>\n", spans(line));
            let lines: String = lines.iter().map(item).collect();
            let title = escape(title);
            format!(
                "<details class=\"list\"><summary>{title}</summary>\n<ul>\n{lines}</ul>\n</details>\n"
            )
        }
        Block::Timeline(timeline) => chart::timeline(timeline),
        Block::Progress(progress) => chart::progress(progress),
    }
}

fn facts(named: &[(&'static str, Vec<Span>)]) -> String {
    let row = |(name, value): &(&str, Vec<Span>)| {
        format!("<div><dt>{}</dt><dd>{}</dd></div>\n", escape(name), spans(value))
    };
    let rows: String = named.iter().map(row).collect();
    format!("<dl class=\"facts\">\n{rows}</dl>\n")
}

fn table(table: &Table) -> String {
    let name = |name: &&str| format!("<th scope=\"col\">{}</th>", escape(name));
    let head: String = table.head.iter().map(name).collect();
    let row = |row: &Vec<Vec<Span>>| {
        let cell = |(name, cell): (&&str, &Vec<Span>)| {
            format!("<td data-label=\"{}\">{}</td>", escape(name), spans(cell))
        };
        let cells: String = table.head.iter().zip(row).map(cell).collect();
        format!("<tr>{cells}</tr>\n")
    };
    let rows: String = table.rows.iter().map(row).collect();
    format!("<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table>\n")
}

fn source(source: &Source) -> String {
    let Source { json, sha256, versions } = source;
    let versions = facts(versions);
    let command =
        escape("sed -n 's:^<pre id=\"json\">\\(.*\\)</pre>$:\\1:p' FILE | tr -d '\\n' | sha256sum");
    format!(
        "<section>\n<h2>Versions and source</h2>\n{versions}\
         <p>This file was made from the JSON of the report alone. The SHA-256 of that JSON, one line of ASCII, is</p>\n\
         <pre id=\"sha256\">{sha256}</pre>\n\
         <p>To compute it again, where FILE is this file:</p>\n<pre>{command}</pre>\n\
         <p>Every library of aks-kms makes the same file from this JSON.</p>\n\
         <details><summary>The JSON</summary>\n<pre id=\"json\">{json}</pre>\n</details>\n</section>\n"
    )
}

fn spans(spans: &[Span]) -> String {
    spans.iter().map(span).collect()
}

fn span(span: &Span) -> String {
    match span {
        Span::Text(words) => escape(words),
        Span::Code(words) => format!("<code>{}</code>", escape(words)),
        Span::Mark(tone, words) => {
            format!("<b class=\"{}\">{}</b>", tone_class(*tone), escape(words))
        }
        Span::Moment(at) => format!("<time>{}</time>", escape(at)),
        Span::Link(url) if url.starts_with("https://") => {
            let url = escape(url);
            format!("<a href=\"{url}\" rel=\"noreferrer\">{url}</a>")
        }
        Span::Link(other) => format!("<code>{}</code>", escape(other)),
    }
}
