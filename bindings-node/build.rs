//! How the linker makes a module for Node.js of it.

fn main() {
    napi_build::setup();
}
