//! Who may what, asked of the API itself over a real store: refusals included.

mod doors;
mod keys;
mod matrix;
mod people;
mod place;
