//! `cargo run --example server --features server`: see the crate's documentation.

fn main() -> std::process::ExitCode {
    diesel_oauth2_example_server::main()
}
