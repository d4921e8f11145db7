//! One parser, met by changed documents and by anything else, for as long as it is asked to.
//!
//! `AKS_KMS_FUZZ_SECONDS` says for how long, and without it so many inputs are tried on any machine;
//! `AKS_KMS_FUZZ_SEED` says with which inputs, and without it they are the same each time. What it costs is measured by
//! `allocation_counter`, as no code here may be unsafe.

#![allow(clippy::print_stderr, reason = "a search says what it tried")]

use std::{
    cell::RefCell,
    fmt::{Debug, Display},
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{
        Arc, Mutex,
        mpsc::{RecvTimeoutError, channel},
    },
    thread,
    time::{Duration, Instant},
};

use proptest::{
    prelude::*,
    test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner},
};

use super::change::{Change, changes};

/// So many inputs are tried where no time is given: the same ones on every machine.
const INPUTS: u64 = 5_000;
/// So many at least where a time is given, however slow the machine is.
const AT_LEAST: u64 = 192;
/// What a parser may take for its input, of the processor's time: far above what is linear, far below what is
/// not.
const LONGEST_TIME: Duration = Duration::from_secs(5);
/// Who takes longer than this does not end.
const HANGS: Duration = Duration::from_secs(60);
/// What a parser may hold at a time, for each byte of its input and besides. An object with one member takes
/// 7 bytes as it is written, and 630 as it is held; a user of a kubeconfig 10, and 2,000.
const MEMORY_PER_BYTE: u64 = 256;
const MEMORY: u64 = 512 * 1024;
/// The longest refusal, in characters: a message, and once more in its `Debug`, where each may be escaped.
const LONGEST_REFUSAL: usize = 130_000;

/// What a parser made of its input.
pub(crate) enum Seen {
    /// It was read.
    Read,
    /// It was not, and this is what is said of it.
    Refused(String),
}

impl Seen {
    /// A refusal is looked at in every form in which it can be shown.
    pub(crate) fn of<T, E: Debug + Display>(outcome: Result<T, E>) -> Self {
        match outcome {
            Ok(_) => Self::Read,
            Err(error) => Self::Refused(format!("{error} {error:?}")),
        }
    }

    pub(crate) fn found<T>(outcome: Option<T>) -> Self {
        outcome.map_or_else(|| Self::Refused(String::new()), |_| Self::Read)
    }
}

/// A parser.
pub(crate) struct Target<'a> {
    pub(crate) name: &'a str,
    /// Valid ones: each is read as it is.
    pub(crate) documents: Vec<Vec<u8>>,
    /// The share of changed documents that must still be read, in percent: else the parser is never
    /// reached behind its first check.
    pub(crate) read: u64,
    /// What is in the documents and never in a refusal.
    pub(crate) hidden: &'a [&'a str],
}

#[derive(Default)]
struct Tried {
    inputs: u64,
    changed: u64,
    read: u64,
    refused: u64,
    slowest: Duration,
    /// The most memory for a byte of an input, and of inputs that are not short.
    memory: u64,
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

impl Target<'_> {
    /// Tries inputs.
    ///
    /// `parse` also asserts what must hold of what it reads; here it is that nothing panics, or takes time
    /// or memory out of proportion, and that a refusal is fit to be shown.
    pub(crate) fn run(&self, parse: impl Fn(&[u8]) -> Seen) {
        match number("AKS_KMS_FUZZ_SECONDS") {
            Some(seconds) => self.run_for(Duration::from_secs(seconds), AT_LEAST, parse),
            None => self.run_for(Duration::ZERO, INPUTS, parse),
        }
    }

    fn run_for(&self, time: Duration, at_least: u64, parse: impl Fn(&[u8]) -> Seen) {
        for document in &self.documents {
            let seen = parse(document);
            let Seen::Refused(why) = seen else { continue };
            panic!("{}: {} is refused: {why}", self.name, String::from_utf8_lossy(document));
        }
        let seed = number("AKS_KMS_FUZZ_SEED").unwrap_or(0);
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let config = Config {
            failure_persistence: None,
            max_shrink_iters: 4_000,
            max_shrink_time: 20_000,
            ..Config::default()
        };
        let random = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
        let mut runner = TestRunner::new_with_rng(config, random);
        let tried = RefCell::new(Tried::default());
        let until = Instant::now() + time;
        let watch = Watch::start(self.name);
        let strategy = (any::<prop::sample::Index>(), changes());
        while Instant::now() < until || tried.borrow().inputs < at_least {
            let tree = strategy.new_tree(&mut runner).unwrap();
            let outcome = runner.run_one(tree, |(which, change)| {
                let document = &self.documents[which.index(self.documents.len())];
                let input = change.of(document);
                watch.begin(&input);
                self.one(&input, &change, &parse, &mut tried.borrow_mut());
                watch.end();
                Ok(())
            });
            if let Err(failure) = outcome {
                let input = match &failure {
                    TestError::Fail(_, (which, change)) => {
                        change.of(&self.documents[which.index(self.documents.len())])
                    }
                    TestError::Abort(_) => Vec::new(),
                };
                let shown = String::from_utf8_lossy(&input[..input.len().min(4_000)]).into_owned();
                panic!("{}, AKS_KMS_FUZZ_SEED={seed}: {failure}\n{shown}", self.name);
            }
        }
        self.judge(&tried.borrow());
    }

