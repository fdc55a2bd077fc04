//! Tables in Markdown.

/// A table. Figures are aligned right, which are all columns but the first.
pub(crate) fn table<R: AsRef<[String]>>(
    head: &[&str],
    rows: impl IntoIterator<Item = R>,
) -> String {
    let mut text = line(head.iter().map(|cell| (*cell).to_owned()));
    text.push_str(&line(
        (0..head.len()).map(|at| if at == 0 { "---" } else { "---:" }.to_owned()),
    ));
    for row in rows {
        text.push_str(&line(row.as_ref().iter().cloned()));
    }
    text.push('\n');
    text
}

fn line(cells: impl Iterator<Item = String>) -> String {
    let cells: Vec<String> = cells.map(|cell| cell.replace('|', "\\|")).collect();
    format!("| {} |\n", cells.join(" | "))
}

/// A time in microseconds, with as many digits as mean something.
pub(crate) fn micros(value: f64) -> String {
    match value {
        value if value < 100.0 => format!("{value:.1}"),
        value => grouped(value),
    }
}

/// A whole number with its thousands apart.
pub(crate) fn grouped(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 && digit != '-' {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A ratio; bold where it misses its limit.
pub(crate) fn ratio(value: Option<f64>, limit: Option<f64>) -> String {
    match value {
        None => String::new(),
        Some(value) if limit.is_some_and(|limit| value > limit) => format!("**{value:.3}**"),
        Some(value) => format!("{value:.3}"),
    }
}
