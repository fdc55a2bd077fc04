//! A real process that is killed between two statements.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use diesel_oauth2::create_query_client_func;
use diesel_oauth2::pool::PoolBuilder;

use super::faulty::{FaultyPool, Killed, Point, Session};
use super::{Act, Victim};
use crate::fixture::{Fixture, ManualClock};

/// What a process can be started for.
pub const ACTS: [&str; 3] = ["redeem", "rotate", "rotate the first of a family"];

fn act_of<F: Fixture<Conn: Session>>(name: &str) -> Act<F> {
    match name {
        "redeem" => super::redeem::act,
        "rotate" | "rotate the first of a family" => super::rotate::act,
        other => panic!("unknown act {other}"),
    }
}

/// Starts a process that does this, and kills it at that point. Tells whether it came so far.
pub fn kill_at<F: Fixture>(fixture: &F, act: &str, name: &str, point: Point) -> bool {
    let (before, after) = match point {
        Point::Before(statement) => (Some(statement), None),
        Point::After(statement) => (None, Some(statement)),
    };
    let text = |statement: Option<usize>| statement.map(|at| at.to_string()).unwrap_or_default();
    let mut child = Command::new(std::env::current_exe().expect("the path of this program"))
        .args(["--exact", "crash::process::that_is_killed", "--nocapture"])
        .env("TEST_CRASH_FIXTURE", std::any::type_name::<F>())
        .env("TEST_CRASH_URL", fixture.url())
        .env("TEST_CRASH_ACT", act)
        .env("TEST_CRASH_NAME", name)
        .env("TEST_CRASH_BEFORE", text(before))
        .env("TEST_CRASH_AFTER", text(after))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    let stdout = BufReader::new(child.stdout.take().expect("is piped"));
    let is_there = stdout
        .lines()
        .map_while(Result::ok)
        .any(|line| line == "at the point");
    if is_there {
        child.kill().expect("is killed");
    }
    let output = child.wait_with_output().expect("ends");
    assert!(
        is_there || output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    is_there
}

/// The process itself; without its variables, nothing.
#[test]
fn that_is_killed() {
    let Ok(fixture) = std::env::var("TEST_CRASH_FIXTURE") else {
        return;
    };
    let mut is_known = false;
    macro_rules! run_if_meant {
        ($($fixture:ty),*) => {$(
            if fixture == std::any::type_name::<$fixture>() {
                is_known = true;
                run::<$fixture>();
            }
        )*};
    }
    #[allow(unused_imports)]
    use crate::fixture::{Bundled, Own};
    #[cfg(feature = "sqlite")]
    run_if_meant!(Bundled<crate::support::Sqlite>, Own<crate::support::Sqlite>);
    #[cfg(feature = "postgres")]
    run_if_meant!(Bundled<crate::support::Postgres>);
    #[cfg(all(feature = "postgres", feature = "uuid"))]
    run_if_meant!(Own<crate::support::Postgres>);
    #[cfg(feature = "mysql")]
    run_if_meant!(Bundled<crate::support::Mysql>, Own<crate::support::Mysql>);
    assert!(is_known, "unknown fixture {fixture}");
}

fn run<F: Fixture<Conn: Session>>() {
    let variable = |name: &str| std::env::var(format!("TEST_CRASH_{name}")).expect(name);
    let pool = PoolBuilder::new(variable("URL")).max_size(1).build();
    let pool = pool.expect("the database answers");
    let client = create_query_client_func::<F::Client, _>(pool.clone())(&F::client_id(1));
    let point = match variable("BEFORE").parse() {
        Ok(statement) => Point::Before(statement),
        Err(_) => Point::After(variable("AFTER").parse().expect("a number")),
    };
    let victim = Victim {
        pool: FaultyPool::new(pool, variable("URL"), Killed::Process, point),
        client: client.expect("no error").expect("is registered"),
        clock: ManualClock::default(),
    };
    act_of::<F>(&variable("ACT"))(&victim, &variable("NAME")).expect("no error");
}
