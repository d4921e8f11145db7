//! Compiles the protocol definitions in `proto/`, without protoc.

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let plugins = protox::compile(["kms_v1.proto", "kms_v2.proto"], ["proto"])?;
    tonic_prost_build::configure().build_client(false).compile_fds(plugins)?;
    let store = protox::compile(["etcd.proto"], ["proto"])?;
    tonic_prost_build::configure().build_server(false).compile_fds(store)?;
    println!("cargo::rerun-if-changed=proto");
    Ok(())
}
