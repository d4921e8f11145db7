//! The programs that a reader of the documentation pastes together, so that they are compiled and can be run.
//!
//! The block that has `// here` is the program; the others go there, in order. Where a page starts another simulator,
//! another program begins.

use std::{env, error::Error, fmt::Write, fs, path::Path};

const PAGES: [&str; 2] = ["docs/first-hour.md", "docs/procedures.md"];
const SIMULATOR: &str = "cargo run -p aks-kms-simulator --";
/// The simulator of the tests is a hundred times as fast as Azure: so are the waits of what runs there.
const TIMING: &str = ".timing(aks_kms::Timing::scaled(0.01))";

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../..");
    let mut modules = String::new();
    let mut arms = String::new();
    for (number, (name, program)) in programs(&root)?.iter().enumerate() {
        let module = format!("program_{number}");
        writeln!(modules, "mod {module} {{\n{program}\n}}")?;
        writeln!(arms, "{name:?} => {module}::main(),")?;
    }
    let main = format!(
        "{modules}\nfn run(name: &str) -> Result<(), Box<dyn std::error::Error>> {{\n\
         match name {{\n{arms}_ => Err(format!(\"no page has a program {{name}}\").into()),\n}}\n}}\n"
    );
    fs::write(Path::new(&env::var("OUT_DIR")?).join("pasted.rs"), main)?;
    Ok(())
}

/// Each program with its name: the page's, and the folder of the simulator that it speaks to.
fn programs(root: &Path) -> Result<Vec<(String, String)>, Box<dyn Error>> {
    let mut found = Vec::new();
    for page in PAGES {
        println!("cargo::rerun-if-changed={}", root.join(page).display());
        let text = fs::read_to_string(root.join(page))?;
        let stem = Path::new(page).file_stem().and_then(|stem| stem.to_str()).ok_or(page)?;
        let mut whole = None;
        let mut worlds: Vec<(String, String)> = Vec::new();
        for (language, block) in blocks(&text) {
            match language {
                "sh" if block.contains(SIMULATOR) => {
                    let (_, folder) = block.rsplit_once("--directory ").ok_or("no --directory")?;
                    worlds.push((format!("{stem}-{}", folder.trim()), String::new()));
                }
                "rust" if block.contains("// here") => whole = Some(block),
                "rust" => {
                    let (_, pasted) = worlds.last_mut().ok_or("a block before any simulator")?;
                    writeln!(pasted, "{block}")?;
                }
                _ => {}
            }
        }
        let whole = whole.ok_or_else(|| format!("{page} has no block with `// here`"))?;
        for (name, pasted) in worlds {
            let program =
                whole.replace("// here", &pasted).replace("async fn main", "pub async fn main");
            let timed = program
                .replace("KmsManager::builder(id)", &format!("KmsManager::builder(id){TIMING}"));
            if timed == program {
                return Err(format!("{page} makes no manager").into());
            }
            found.push((name, timed));
        }
    }
    Ok(found)
}

/// Language and text of each block.
fn blocks(text: &str) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((_, opened)) = rest.split_once("\n```") {
        let Some((block, after)) = opened.split_once("\n```\n") else { break };
        let (language, block) = block.split_once('\n').unwrap_or((block, ""));
        found.push((language, block));
        // the next one may follow at once
        rest = &text[text.len() - after.len() - 1..];
    }
    found
}
