//! Evidence for auditors: a report as one HTML file, or as Markdown.
//!
//! What is said is one [`Document`](document::Document), made of the report alone; `html` and `markdown` write it, and
//! each of them escapes every text there is. Nothing in the files is loaded from elsewhere, and nothing in them is a
//! program.

mod answers;
mod chart;
mod contents;
mod document;
mod escape;
mod fleet;
mod html;
mod json;
mod keys;
mod markdown;
mod passes;
mod rules;
mod steps;
mod style;
#[cfg(test)]
mod tests;
mod words;

use super::{FleetReport, OperationReport};

impl OperationReport {
    /// The report as one HTML file for an auditor: which key is in use, since when, how that is proven, what is left,
    /// and which keys may be removed; then plan, steps with a picture of their time, each pass over the secrets with
    /// its API servers and blocked secrets, keys, and rules.
    ///
    /// The file loads nothing from elsewhere, runs no script, and says so by a policy of its own. It is readable on a
    /// phone, in the dark and on paper. It ends with the JSON that it was made from and the SHA-256 of that, and says
    /// how to compute it again.
    ///
    /// ```
    /// # fn example(report: &aks_kms::OperationReport) -> std::io::Result<()> {
    /// std::fs::write("evidence.html", report.to_html())?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn to_html(&self) -> String {
        html::write(&contents::document(self))
    }

    /// The same as [`to_html`](Self::to_html), as Markdown with tables.
    ///
    /// ```
    /// # fn example(report: &aks_kms::OperationReport) -> std::io::Result<()> {
    /// std::fs::write("evidence.md", report.to_markdown())?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn to_markdown(&self) -> String {
        markdown::write(&contents::document(self))
    }
}

impl FleetReport {
    /// The report as one HTML file for an auditor: which clusters were gone through, how old their keys are, what was
    /// done and is proven, what is left, and which keys may be removed; then the waves with a picture of their time, a
    /// row a cluster, what could not be read, keys, and rules.
    ///
    /// The file is as self-contained, and ends with its JSON and the SHA-256 of that, as that of an
    /// [`OperationReport`](OperationReport::to_html).
    ///
    /// ```
    /// # fn example(report: &aks_kms::FleetReport) -> std::io::Result<()> {
    /// std::fs::write("fleet.html", report.to_html())?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn to_html(&self) -> String {
        html::write(&fleet::document(self))
    }

    /// The same as [`to_html`](Self::to_html), as Markdown with tables.
    ///
    /// ```
    /// # fn example(report: &aks_kms::FleetReport) -> std::io::Result<()> {
    /// std::fs::write("fleet.md", report.to_markdown())?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn to_markdown(&self) -> String {
        markdown::write(&fleet::document(self))
    }
}
