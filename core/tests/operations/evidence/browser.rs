//! A browser without a window, where one is installed.

use std::{
    env, fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;

/// Names under which Chromium is installed.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];
/// Widths of a small phone, two phones, a tablet in both positions and a desktop.
const WIDTHS: [u32; 6] = [320, 375, 390, 768, 1024, 1280];
/// What is printed on A4 between margins of 14 mm.
const PAPER: u32 = 687;

/// Pictures are no higher than so many pixels.
const HIGHEST: u64 = 12_000;

/// Chromium.
pub(super) struct Browser {
    program: PathBuf,
    folder: tempfile::TempDir,
}

impl Browser {
    /// `None`, which is said on standard error: there is none. `AKS_KMS_CHROMIUM` names one; where
    /// `AKS_KMS_REQUIRE` names `browser`, there must be one.
    pub(super) fn find() -> Option<Self> {
        let named = env::var_os("AKS_KMS_CHROMIUM").map(PathBuf::from);
        let path = env::var_os("PATH").unwrap_or_default();
        let mut places =
            env::split_paths(&path).flat_map(|place| NAMES.map(|name| place.join(name)));
        let Some(program) = named.or_else(|| places.find(|place| place.is_file())) else {
            let required = env::var("AKS_KMS_REQUIRE").is_ok_and(|list| list.contains("browser"));
            assert!(!required, "Chromium is required, and not installed");
            let test = test_name();
            // Past the harness, which keeps what a test that did not fail says to itself.
            let _ = writeln!(std::io::stderr(), "left out: {test}: Chromium is not installed");
            return None;
        };
        Some(Self { program, folder: tempfile::tempdir().unwrap() })
    }

    /// What is seen of a page at each width. With `AKS_KMS_SCREENSHOTS` a picture of each is left below that folder.
    pub(super) fn shows(&self, html: &str, dark: bool) -> Vec<Value> {
        let scheme = if dark { "dark" } else { "light" };
        let seen = self.measures(html, dark, &WIDTHS);
        if let Some(folder) = pictures() {
            for (width, seen) in WIDTHS.iter().zip(&seen) {
                let page = self.write("frame.html", &frames(html, &[*width]));
                let picture = folder.join(format!("{scheme}-{width}.png"));
                let height = seen["height"].as_u64().unwrap().min(HIGHEST);
                let size = format!("--window-size={},{height}", width.max(&500));
                let to = format!("--screenshot={}", picture.display());
                self.run(
                    dark,
                    &["--hide-scrollbars", "--virtual-time-budget=10000", &size, &to, &page],
                );
                assert!(fs::metadata(&picture).unwrap().len() > 10_000, "{}", picture.display());
            }
        }
        seen
    }

    /// What is seen of a page at the width of paper, in the style of what is printed.
    pub(super) fn shows_on_paper(&self, html: &str) -> Value {
        let (before, rest) = html.split_once("<meta http-equiv=").unwrap();
        // Its policy knows its style by the hash.
        let (_, rest) = rest.split_once('>').unwrap();
        let printed = format!("{before}{rest}")
            .replace("@media screen", "@media not all")
            .replace("@media print", "@media all");
        self.measures(&printed, false, &[PAPER]).remove(0)
    }

    fn measures(&self, html: &str, dark: bool, widths: &[u32]) -> Vec<Value> {
        let page = self.write("frames.html", &frames(html, widths));
        let output = self.run(dark, &["--virtual-time-budget=10000", "--dump-dom", &page]);
        let said = String::from_utf8_lossy(&output.stdout);
        let result = said
            .split("<pre id=\"result\" hidden=\"\">")
            .nth(1)
            .and_then(|it| it.split("</pre>").next());
        let result = result.unwrap_or_else(|| panic!("{output:?}"));
        let seen: Vec<Value> = serde_json::from_str(&result.replace("&amp;", "&")).unwrap();
        assert_eq!(seen.len(), widths.len(), "{seen:?}");
        seen
    }

    /// The page as PDF, which `AKS_KMS_SCREENSHOTS` gets, too.
    pub(super) fn prints(&self, html: &str) -> Vec<u8> {
        let page = self.write("printed.html", html);
        let pages = self.folder.path().join("printed.pdf");
        let to = format!("--print-to-pdf={}", pages.display());
        self.run(false, &["--no-pdf-header-footer", &to, &page]);
        if let Some(folder) = pictures() {
            fs::copy(&pages, folder.join("printed.pdf")).unwrap();
            fs::write(folder.join("report.html"), html).unwrap();
        }
        fs::read(pages).unwrap()
    }

    fn write(&self, name: &str, html: &str) -> String {
        let path = self.folder.path().join(name);
        fs::write(&path, html).unwrap();
        format!("file://{}", path.display())
    }

    fn run(&self, dark: bool, arguments: &[&str]) -> Output {
        let profile = format!("--user-data-dir={}", self.folder.path().join("profile").display());
        let scheme = format!("--blink-settings=preferredColorScheme={}", u8::from(!dark));
        let output = Command::new(&self.program)
            .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"])
            .args([
                "--no-first-run",
                "--disable-extensions",
                "--enable-logging=stderr",
                &profile,
                &scheme,
            ])
            .args(arguments)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        assert!(!said.contains("Content Security Policy"), "{said}");
        output
    }
}

/// Where the pictures of this test are to be left, if anywhere.
fn pictures() -> Option<PathBuf> {
    let folder =
        Path::new(&env::var_os("AKS_KMS_SCREENSHOTS")?).join(test_name().replace("::", "."));
    fs::create_dir_all(&folder).unwrap();
    Some(folder)
}

fn test_name() -> String {
    std::thread::current().name().unwrap_or("a test").to_owned()
}

/// What can be read on each page of a PDF. `None`: there is no `pdftotext`.
pub(super) fn read_pages(pages: &[u8]) -> Option<Vec<String>> {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), pages).unwrap();
    let output =
        Command::new("pdftotext").arg("-layout").arg(file.path()).arg("-").output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    // Each page ends with a form feed.
    Some(text.split('\u{c}').map(|page| page.trim().to_owned()).collect())
}

