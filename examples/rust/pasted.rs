//! The programs of the documentation's pages, as a reader pastes them together: `pasted procedures-simulated`.
//!
//! A simulator must run, and its variables must be set; the tests of the documentation see to both.

#![allow(
    clippy::all,
    clippy::pedantic,
    clippy::print_stderr,
    clippy::print_stdout,
    unreachable_pub,
    unused,
    reason = "it is what the pages say"
)]

include!(concat!(env!("OUT_DIR"), "/pasted.rs"));

fn main() -> Result<(), Box<dyn std::error::Error>> {
    run(&std::env::args().nth(1).ok_or("which one?")?)
}
