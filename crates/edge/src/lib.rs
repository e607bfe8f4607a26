//! The data plane: the way of a request from the visitor to the agent and back.