/// A page with a report in a frame of each width, which measures what is in them.
fn frames(html: &str, widths: &[u32]) -> String {
    let report = serde_json::to_string(html).unwrap().replace('<', "\\u003c");
    format!(
        r#"<!DOCTYPE html><meta charset="utf-8"><style>body{{margin:0}}iframe{{border:0;display:block}}</style>
<body><script>
const report = {report}, result = [];
for (const width of {widths:?}) {{
  const frame = document.createElement("iframe");
  frame.width = width;
  frame.srcdoc = report;
  frame.onload = () => {{
    const page = frame.contentDocument, root = page.documentElement;
    const style = (element) => frame.contentWindow.getComputedStyle(element);
    // what is wider than the place that it has
    const main = page.querySelector("main");
    const edge = main.getBoundingClientRect().right - parseFloat(style(main).paddingRight);
    const wide = [...main.querySelectorAll("*")].filter((element) =>
      !element.closest("svg, thead") && element.getBoundingClientRect().right > edge + 0.5);
    const cut = [...page.querySelectorAll("svg text")].filter((text) => {{
      const box = text.getBoundingClientRect();
      return box.left < -0.5 || box.right > root.clientWidth + 0.5;
    }});
    // a word of the report's own that is broken
    const broken = [...main.querySelectorAll("td b")].filter((word) =>
      !/\s/.test(word.textContent) && word.getClientRects().length > 1);
    result.push({{
      width, scroll: root.scrollWidth, client: root.clientWidth, height: root.scrollHeight,
      overflow: [...wide, ...cut, ...broken].map((element) => element.outerHTML.slice(0, 100)),
      styled: style(page.querySelector("table")).borderCollapse === "collapse",
      dark: style(page.body).backgroundColor !== "rgb(255, 255, 255)",
    }});
    frame.height = root.scrollHeight;
    if (result.length === {count}) {{
      result.sort((one, other) => one.width - other.width);
      const text = document.createElement("pre");
      text.id = "result";
      text.hidden = true;
      text.textContent = JSON.stringify(result);
      document.body.append(text);
    }}
  }};
  document.body.append(frame);
}}
</script></body>"#,
        count = widths.len()
    )
}
