//! The behaviours of the project's checklist, each on every database that is enabled and at hand. A test's name begins
//! with its row.

mod migrations;
mod support;
