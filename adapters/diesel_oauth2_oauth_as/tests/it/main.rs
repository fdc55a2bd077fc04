//! The storage on every database that is enabled and at hand.

mod bearer;
mod client;
mod conformance;
mod flow;
mod migrations;
mod race;
mod replica;
mod secrets;
mod support;
