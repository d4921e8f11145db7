//! Another client of the same API server: it reads one secret again and again, as an operator or a
//! controller would, and says how long it had to wait.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use tokio::{runtime::Builder, time::sleep};
use tokio_rustls::TlsConnector;

use crate::{
    statistics::Latency,
    target::Target,
    wire::{Wire, get},
};

/// Between two reads.
const PAUSE: Duration = Duration::from_millis(10);

/// The other client, on a thread of its own.
#[derive(Debug)]
pub struct Probe {
    end: Arc<AtomicBool>,
    thread: JoinHandle<io::Result<Vec<Duration>>>,
}

impl Probe {
    /// Begins to read.
    #[must_use]
    pub fn start(target: Target, path: String) -> Self {
        let end = Arc::new(AtomicBool::new(false));
        let thread = std::thread::spawn({
            let end = Arc::clone(&end);
            move || {
                let runtime = Builder::new_current_thread().enable_all().build()?;
                runtime.block_on(read(&target, &path, &end))
            }
        });
        Self { end, thread }
    }

    /// Ends it: how long its reads took.
    ///
    /// # Errors
    /// A read was not answered with the secret.
    pub fn finish(self) -> io::Result<Latency> {
        self.end.store(true, Ordering::Relaxed);
        let durations =
            self.thread.join().map_err(|_| io::Error::other("the other client panicked"))??;
        Ok(Latency::of(durations))
    }
}

async fn read(target: &Target, path: &str, end: &AtomicBool) -> io::Result<Vec<Duration>> {
    let tls = TlsConnector::from(target.tls()?);
    let mut wire = Wire::open(target, &tls).await?;
    let request = get(target, path);
    let mut durations = Vec::new();
    while !end.load(Ordering::Relaxed) {
        let began = Instant::now();
        let status = wire.exchange(&request, |_| ()).await?;
        durations.push(began.elapsed());
        if status != 200 {
            return Err(io::Error::other(format!("{path}: {status}")));
        }
        sleep(PAUSE).await;
    }
    Ok(durations)
}
