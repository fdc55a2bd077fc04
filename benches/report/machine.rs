//! What the figures were measured on, without names of hosts or users.

use std::fs;
use std::process::Command;

/// What is told of the machine.
pub(crate) fn facts() -> Vec<(String, String)> {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let kilobytes = value(&memory, "MemTotal", ':')
        .and_then(|text| text.split_whitespace().next()?.parse::<f64>().ok());
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let system = value(&release, "PRETTY_NAME", '=').unwrap_or_default();
    let facts = [
        ("CPU", value(&cpu, "model name", ':').unwrap_or_default()),
        ("Cores", cores.to_string()),
        (
            "Memory",
            kilobytes.map_or(String::new(), |kb| {
                format!("{:.0} GiB", kb / 1024.0 / 1024.0)
            }),
        ),
        (
            "System",
            format!(
                "{}, Linux {}",
                system.trim_matches('"'),
                told("uname", &["-r"])
            ),
        ),
        ("Rust", told("rustc", &["--version"])),
    ];
    facts
        .into_iter()
        .map(|(name, fact)| (name.to_owned(), fact))
        .collect()
}

/// The day, in UTC.
pub(crate) fn today() -> String {
    told("date", &["-u", "+%F"])
}

fn told(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output.map_or(String::new(), |output| {
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    })
}

/// The value behind the first line that begins with the name.
fn value(text: &str, name: &str, separator: char) -> Option<String> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(separator)?.1.trim().to_owned())
}
