use std::error::Error;
use std::future::pending;
use std::net::Ipv4Addr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::response::Response;
use axum::routing::{get, post};
use diesel_oauth2::endpoint::EndpointResponse;
use diesel_oauth2::pool::PoolBuilder;
use diesel_oauth2_axum::{into_response, introspection_route, require_oauth, revocation_route};
use serde_json::json;
use tokio::net::TcpListener;

use crate::app::App;
use crate::database::{Connections, Database};
use crate::settings::Settings;
use crate::{api, authorize, database, demo, device, metadata, pages, token};

/// How many threads wait for the database or hash a password at the same time: a few more than there are connections.
/// Hashing takes 19 MiB each.
const BLOCKING_THREADS: usize = 16;
const CONNECTIONS: u32 = 10;
/// How long requests that are under way may take once the server is to stop.
const GRACE: Duration = Duration::from_secs(10);
const LONGEST_BODY: usize = 64 * 1024;

/// Runs the server until Ctrl-C.
pub fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let settings = Settings::from_env()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .max_blocking_threads(BLOCKING_THREADS)
        .enable_all()
        .build()?;
    let Some((scheme, rest)) = settings.database_url.split_once("://") else {
        return Err("DATABASE_URL is no URL".into());
    };
    let served = match scheme {
        "sqlite" if rest.is_empty() || rest.contains(":memory:") => {
            Err("DATABASE_URL must name a file, which several connections can share".into())
        }
        "sqlite" => runtime.block_on(serve::<database::Sqlite>(rest, &settings)),
        #[cfg(feature = "postgres")]
        "postgres" | "postgresql" => {
            let url = &settings.database_url;
            runtime.block_on(serve::<database::Postgres>(url, &settings))
        }
        #[cfg(feature = "mysql")]
        "mysql" | "mariadb" => {
            let url = format!("mysql://{rest}");
            runtime.block_on(serve::<database::Mysql>(&url, &settings))
        }
        _ => Err(format!(
            "DATABASE_URL begins with {scheme}://, for which this program was not built: \
             it knows sqlite://, and with --features server,postgres,mysql also postgres:// and mysql://"
        )
        .into()),
    };
    runtime.shutdown_timeout(GRACE);
    served
}

async fn serve<D: Database>(url: &str, settings: &Settings) -> Result<(), Box<dyn Error>> {
    let pool: Connections<D> = PoolBuilder::new(url)
        .max_size(CONNECTIONS)
        // Soon enough that a client still waits for the 503.
        .connection_timeout(Duration::from_secs(3))
        .build()?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, settings.port)).await?;
    let issuer = format!("http://127.0.0.1:{}", listener.local_addr()?.port());
    // Nothing else runs yet, so these may block.
    D::migrate(&mut *pool.get()?)?;
    let made = demo::set_up::<D>(&mut *pool.get()?, &settings.demo, &issuer)?;
    let app = App::<D>::new(pool, settings, issuer)?;
    demo::print(&app.issuer, &settings.demo, &made);

    let stop = stop_signal();
    let server = axum::serve(listener, router(app)).with_graceful_shutdown(stop);
    tokio::select! {
        served = server.into_future() => served?,
        () = too_long() => eprintln!("some requests were cut off"),
    }
    println!("stopped");
    Ok(())
}

fn router<D: Database>(app: App<D>) -> Router {
    let protected = Router::new()
        .route("/api/me", get(api::me::<D>))
        .route_layer(require_oauth(app.validator.clone()).scopes(["profile"]));
    let revocation = revocation_route(app.revocation.clone(), app.authenticator.clone());
    let introspection = introspection_route(app.introspection.clone(), app.authenticator.clone());
    Router::new()
        .route(
            "/oauth/authorize",
            get(authorize::show::<D>).post(authorize::decide::<D>),
        )
        .route("/oauth/token", post(token::token::<D>))
        .route("/oauth/revoke", revocation)
        .route("/oauth/introspect", introspection)
        .route("/oauth/device_authorization", post(device::authorize::<D>))
        .route("/device", get(device::show::<D>).post(device::decide::<D>))
        .route(
            "/.well-known/oauth-authorization-server",
            get(metadata::metadata::<D>),
        )
        .route("/style.css", get(pages::style))
        .route(demo::CALLBACK, get(demo::callback))
        .merge(protected)
        .fallback(async || refusal(404, "There is nothing here."))
        .method_not_allowed_fallback(async || refusal(405, "The method is not allowed here."))
        .layer(DefaultBodyLimit::max(LONGEST_BODY))
        .with_state(Arc::new(app))
}

/// In the form of RFC 6749 section 5.2.
fn refusal(status: u16, description: &str) -> Response {
    let body = json!({"error": "invalid_request", "error_description": description});
    into_response(EndpointResponse::json(status, &body))
}

/// Ctrl-C, or what `kill` sends.
async fn stop_signal() {
    #[cfg(unix)]
    let terminated = async {
        use tokio::signal::unix::{SignalKind, signal};
        match signal(SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(_) => pending().await,
        }
    };
    #[cfg(not(unix))]
    let terminated = pending::<()>();
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => {
            if interrupted.is_err() {
                pending::<()>().await;
            }
        }
        () = terminated => {}
    }
}

async fn too_long() {
    stop_signal().await;
    tokio::time::sleep(GRACE).await;
}
