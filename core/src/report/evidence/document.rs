//! What a document says, before it is written as HTML or Markdown.

/// A document for auditors.
pub(super) struct Document {
    pub(super) title: String,
    pub(super) verdict: Verdict,
    /// What an auditor asks first.
    pub(super) answers: Vec<Answer>,
    pub(super) sections: Vec<Section>,
    pub(super) source: Source,
}

/// What it comes to, in a sentence.
pub(super) struct Verdict {
    pub(super) tone: Tone,
    pub(super) word: &'static str,
    pub(super) text: Vec<Span>,
}

/// How something is to be taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Tone {
    Good,
    Caution,
    Bad,
    Plain,
}

/// A question, and what is known of it.
pub(super) struct Answer {
    pub(super) question: &'static str,
    pub(super) lines: Vec<Vec<Span>>,
}

pub(super) struct Section {
    pub(super) title: &'static str,
    pub(super) blocks: Vec<Block>,
}

pub(super) enum Block {
    Heading(String),
    Paragraph(Vec<Span>),
    /// Names, each with a value.
    Facts(Vec<(&'static str, Vec<Span>)>),
    Table(Table),
    /// A list that is read only by who looks for something.
    Folded(String, Vec<Vec<Span>>),
    Timeline(Timeline),
    Progress(Progress),
}

pub(super) struct Table {
    pub(super) head: Vec<&'static str>,
    pub(super) rows: Vec<Vec<Vec<Span>>>,
}

/// A part of a text. Whoever writes it escapes it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Span {
    Text(String),
    /// An id, a command, or the very words of others.
    Code(String),
    /// A word that weighs.
    Mark(Tone, String),
    /// A moment, as RFC 3339 has it.
    Moment(String),
    /// An address that is named as it is.
    Link(String),
}

/// What was done when, of a whole of so many seconds.
pub(super) struct Timeline {
    /// What the first bar is; completes "0 is to …".
    pub(super) first: &'static str,
    pub(super) seconds: f64,
    pub(super) bars: Vec<Bar>,
}

pub(super) struct Bar {
    pub(super) label: String,
    pub(super) tone: Tone,
    /// Seconds since the call began.
    pub(super) began: f64,
    pub(super) seconds: f64,
    pub(super) outcome: &'static str,
}

/// How many secrets were answered by when, in one pass.
pub(super) struct Progress {
    pub(super) title: String,
    /// Seconds since the pass began, and how many.
    pub(super) points: Vec<(f64, u64)>,
}

/// What the document was made from.
pub(super) struct Source {
    /// As [`plain_json`](super::json::plain_json) writes it.
    pub(super) json: String,
    pub(super) sha256: String,
    pub(super) versions: Vec<(&'static str, Vec<Span>)>,
}

pub(super) fn text(words: impl Into<String>) -> Span {
    Span::Text(words.into())
}

pub(super) fn code(words: &(impl ToString + ?Sized)) -> Span {
    Span::Code(words.to_string())
}

pub(super) fn mark(tone: Tone, words: impl Into<String>) -> Span {
    Span::Mark(tone, words.into())
}

/// A sentence of the library's, in which commands stand between backticks.
pub(super) fn prose(sentence: &str) -> Vec<Span> {
    let parts: Vec<&str> = sentence.split('`').collect();
    if parts.len().is_multiple_of(2) {
        // A backtick without its other: no command is meant.
        return vec![text(sentence)];
    }
    let span = |(index, part): (usize, &&str)| match index % 2 {
        0 => text(*part),
        _ => code(*part),
    };
    parts.iter().enumerate().map(span).filter(|it| *it != text("")).collect()
}

/// Names, one after the other.
pub(super) fn listed(names: impl IntoIterator<Item = Span>) -> Vec<Span> {
    let mut words = Vec::new();
    for name in names {
        words.extend((!words.is_empty()).then(|| text(", ")));
        words.push(name);
    }
    words
}

/// One sentence of the library's.
pub(super) fn line(sentence: impl Into<String>) -> Vec<Span> {
    vec![text(sentence)]
}
