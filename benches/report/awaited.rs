//! The functions that are awaited beside those that block.

use diesel_oauth2_benches::results::{Series, Tasks};

use crate::markdown::{grouped, table};

/// A table for each database and call; nothing where nothing was measured.
pub(crate) fn part(found: &[Tasks]) -> String {
    let Some(first) = found.first() else {
        return String::new();
    };
    let mut text = format!(
        "## Awaited and blocking\n\nCalls a second of so many Tokio tasks over one pool of {} connections, and behind them the median \
         and the 99th percentile of a call in milliseconds, with its wait for a connection. *look-up* is a validator's, *save* \
         stores a token. The ways take turns, {} s each with each number of tasks. The awaited functions are ours on a pool of \
         deadpool's or bb8's; the blocking ones are ours on r2d2, on Tokio's threads for what blocks. The driver under the \
         awaited ones is another: tokio-postgres, mysql_async, or on SQLite threads for what blocks here too.\n\n",
        first.connections, first.seconds
    );
    for found in found {
        let mut calls: Vec<&str> = found.series.iter().map(|it| it.load.as_str()).collect();
        calls.dedup();
        for call in calls {
            let series: Vec<&Series> = found.series.iter().filter(|it| it.load == call).collect();
            let Some(first) = series.first() else {
                continue;
            };
            let tasks = first
                .points
                .iter()
                .map(|(tasks, _)| format!("{tasks} tasks"));
            let tasks: Vec<String> = tasks.collect();
            let name = format!("{}, {call}", found.database);
            let mut head = vec![name.as_str()];
            head.extend(tasks.iter().map(String::as_str));
            text.push_str(&table(&head, series.iter().map(|it| row(it))));
        }
    }
    text
}

fn row(series: &Series) -> Vec<String> {
    let cells = series.points.iter().map(|(_, it)| {
        format!(
            "{} ({:.2}, {:.2})",
            grouped(it.per_second),
            it.p50_micros / 1000.0,
            it.p99_micros / 1000.0
        )
    });
    [series.way.clone()].into_iter().chain(cells).collect()
}
