//! The asynchronous functions beside the blocking ones on Tokio's blocking threads, with many tasks at a time.
//!
//! `cargo bench -p diesel_oauth2_benches --features async,postgres,mysql --bench async` prints a table: calls a second, and
//! how long a call takes at the median and at the 99th percentile, with its wait for a connection. All pools are of the same
//! size, and take turns, each for the same time: less than five minutes in all on three databases. The figures are kept for the report
//! as those of the sections are. Without `--bench` (`cargo test`) it makes a few calls of each.
//!
//! The variables are those of the benchmarks' `settings`.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use diesel::connection::{Connection, SimpleConnection};
use diesel_oauth2::asynchronous;
use diesel_oauth2::asynchronous::pool::{AsyncConnectionPool, AsyncPoolBuilder};
use diesel_oauth2::models::{Client, Token};
use diesel_oauth2::pool::{ConnectionPool, PoolBuilder, Synchronous};
use diesel_oauth2::table::asynchronous::AsyncTokenTable;
use diesel_oauth2::table::{ClientTable, TokenTable};
use diesel_oauth2::{
    OAuth2Token, TokenRequest, TokenResponse, create_bearer_token_validator,
    create_query_client_func, create_save_token_func,
};
use diesel_oauth2_benches::results::{self, Latencies, Series, Tasks};
use diesel_oauth2_benches::settings;
use tokio::runtime::{Builder, Runtime};

/// Connections of each pool.
const CONNECTIONS: u32 = 16;
/// Long enough for the last of all tasks to get a connection.
const TIMEOUT: Duration = Duration::from_secs(60);
/// Tokens to look up.
const TOKENS: usize = 1_000;
const CLIENT_ID: &str = "s6BhdRkqt3";

/// How much is measured.
#[derive(Clone, Copy)]
struct Effort {
    /// How long new calls are made in one round.
    time: Duration,
    rounds: usize,
}

/// One call, by its number.
type Call = Arc<dyn Fn(usize) -> Calling + Send + Sync>;
type Calling = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

/// The same for every database; only the types differ.
macro_rules! measure {
    ($database:literal, $key:literal, $runtime:expr, $url:expr, $effort:expr, $conn:ty, $async_conn:ty) => {{
        let url: String = $url;
        let mut connection = <$conn>::establish(&url).expect("connects");
        diesel_oauth2::migrations::run(&mut connection).expect("migrates");
        connection
            .batch_execute(&format!(
                "INSERT INTO oauth2_client (client_id) VALUES ('{CLIENT_ID}')"
            ))
            .expect("the client");
        let pool = PoolBuilder::<$conn>::new(&url)
            .max_size(CONNECTIONS)
            .connection_timeout(TIMEOUT)
            .lock_timeout(TIMEOUT)
            .synchronous(Synchronous::Normal)
            .build()
            .expect("the database answers");
        let builder = || {
            AsyncPoolBuilder::<$async_conn>::new(&url)
                .max_size(CONNECTIONS)
                .connection_timeout(TIMEOUT)
                .lock_timeout(TIMEOUT)
                .synchronous(Synchronous::Normal)
        };
        let deadpool = builder().build_deadpool().expect("the pool is made");
        let bb8 = $runtime.block_on(builder().build_bb8());
        let bb8 = bb8.expect("the database answers");
        let client = create_query_client_func::<Client, _>(pool.clone())(CLIENT_ID);
        let client = Arc::new(client.expect("query").expect("the client"));
        fill(&pool, &client);

        let ways = [
            ("blocking, r2d2", blocking(pool, &client)),
            ("awaited, deadpool", awaited(deadpool, &client, "deadpool")),
            ("awaited, bb8", awaited(bb8, &client, "bb8")),
        ];
        let mut series = Vec::new();
        for (call, of) in [("look-up", 0), ("save", 1)] {
            let ways = ways.iter().map(|(way, calls)| (*way, calls[of].clone()));
            series.extend(compare($runtime, call, ways.collect(), $effort));
        }
        let found = Tasks {
            database: $database.to_owned(),
            connections: CONNECTIONS,
            seconds: ($effort.time * $effort.rounds as u32).as_secs_f64(),
            series,
        };
        tell(&found);
        // A few calls are no figures to keep.
        if !settings::is_quick() {
            results::write(&file($key), &found);
        }
    }};
}

