//! The waves: what came of each, and when it was.

use time::OffsetDateTime;

use super::clusters::is_done;
use crate::report::{
    FleetReport, FleetRow, FleetTotals,
    evidence::{
        document::{Bar, Block, Table, Timeline, Tone, line, mark, text},
        words::{NONE, duration, moment},
    },
};

/// So many waves have a bar of their own; the rest has one together.
const MOST_BARS: usize = 40;

pub(super) fn blocks(report: &FleetReport) -> Vec<Block> {
    let waves: Vec<Wave> =
        report.clusters.chunk_by(|one, next| one.wave == next.wave).map(Wave::of).collect();
    if waves.is_empty() {
        return vec![Block::Paragraph(line("There was no cluster to go through."))];
    }
    let rows = waves.iter().map(|wave| {
        let tone = if wave.is_done { Tone::Good } else { Tone::Bad };
        let became = if wave.is_done { "nothing is left to do" } else { "not done" };
        let (began, took) = match wave.time {
            Some((began, ended)) => {
                (vec![moment(began)], duration((ended - began).as_seconds_f64()))
            }
            None => (line(NONE), NONE.to_owned()),
        };
        let totals = text(format!(" ({})", wave.totals));
        vec![line(wave.first.to_string()), vec![mark(tone, became), totals], began, line(took)]
    });
    let head = vec!["Wave", "What became of it", "Began", "Took"];
    let mut blocks = vec![Block::Table(Table { head, rows: rows.collect() })];
    blocks.extend(timeline(report, waves).map(Block::Timeline));
    if let Some(why) = &report.stopped {
        blocks.push(Block::Paragraph(vec![mark(Tone::Bad, "Stopped"), text(format!(": {why}."))]));
    }
    blocks
}

/// A wave, or several in a row.
struct Wave {
    first: usize,
    last: usize,
    totals: FleetTotals,
    is_done: bool,
    /// When its first cluster was begun, and when its last one ended.
    time: Option<(OffsetDateTime, OffsetDateTime)>,
}

impl Wave {
    fn of(rows: &[FleetRow]) -> Self {
        let times = rows.iter().filter_map(|row| {
            let began = row.started_at?;
            let took = time::Duration::checked_seconds_f64(row.seconds).unwrap_or_default();
            Some((began, began.saturating_add(took)))
        });
        Self {
            first: rows.first().map_or(0, |row| row.wave),
            last: rows.last().map_or(0, |row| row.wave),
            totals: FleetTotals::of(rows),
            is_done: rows.iter().all(is_done),
            time: times.reduce(|(began, ended), (next, end)| (began.min(next), ended.max(end))),
        }
    }

    fn label(&self) -> String {
        if self.first == self.last {
            format!("Wave {}, {}", self.first, self.totals)
        } else {
            format!("Waves {} to {}, {}", self.first, self.last, self.totals)
        }
    }
}

/// `None`: no cluster was begun.
fn timeline(report: &FleetReport, mut waves: Vec<Wave>) -> Option<Timeline> {
    if waves.len() > MOST_BARS {
        let own = waves[MOST_BARS - 1].first;
        let at = report.clusters.partition_point(|row| row.wave < own);
        waves.truncate(MOST_BARS - 1);
        waves.push(Wave::of(&report.clusters[at..]));
    }
    let since = |at: OffsetDateTime| (at - report.started_at).as_seconds_f64().max(0.0);
    let bars: Vec<Bar> = waves
        .iter()
        .filter_map(|wave| {
            let (began, ended) = wave.time?;
            let (tone, outcome) =
                if wave.is_done { (Tone::Good, "done") } else { (Tone::Bad, "not done") };
            let (began, seconds) = (since(began), (ended - began).as_seconds_f64());
            Some(Bar { label: wave.label(), tone, began, seconds, outcome })
        })
        .collect();
    let first = bars.iter().map(|bar| bar.began).reduce(f64::min)?;
    let last = bars.iter().map(|bar| bar.began + bar.seconds).fold(0.0, f64::max);
    let look = Bar {
        label: "Look for the clusters".to_owned(),
        tone: Tone::Plain,
        began: 0.0,
        seconds: first,
        outcome: "done",
    };
    let seconds = since(report.finished_at).max(last);
    let bars = std::iter::once(look).chain(bars).collect();
    Some(Timeline { first: "look for the clusters", seconds, bars })
}
