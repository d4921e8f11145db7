//! How the HTML file looks: in the light, in the dark, on a phone and on paper.

use std::fmt::Write;

/// A colour in the light and in the dark.
pub(super) struct Colour {
    name: &'static str,
    light: &'static str,
    dark: &'static str,
}

const fn colour(name: &'static str, light: &'static str, dark: &'static str) -> Colour {
    Colour { name, light, dark }
}

/// Every colour that there is.
pub(super) const PALETTE: &[Colour] = &[
    colour("page", "#ffffff", "#14171a"),
    colour("surface", "#f3f5f7", "#1e2328"),
    colour("text", "#1b1f23", "#e7e9eb"),
    colour("muted", "#4f5860", "#aab2ba"),
    colour("edge", "#c4cad0", "#3d454d"),
    colour("link", "#0b57a4", "#84bdf7"),
    colour("good", "#14613a", "#74d39c"),
    colour("good-surface", "#e3f4ea", "#15301f"),
    colour("caution", "#744600", "#f2c46a"),
    colour("caution-surface", "#fdf1d8", "#33280e"),
    colour("bad", "#9c1c1a", "#ff9f99"),
    colour("bad-surface", "#fbe8e7", "#3b1a19"),
];

const RULES: &str = r#"
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0;background:var(--page);color:var(--text);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
main{max-width:64rem;margin:0 auto;padding:1.5rem 1.25rem 3rem}
h1{font-size:1.6rem;line-height:1.25;margin:0 0 1rem;overflow-wrap:anywhere}
h2{font-size:1.25rem;line-height:1.3;margin:2.5rem 0 .75rem;padding-top:1rem;border-top:1px solid var(--edge)}
h3{font-size:1.05rem;line-height:1.35;margin:1.75rem 0 .5rem}
p{margin:.5rem 0;overflow-wrap:anywhere}
a{color:var(--link);overflow-wrap:anywhere}
code,pre{font:.875em/1.45 ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}
code{overflow-wrap:anywhere}
.verdict{border:1px solid var(--edge);border-left-width:.5rem;border-radius:.375rem;padding:.75rem 1rem;margin:0 0 1.25rem;background:var(--surface)}
.verdict b{display:block;font-size:1.2rem}
.verdict.good{background:var(--good-surface);border-color:var(--good)}
.verdict.caution{background:var(--caution-surface);border-color:var(--caution)}
.verdict.bad{background:var(--bad-surface);border-color:var(--bad)}
.good>b,b.good{color:var(--good)}
.caution>b,b.caution{color:var(--caution)}
.bad>b,b.bad{color:var(--bad)}
.answers{margin:0;border:1px solid var(--edge);border-radius:.375rem}
.answers>div{display:grid;grid-template-columns:14rem 1fr;gap:.25rem 1.25rem;padding:.75rem 1rem}
.answers>div+div{border-top:1px solid var(--edge)}
dt{font-weight:600}
dd{margin:0;min-width:0}
dd p{margin:0 0 .25rem}
.facts{margin:.5rem 0 1rem}
.facts>div{display:grid;grid-template-columns:14rem 1fr;gap:.125rem 1.25rem;padding:.25rem 0}
.facts dt{font-weight:400;color:var(--muted)}
.facts dd{overflow-wrap:anywhere}
table{width:100%;border-collapse:collapse;margin:.75rem 0 1rem;font-size:.9375rem}
th,td{text-align:left;vertical-align:top;padding:.5rem .625rem;border-bottom:1px solid var(--edge)}
td{overflow-wrap:anywhere}
td b{overflow-wrap:break-word}
th{overflow-wrap:break-word;background:var(--surface);font-weight:600;min-width:6rem}
time{white-space:nowrap}
figure{margin:1rem 0 1.5rem}
figcaption{font-weight:600;margin-bottom:.375rem}
svg{display:block;width:100%;overflow:visible}
svg text{font-size:.8125rem;fill:var(--muted)}
.bars{list-style:none;margin:0;padding:0}
.bars li{padding:.25rem 0}
.bars span{overflow-wrap:anywhere}
.bars .took{color:var(--muted)}
.track{fill:var(--surface);stroke:var(--edge)}
.bar{fill:var(--muted)}
.bar.good{fill:var(--good)}
.bar.bad{fill:var(--bad)}
.charts{display:grid;grid-template-columns:1fr 1fr;gap:.75rem 2rem}
.grid{stroke:var(--edge)}
.area{fill:var(--surface)}
.line{fill:none;stroke:var(--link);stroke-width:2px;vector-effect:non-scaling-stroke}
details{margin:.75rem 0}
summary{cursor:pointer;font-weight:600}
details ul{padding-left:1.25rem}
details li{margin:.25rem 0;overflow-wrap:anywhere}
pre{background:var(--surface);border:1px solid var(--edge);border-radius:.375rem;padding:.75rem;margin:.5rem 0;white-space:pre-wrap;overflow-wrap:anywhere}
footer{margin-top:2.5rem;padding-top:1rem;border-top:1px solid var(--edge);color:var(--muted)}
@media screen and (max-width:60rem){
main{padding:1rem 1rem 2rem}
.answers>div,.facts>div,.charts{grid-template-columns:1fr}
thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
table,tbody,tr,td{display:block;width:100%}
tr{border:1px solid var(--edge);border-radius:.375rem;margin:0 0 .75rem;padding:.25rem 0}
td{border:0;padding:.25rem .75rem}
td::before{content:attr(data-label);display:block;color:var(--muted);font-size:.8125rem}
}
@media print{
@page{margin:14mm}
body{font-size:10pt}
main{max-width:none;padding:0}
table{font-size:9pt}
th,td{padding:.25rem .375rem}
th{min-width:3.5rem}
h2,h3,figcaption,p:has(+table){break-after:avoid}
h2,h3,tr,figure,.bars li,.answers>div,.facts>div,.verdict{break-inside:avoid}
.answers>div,.facts>div{grid-template-columns:9rem 1fr}
a{color:inherit;text-decoration:none}
.verdict,th,.track,.area,.bar,pre{print-color-adjust:exact;-webkit-print-color-adjust:exact}
details.list::details-content{content-visibility:visible;block-size:auto}
}
"#;