fn main() {
    let effort = match settings::is_quick() {
        false => Effort {
            time: Duration::from_millis(600),
            rounds: 5,
        },
        true => Effort {
            time: Duration::from_millis(5),
            rounds: 1,
        },
    };
    let runtime = Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");

    #[cfg(feature = "sqlite")]
    if is_to_be_measured("sqlite") {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let url = folder.path().join("async.sqlite").display().to_string();
        measure!(
            "SQLite",
            "sqlite",
            &runtime,
            url,
            effort,
            diesel::SqliteConnection,
            diesel_oauth2::asynchronous::pool::AsyncSqliteConnection
        );
    }
    #[cfg(feature = "postgres")]
    on_server::<diesel::PgConnection>(
        "postgres",
        "DIESEL_OAUTH2_TEST_POSTGRES_URL",
        "WITH (FORCE)",
        |url| {
            measure!(
                "PostgreSQL",
                "postgres",
                &runtime,
                url,
                effort,
                diesel::PgConnection,
                diesel_oauth2::__private::AsyncPgConnection
            );
        },
    );
    #[cfg(feature = "mysql")]
    on_server::<diesel::MysqlConnection>("mysql", "DIESEL_OAUTH2_TEST_MYSQL_URL", "", |url| {
        measure!(
            "MySQL/MariaDB",
            "mysql",
            &runtime,
            url,
            effort,
            diesel::MysqlConnection,
            diesel_oauth2::__private::AsyncMysqlConnection
        );
    });
}

/// The name of a database's results.
fn file(key: &str) -> String {
    format!("async-{key}")
}

fn is_to_be_measured(key: &str) -> bool {
    let is_there = || {
        settings::results()
            .join(format!("{}.json", file(key)))
            .exists()
    };
    settings::is_wanted(key) && !(settings::is_resuming() && is_there())
}

/// Runs `measure` on a database of its own, unless the variable that names the server is not set.
#[cfg(any(feature = "postgres", feature = "mysql"))]
fn on_server<C: Connection>(
    key: &str,
    variable: &str,
    drop_options: &str,
    measure: impl FnOnce(String),
) {
    if !is_to_be_measured(key) {
        return;
    }
    let Some(admin_url) = settings::variable(variable) else {
        eprintln!("{key}: left out, {variable} is not set");
        return;
    };
    let name = format!("diesel_oauth2_bench_async_{}", std::process::id());
    let mut admin = C::establish(&admin_url).expect("the server answers");
    admin
        .batch_execute(&format!("CREATE DATABASE {name}"))
        .expect("may create databases");
    let mut url = url::Url::parse(&admin_url).expect("a database URL");
    url.set_path(&name);
    measure(url.into());
    admin
        .batch_execute(&format!("DROP DATABASE {name} {drop_options}"))
        .expect("nobody uses it any more");
}

/// Tokens to look up.
fn fill<P>(pool: &P, client: &Client)
where
    P: ConnectionPool,
    Token: TokenTable<P::Connection> + OAuth2Token<UserId = i64, Extra = ()>,
{
    let save_token = create_save_token_func::<Token, _>(pool.clone());
    for number in 0..TOKENS {
        let response = TokenResponse::bearer(format!("filled-{number}"));
        let request = TokenRequest::new(client).user(7);
        save_token(&response, &request).expect("is saved");
    }
}

/// A look-up and a save on blocking threads.
fn blocking<P>(pool: P, client: &Arc<Client>) -> [Call; 2]
where
    P: ConnectionPool,
    Client: ClientTable<P::Connection>,
    Token: TokenTable<P::Connection> + OAuth2Token<UserId = i64, Extra = ()>,
{
    let validator = create_bearer_token_validator::<Token, _>(pool.clone());
    let save_token = create_save_token_func::<Token, _>(pool);
    let client = Arc::clone(client);
    [
        Arc::new(move |number| {
            let validator = validator.clone();
            on_blocking_thread(move || {
                let header = format!("Bearer filled-{}", number % TOKENS);
                validator
                    .acquire_token(Some(&header), &[])
                    .expect("is valid");
            })
        }),
        Arc::new(move |number| {
            let (save_token, client) = (save_token.clone(), Arc::clone(&client));
            on_blocking_thread(move || {
                let response = TokenResponse::bearer(format!("blocking-{number}"));
                let request = TokenRequest::new(&*client).user(7);
                save_token(&response, &request).expect("is saved");
            })
        }),
    ]
}

fn on_blocking_thread(work: impl FnOnce() + Send + 'static) -> Calling {
    Box::pin(async { tokio::task::spawn_blocking(work).await.expect("no panic") })
}

