//! Pictures, as SVG: their texts keep their size whatever the width, since all that is stretched are lines and bars.

use std::fmt::Write;

use super::{
    document::{Bar, Progress, Timeline, Tone},
    escape::escape,
    words::{duration, number, rounded},
};

/// Height of a plot; its width is that of the page.
const HEIGHT: f64 = 100.0;
/// Width of what is stretched to the page's.
const WIDTH: f64 = 1_000.0;
/// So narrow a bar can still be seen, in percent.
const NARROWEST: f64 = 0.5;
/// So many rates are drawn at most.
const MOST_RATES: usize = 24;

/// Where a bar lies, in percent of the whole: its left edge, and its width.
pub(super) fn place(bar: &Bar, whole: f64) -> (f64, f64) {
    let percent = |seconds: f64| {
        if whole > 0.0 { (seconds / whole * 100.0).clamp(0.0, 100.0) } else { 0.0 }
    };
    let width = percent(bar.seconds).max(NARROWEST);
    (percent(bar.began).min(100.0 - width), width)
}

pub(super) fn timeline(timeline: &Timeline) -> String {
    let mut html =
        String::from("<figure>\n<figcaption>When it was done</figcaption>\n<ol class=\"bars\">\n");
    for bar in &timeline.bars {
        let (left, width) = place(bar, timeline.seconds);
        let class = match bar.tone {
            Tone::Good => "bar good",
            Tone::Bad => "bar bad",
            Tone::Caution | Tone::Plain => "bar",
        };
        let (began, took) = (duration(bar.began), duration(bar.seconds));
        // Writing to a string does not fail.
        let _ = writeln!(
            html,
            "<li><span>{}</span> <span class=\"took\">{}, {took}</span>\n<svg height=\"12\" role=\"img\" \
             aria-label=\"begun after {began}, took {took}\"><rect class=\"track\" width=\"100%\" height=\"12\"/>\
             <rect class=\"{class}\" x=\"{left:.2}%\" width=\"{width:.2}%\" height=\"12\"/></svg></li>",
            escape(&bar.label),
            escape(bar.outcome),
        );
    }
    let _ = writeln!(html, "</ol>\n{}\n</figure>", axis(timeline.seconds));
    html
}

/// The time below a picture.
fn axis(seconds: f64) -> String {
    format!(
        "<svg height=\"20\" aria-hidden=\"true\"><text x=\"0\" y=\"15\">0 s</text><text x=\"50%\" y=\"15\" \
         text-anchor=\"middle\">{}</text><text x=\"100%\" y=\"15\" text-anchor=\"end\">{}</text></svg>",
        duration(seconds / 2.0),
        duration(seconds)
    )
}

pub(super) fn progress(progress: &Progress) -> String {
    let seconds = progress.points.last().map_or(0.0, |(at, _)| *at);
    let most = progress.points.last().map_or(0, |(_, done)| *done);
    let done: Vec<(f64, f64)> =
        progress.points.iter().map(|(at, done)| (*at, float(*done))).collect();
    let rates = rates(&progress.points);
    let fastest = rates.iter().map(|(_, _, rate)| *rate).fold(0.0, f64::max);
    let steps: Vec<(f64, f64)> =
        rates.iter().flat_map(|(from, to, rate)| [(*from, *rate), (*to, *rate)]).collect();
    format!(
        "<figure>\n<figcaption>{}</figcaption>\n<div class=\"charts\">\n<div>{}</div>\n<div>{}</div>\n</div>\n</figure>\n",
        escape(&progress.title),
        plot(&format!("Secrets answered: up to {}", number(most)), &done, seconds, float(most)),
        plot(&format!("Secrets a second: up to {}", rounded(fastest)), &steps, seconds, fastest),
    )
}

/// A line over time, with what is below it.
fn plot(title: &str, points: &[(f64, f64)], seconds: f64, most: f64) -> String {
    let x = |at: f64| if seconds > 0.0 { at / seconds * WIDTH } else { 0.0 };
    let y = |value: f64| if most > 0.0 { HEIGHT - value / most * HEIGHT } else { HEIGHT };
    let line: Vec<String> =
        points.iter().map(|(at, value)| format!("{:.1},{:.1}", x(*at), y(*value))).collect();
    let line = line.join(" ");
    format!(
        "<div>{title}</div><svg height=\"{HEIGHT}\" role=\"img\" aria-label=\"{title}, over {}\">\
         <svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"100%\" height=\"{HEIGHT}\" preserveAspectRatio=\"none\">\
         <polygon class=\"area\" points=\"0,{HEIGHT} {line} {WIDTH},{HEIGHT}\"/>\
         <polyline class=\"line\" points=\"{line}\"/></svg>\
         <line class=\"grid\" x1=\"0\" x2=\"100%\" y1=\"0.5\" y2=\"0.5\"/>\
         <line class=\"grid\" x1=\"0\" x2=\"100%\" y1=\"{HEIGHT}\" y2=\"{HEIGHT}\"/></svg>{}",
        duration(seconds),
        axis(seconds),
    )
}

/// How many a second from when to when.
pub(super) fn rates(points: &[(f64, u64)]) -> Vec<(f64, f64, f64)> {
    let apart = points.last().map_or(0.0, |(at, _)| *at) / float(MOST_RATES as u64);
    let mut rates = Vec::new();
    let mut from = points.first().copied().unwrap_or_default();
    for (index, (at, done)) in points.iter().copied().enumerate() {
        let took = at - from.0;
        // What is left at the end is as long as it is.
        if took > 0.0 && (took >= apart || index + 1 == points.len()) {
            rates.push((from.0, at, float(done.saturating_sub(from.1)) / took));
            from = (at, done);
        }
    }
    rates
}

#[expect(clippy::cast_precision_loss, reason = "a picture for people")]
fn float(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_lie_within_the_whole_and_can_be_seen() {
        let bar = |began, seconds| Bar {
            label: String::new(),
            tone: Tone::Good,
            began,
            seconds,
            outcome: "done",
        };
        for (began, seconds, whole) in [
            (0.0, 10.0, 10.0),
            (10.0, 0.0, 10.0),
            (5.0, 50.0, 10.0),
            (0.0, 0.0, 0.0),
            (1.0, 1.0, 1e9),
        ] {
            let (left, width) = place(&bar(began, seconds), whole);
            assert!(left >= 0.0 && width >= NARROWEST && left + width <= 100.0, "{left} {width}");
        }
        assert_eq!(place(&bar(2.5, 5.0), 10.0), (25.0, 50.0));
    }

    #[test]
    fn rates_are_of_what_was_answered_in_between_and_few() {
        let points: Vec<(f64, u64)> =
            (0..=100_u32).map(|at| (f64::from(at), u64::from(at) * 20)).collect();
        let found = rates(&points);
        assert!(found.len() <= MOST_RATES + 1 && found.len() > MOST_RATES / 2, "{}", found.len());
        assert!(found.iter().all(|(_, _, rate)| (*rate - 20.0).abs() < 0.001));
        assert_eq!(
            rates(&[(0.0, 0), (2.0, 0), (2.0, 4), (4.0, 8)]),
            [(0.0, 2.0, 0.0), (2.0, 4.0, 4.0)]
        );
        assert!(rates(&[]).is_empty() && rates(&[(0.0, 5)]).is_empty());
    }

    #[test]
    fn what_took_no_time_is_drawn_too() {
        let title = "2 secrets in 0 s".to_owned();
        let html = progress(&Progress { title, points: vec![(0.0, 0), (0.0, 2)] });
        assert!(!html.contains("NaN") && !html.contains("inf"), "{html}");
    }
}