/// The whole style.
pub(super) fn css() -> String {
    let variables = |of: fn(&Colour) -> &'static str| {
        PALETTE.iter().fold(String::new(), |mut text, colour| {
            // Writing to a string does not fail.
            let _ = write!(text, "--{}:{};", colour.name, of(colour));
            text
        })
    };
    let light = variables(|colour| colour.light);
    let dark = variables(|colour| colour.dark);
    format!(
        "\n:root{{color-scheme:light dark;{light}}}\n\
         @media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}{RULES}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is written, and on what.
    const TEXTS: &[(&str, &str)] = &[
        ("text", "page"),
        ("text", "surface"),
        ("text", "good-surface"),
        ("text", "caution-surface"),
        ("text", "bad-surface"),
        ("muted", "page"),
        ("muted", "surface"),
        ("link", "page"),
        ("good", "page"),
        ("good", "good-surface"),
        ("caution", "page"),
        ("caution", "caution-surface"),
        ("bad", "page"),
        ("bad", "bad-surface"),
    ];
    /// What is drawn, and on what.
    const DRAWN: &[(&str, &str)] = &[
        ("muted", "surface"),
        ("good", "surface"),
        ("bad", "surface"),
        ("link", "surface"),
        ("link", "page"),
    ];

    fn luminance(colour: &str) -> f64 {
        let channel = |at: usize| {
            let value = f64::from(u8::from_str_radix(&colour[at..at + 2], 16).unwrap()) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
    }

    /// As WCAG 2 has it.
    fn contrast(one: &str, other: &str) -> f64 {
        let (one, other) = (luminance(one), luminance(other));
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    fn named(name: &str) -> &'static Colour {
        PALETTE.iter().find(|colour| colour.name == name).unwrap()
    }

    #[test]
    fn contrast_is_that_of_wcag() {
        assert!((contrast("#000000", "#ffffff") - 21.0).abs() < 0.01);
        assert!((contrast("#777777", "#ffffff") - 4.48).abs() < 0.01);
    }

    #[test]
    fn texts_and_pictures_have_the_contrast_of_level_aa() {
        for (pairs, least) in [(TEXTS, 4.5), (DRAWN, 3.0)] {
            for (front, back) in pairs {
                let (front, back) = (named(front), named(back));
                for (front_in, back_in) in [(front.light, back.light), (front.dark, back.dark)] {
                    let found = contrast(front_in, back_in);
                    assert!(found >= least, "{front_in} on {back_in}: {found:.2}");
                }
            }
        }
    }

    #[test]
    fn every_colour_is_of_the_palette_and_nothing_is_loaded() {
        let used = RULES.matches("var(--").count();
        assert!(used > 20, "{used}");
        for part in RULES.split("var(--").skip(1) {
            named(part.split(')').next().unwrap());
        }
        assert!(!RULES.contains('#') && !RULES.contains("url(") && !RULES.contains("@import"));
    }

    /// A colour that is written is one whose contrast is checked above.
    #[test]
    fn every_colour_of_text_and_of_pictures_is_checked() {
        let checked = |name: &str| TEXTS.iter().chain(DRAWN).any(|(front, _)| *front == name);
        for property in ["color:var(--", "fill:var(--"] {
            for (at, _) in RULES.match_indices(property) {
                let name = RULES[at + property.len()..].split(')').next().unwrap();
                let is_border = RULES[..at].ends_with("border-");
                let is_ground =
                    PALETTE.iter().any(|it| it.name == name) && name.ends_with("surface");
                assert!(is_border || is_ground || checked(name), "{name}");
            }
        }
    }
}