/// The same, awaited.
fn awaited<P>(pool: P, client: &Arc<Client>, name: &'static str) -> [Call; 2]
where
    P: AsyncConnectionPool,
    Token: AsyncTokenTable<P::Connection> + OAuth2Token<UserId = i64, Extra = ()>,
{
    let validator = asynchronous::create_bearer_token_validator::<Token, _>(pool.clone());
    let save_token = asynchronous::create_save_token_func::<Token, _>(pool);
    let client = Arc::clone(client);
    [
        Arc::new(move |number| {
            let validator = validator.clone();
            Box::pin(async move {
                let header = format!("Bearer filled-{}", number % TOKENS);
                let token = validator.acquire_token(Some(&header), &[]).await;
                token.expect("is valid");
            })
        }),
        Arc::new(move |number| {
            let (save_token, client) = (save_token.clone(), Arc::clone(&client));
            Box::pin(async move {
                let response = TokenResponse::bearer(format!("{name}-{number}"));
                let request = TokenRequest::new(&*client).user(7);
                save_token(&response, &request).await.expect("is saved");
            })
        }),
    ]
}

/// Measures each way by turns, with each number of tasks.
fn compare(runtime: &Runtime, call: &str, ways: Vec<(&str, Call)>, effort: Effort) -> Vec<Series> {
    // Numbers go on, so that no token is saved twice.
    static NEXT: AtomicUsize = AtomicUsize::new(0);

    let mut points = vec![Vec::new(); ways.len()];
    for tasks in [16, 256, 2_048] {
        let mut rates = vec![Vec::new(); ways.len()];
        let mut latencies = vec![Vec::new(); ways.len()];
        for round in 0..=effort.rounds {
            for (way, (_, call)) in ways.iter().enumerate() {
                let begun = Instant::now();
                let measured = runtime.block_on(run(call, tasks, &NEXT, effort.time));
                // The first round opens the connections and prepares the statements.
                if round > 0 {
                    rates[way].push(measured.len() as f64 / begun.elapsed().as_secs_f64());
                    latencies[way].extend(measured);
                }
            }
        }
        for (way, (mut rates, mut latencies)) in rates.into_iter().zip(latencies).enumerate() {
            rates.sort_by(f64::total_cmp);
            latencies.sort();
            let micros = |at: usize| latencies[at].as_secs_f64() * 1e6;
            let last = latencies.len() - 1;
            let found = Latencies {
                calls: latencies.len(),
                per_second: rates[rates.len() / 2],
                p50_micros: micros(last / 2),
                p99_micros: micros(last * 99 / 100),
                most_micros: micros(last),
            };
            points[way].push((tasks, found));
        }
    }
    let series = ways.iter().zip(points).map(|((way, _), points)| Series {
        way: (*way).to_owned(),
        load: call.to_owned(),
        points,
    });
    series.collect()
}

fn tell(found: &Tasks) {
    println!("| database | call | tasks | functions | calls/s | median | p99 |");
    println!("| --- | --- | ---: | --- | ---: | ---: | ---: |");
    for series in &found.series {
        for (tasks, it) in &series.points {
            println!(
                "| {} | {} | {tasks} | {} | {:.0} | {} | {} |",
                found.database,
                series.load,
                series.way,
                it.per_second,
                text(it.p50_micros),
                text(it.p99_micros),
            );
        }
    }
}

fn text(micros: f64) -> String {
    match micros {
        micros if micros < 10_000.0 => format!("{micros:.0} µs"),
        micros => format!("{:.1} ms", micros / 1_000.0),
    }
}

/// Makes calls in so many tasks at a time, until the time is up and each task has made one. Gives how long each took.
async fn run(
    call: &Call,
    tasks: usize,
    next: &'static AtomicUsize,
    time: Duration,
) -> Vec<Duration> {
    let end = Instant::now() + time;
    let running: Vec<_> = (0..tasks)
        .map(|_| {
            let call = Arc::clone(call);
            tokio::spawn(async move {
                let mut measured = Vec::new();
                loop {
                    let begun = Instant::now();
                    call(next.fetch_add(1, Ordering::Relaxed)).await;
                    measured.push(begun.elapsed());
                    if Instant::now() >= end {
                        return measured;
                    }
                }
            })
        })
        .collect();
    let mut measured = Vec::new();
    for task in running {
        measured.extend(task.await.expect("no panic"));
    }
    measured
}
