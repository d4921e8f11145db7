//! Rules about arguments.
