//! Stream multiplexing (muxado framing): a sans-I/O core and a thin driver.
