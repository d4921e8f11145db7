//! Compiles the protocol definitions in `proto/`, without protoc.

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let files = ["kms_v1.proto", "kms_v2.proto", "etcd.proto"];
    tonic_prost_build::configure().compile_fds(protox::compile(files, ["proto"])?)?;
    println!("cargo::rerun-if-changed=proto");
    Ok(())
}
