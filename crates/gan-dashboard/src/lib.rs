//! A training on a terminal.
