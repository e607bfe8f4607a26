//! What the edge was told: the immutable EdgeConfig and how a change becomes one.
