//! Every operation in every way, side by side.

fn main() {}
