//! The asynchronous functions beside the blocking ones on Tokio's blocking threads, with many tasks at a time.
//!
//! `cargo bench -p diesel_oauth2_benches --features async,postgres,mysql --bench async` prints a table: calls a second, and
//! how long a call takes at the median and at the 99th percentile, with its wait for a connection. All pools are of the same
//! size, and take turns. Without `--bench` (`cargo test`) it makes a few calls of each.
//!
//! The servers are those that `DIESEL_OAUTH2_TEST_POSTGRES_URL` and `DIESEL_OAUTH2_TEST_MYSQL_URL` name.

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
    /// Calls of all tasks together, in one round.
    calls: usize,
    rounds: usize,
}

/// One call, by its number.
type Call = Arc<dyn Fn(usize) -> Calling + Send + Sync>;
type Calling = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

/// The same for every database; only the types differ.
macro_rules! measure {
    ($database:literal, $runtime:expr, $url:expr, $effort:expr, $conn:ty, $async_conn:ty) => {{
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
        for (call, of) in [("look-up", 0), ("save", 1)] {
            for tasks in [16, 256, 2_048] {
                let calls = ways.iter().map(|(way, calls)| (*way, calls[of].clone()));
                compare($runtime, $database, call, tasks, calls.collect(), $effort);
            }
        }
    }};
}

fn main() {
    let effort = match std::env::args().any(|argument| argument == "--bench") {
        true => Effort {
            calls: 20_000,
            rounds: 5,
        },
        false => Effort {
            calls: 100,
            rounds: 1,
        },
    };
    let runtime = Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    println!("| database | call | tasks | functions | calls/s | median | p99 |");
    println!("| --- | --- | ---: | --- | ---: | ---: | ---: |");

    #[cfg(feature = "sqlite")]
    {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let url = folder.path().join("async.sqlite").display().to_string();
        measure!(
            "SQLite",
            &runtime,
            url,
            effort,
            diesel::SqliteConnection,
            diesel_oauth2::asynchronous::pool::AsyncSqliteConnection
        );
    }
    #[cfg(feature = "postgres")]
    on_server::<diesel::PgConnection>("DIESEL_OAUTH2_TEST_POSTGRES_URL", "WITH (FORCE)", |url| {
        measure!(
            "PostgreSQL",
            &runtime,
            url,
            effort,
            diesel::PgConnection,
            diesel_oauth2::__private::AsyncPgConnection
        );
    });
    #[cfg(feature = "mysql")]
    on_server::<diesel::MysqlConnection>("DIESEL_OAUTH2_TEST_MYSQL_URL", "", |url| {
        measure!(
            "MariaDB",
            &runtime,
            url,
            effort,
            diesel::MysqlConnection,
            diesel_oauth2::__private::AsyncMysqlConnection
        );
    });
}

/// Runs `measure` on a database of its own, unless the variable that names the server is not set.
#[cfg(any(feature = "postgres", feature = "mysql"))]
fn on_server<C: Connection>(variable: &str, drop_options: &str, measure: impl FnOnce(String)) {
    let Some(admin_url) = std::env::var(variable).ok().filter(|url| !url.is_empty()) else {
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

/// Measures each way by turns and prints a line of each.
fn compare(
    runtime: &Runtime,
    database: &str,
    call: &str,
    tasks: usize,
    ways: Vec<(&str, Call)>,
    effort: Effort,
) {
    // Numbers go on, so that no token is saved twice.
    static NEXT: AtomicUsize = AtomicUsize::new(0);

    let mut rates = vec![Vec::new(); ways.len()];
    let mut latencies = vec![Vec::new(); ways.len()];
    for round in 0..=effort.rounds {
        for (way, (_, call)) in ways.iter().enumerate() {
            let first = NEXT.fetch_add(effort.calls + tasks, Ordering::Relaxed);
            let begun = Instant::now();
            let measured = runtime.block_on(run(call, tasks, first, effort.calls));
            // The first round opens the connections and prepares the statements.
            if round > 0 || effort.rounds == 1 {
                rates[way].push(measured.len() as f64 / begun.elapsed().as_secs_f64());
                latencies[way].extend(measured);
            }
        }
    }
    for (way, (name, _)) in ways.iter().enumerate() {
        let (rates, latencies) = (&mut rates[way], &mut latencies[way]);
        rates.sort_by(f64::total_cmp);
        latencies.sort();
        println!(
            "| {database} | {call} | {tasks} | {name} | {:.0} | {} | {} |",
            rates[rates.len() / 2],
            text(latencies[latencies.len() / 2]),
            text(latencies[latencies.len() * 99 / 100]),
        );
    }
}

fn text(duration: Duration) -> String {
    match duration.as_micros() {
        micros @ ..10_000 => format!("{micros} µs"),
        micros => format!("{:.1} ms", micros as f64 / 1_000.0),
    }
}

/// Runs the calls in so many tasks at a time. Gives how long each took.
async fn run(call: &Call, tasks: usize, first: usize, calls: usize) -> Vec<Duration> {
    let next = Arc::new(AtomicUsize::new(0));
    let running: Vec<_> = (0..tasks)
        .map(|_| {
            let (call, next) = (Arc::clone(call), Arc::clone(&next));
            tokio::spawn(async move {
                let mut measured = Vec::new();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= calls {
                        return measured;
                    }
                    let begun = Instant::now();
                    call(first + number).await;
                    measured.push(begun.elapsed());
                }
            })
        })
        .collect();
    let mut measured = Vec::with_capacity(calls);
    for task in running {
        measured.extend(task.await.expect("no panic"));
    }
    measured
}
