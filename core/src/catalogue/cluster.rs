//! Rules about the managed cluster.
