//! HTTP/1 codec: strict, sans-I/O, for both sides of the road.
