//! Who may what, asked of the API itself over a real store: refusals included.

mod keys;
mod matrix;
mod place;
