//! A process that asks: an [`Order`] on standard input, what came of it on standard output.

use std::{error::Error, io};

use aks_kms_bench::load::Order;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let Order { target, work } = serde_json::from_reader(io::stdin().lock())?;
    let done = work.run(&target).await?;
    serde_json::to_writer(io::stdout().lock(), &done)?;
    Ok(())
}
