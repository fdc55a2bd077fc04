//! The example as a program of its own, which is what the tests start.

fn main() -> std::process::ExitCode {
    diesel_oauth2_example_server::main()
}
