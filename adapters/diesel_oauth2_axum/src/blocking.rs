use std::future::pending;
use std::panic::resume_unwind;

/// Runs work that blocks, as every call of `diesel_oauth2` does, on one of tokio's blocking threads.
///
/// Work that has begun is finished also where the request goes away meanwhile, so that no transaction is cut off. A
/// panic goes on in the caller.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let answer = diesel_oauth2_axum::run_blocking(|| 6 * 7).await;
/// assert_eq!(answer, 42);
/// # });
/// ```
pub async fn run_blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(value) => value,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            // Never begun, because the runtime is shutting down; it will drop this future too.
            Err(_) => pending().await,
        },
    }
}
