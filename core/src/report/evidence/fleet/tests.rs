//! Text of others stays text, at any number of clusters.