    /// Tries one input.
    fn one(&self, input: &[u8], change: &Change, parse: impl Fn(&[u8]) -> Seen, tried: &mut Tried) {
        let began = Clock::now();
        let mut seen = None;
        // A panic that left the measuring would spoil the next one.
        let cost = allocation_counter::measure(|| {
            seen = Some(catch_unwind(AssertUnwindSafe(|| parse(input))));
        });
        let took = began.elapsed();
        let seen = seen.expect("it was parsed").unwrap_or_else(|panic| resume_unwind(panic));
        let length = input.len() as u64;
        assert!(took < LONGEST_TIME, "{length} bytes took {took:?}");
        let allowed = MEMORY + MEMORY_PER_BYTE * length;
        assert!(cost.bytes_max <= allowed, "{length} bytes took {} of memory", cost.bytes_max);
        tried.inputs += 1;
        tried.slowest = tried.slowest.max(took);
        if length > 4_096 {
            tried.memory = tried.memory.max(cost.bytes_max / length);
        }
        let is_changed = !matches!(change, Change::Anything(_));
        tried.changed += u64::from(is_changed);
        match seen {
            Seen::Read => tried.read += u64::from(is_changed),
            Seen::Refused(why) => {
                tried.refused += 1;
                self.fit_to_be_shown(&why);
            }
        }
    }

    fn fit_to_be_shown(&self, why: &str) {
        assert!(why.chars().count() < LONGEST_REFUSAL, "{} characters", why.chars().count());
        let odd = |letter: char| letter.is_control() || "\u{202e}\u{200b}".contains(letter);
        assert!(!why.contains(odd), "{why:?}");
        for hidden in self.hidden {
            assert!(!why.contains(hidden), "{why}");
        }
    }

    fn judge(&self, tried: &Tried) {
        let Tried { inputs, changed, read, refused, slowest, memory } = tried;
        let share = 100 * read / changed.max(&1);
        eprintln!(
            "{}: {inputs} inputs, {share} % of the changed documents read, {refused} inputs refused, {slowest:?} at \
             most, {memory} bytes of memory a byte",
            self.name
        );
        assert!(share >= self.read, "{}: only {share} % were read", self.name);
        assert!(*refused > 0 || self.read == 100, "{}: nothing was refused", self.name);
    }
}

/// Counts the time that the thread has a processor where the system tells, since others may be at work.
struct Clock {
    began: Instant,
    processor: Option<Duration>,
}

impl Clock {
    fn now() -> Self {
        Self { began: Instant::now(), processor: Self::processor() }
    }

    fn elapsed(&self) -> Duration {
        match (self.processor, Self::processor()) {
            (Some(before), Some(now)) => now.saturating_sub(before),
            _ => self.began.elapsed(),
        }
    }

    fn processor() -> Option<Duration> {
        let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
        told.split(' ').next()?.parse().ok().map(Duration::from_nanos)
    }
}

/// When an input was begun with, and which.
type Begun = (Instant, Vec<u8>);

/// Ends the process where a parser does not end: nothing else would say why.
struct Watch {
    current: Arc<Mutex<Option<Begun>>>,
    /// Dropped, it ends the watch.
    _ends: std::sync::mpsc::Sender<()>,
}

impl Watch {
    fn start(name: &str) -> Self {
        let current: Arc<Mutex<Option<Begun>>> = Arc::default();
        let (ends, ended) = channel::<()>();
        let (seen, name) = (Arc::clone(&current), name.to_owned());
        thread::spawn(move || {
            while ended.recv_timeout(Duration::from_secs(1)) == Err(RecvTimeoutError::Timeout) {
                if let Ok(Some((began, input))) = seen.lock().as_deref()
                    && began.elapsed() > HANGS
                {
                    eprintln!("{name} does not end: {:?}", String::from_utf8_lossy(input));
                    std::process::exit(1);
                }
            }
        });
        Self { current, _ends: ends }
    }

    fn begin(&self, input: &[u8]) {
        *self.current.lock().unwrap() = Some((Instant::now(), input.to_vec()));
    }

    fn end(&self) {
        *self.current.lock().unwrap() = None;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    const DOCUMENT: &str = r#"{"a":[1,"b"]}"#;

    fn fails(parse: fn(&[u8]) -> Seen, read: u64) -> bool {
        let documents = vec![DOCUMENT.into()];
        let target = Target { name: "trial", documents, read, hidden: &["needle"] };
        catch_unwind(|| target.run_for(Duration::ZERO, AT_LEAST, parse)).is_err()
    }

    fn json(input: &[u8]) -> Seen {
        Seen::of(serde_json::from_slice::<Value>(input).map_err(|_| "not JSON"))
    }

    #[test]
    fn a_parser_that_panics_wastes_or_tells_is_found() {
        assert!(!fails(json, 20));
        let panics = |input: &[u8]| {
            let value: Value = serde_json::from_slice(input).unwrap_or_default();
            assert!(value["a"].is_null() || value["a"].is_array(), "a field of another kind");
            json(input)
        };
        assert!(fails(panics, 0));
        let wastes = |input: &[u8]| {
            let held = std::hint::black_box(vec![0_u8; 1_000 * input.len() + 600_000]);
            if held.is_empty() { Seen::Read } else { json(input) }
        };
        assert!(fails(wastes, 0));
        let tells = |input: &[u8]| match json(input) {
            Seen::Refused(_) => Seen::Refused("a needle".to_owned()),
            Seen::Read => Seen::Read,
        };
        assert!(fails(tells, 0));
    }

    #[test]
    fn a_parser_that_is_not_reached_is_found() {
        let strict = |input: &[u8]| Seen::found((input == DOCUMENT.as_bytes()).then_some(()));
        assert!(fails(strict, 20));
        assert!(fails(|_| Seen::Read, 20), "nothing was refused");
    }
}
