//! A primary and its replica, by pools of bb8's.

#[path = "../replica.rs"]
mod replica;

mod api {
    pub use super::super::facade::*;

    pub mod replicated {
        use std::time::Duration;

        use diesel_oauth2::__private::AsyncPgConnection;
        use diesel_oauth2::__private::diesel_async::pooled_connection::bb8::Pool;
        use diesel_oauth2::asynchronous::pool::AsyncPoolBuilder;
        use diesel_oauth2::pool::ReaderWriterPool;

        use super::super::super::facade::{Awaited, runtime};

        type OnePool = Pool<AsyncPgConnection>;
        pub type One = Awaited<OnePool>;
        pub type Both = Awaited<ReaderWriterPool<OnePool>>;

        fn pool(url: &str) -> OnePool {
            let pool = AsyncPoolBuilder::<AsyncPgConnection>::new(url)
                .max_size(2)
                .connection_timeout(Duration::from_millis(500))
                .build_bb8();
            runtime().block_on(pool).expect("the server answers")
        }

        pub fn one(url: &str) -> One {
            Awaited(pool(url))
        }

        pub fn both(primary: &str, replica: &str, rest: Duration) -> Both {
            Awaited(
                ReaderWriterPool::new(pool(primary))
                    .reader(pool(replica))
                    .rest(rest),
            )
        }
    }
}
