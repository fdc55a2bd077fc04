//! What a fixture's types must be for the functions that are awaited: nothing, without the feature for them.

#[cfg(feature = "deadpool")]
pub use on::*;

#[cfg(feature = "deadpool")]
mod on {
    use diesel_oauth2::OAuth2Token;
    use diesel_oauth2::asynchronous::pool::{
        AsyncConnectionPool, AsyncDatabaseConnection, AsyncPoolBuilder,
    };
    use diesel_oauth2::table::asynchronous::{
        AsyncAgedTable, AsyncDeviceCodeTable, AsyncFamilyTokenTable, AsyncRedeemableCodeTable,
        AsyncRegistrableClientTable, AsyncRevocableTokenTable, AsyncRotatableClientTable,
        AsyncTokenTable,
    };

    /// A connection that there are pools of.
    pub trait AwaitedConn: AsyncDatabaseConnection {
        type Pool: AsyncConnectionPool<Connection = Self>;

        /// Whether statements run on threads of the runtime.
        const RUNS_ON_THREADS: bool;

        fn pool(url: &str, size: u32) -> Self::Pool;

        #[cfg(feature = "bb8")]
        type Bb8: AsyncConnectionPool<Connection = Self>;

        #[cfg(feature = "bb8")]
        fn bb8_pool(url: &str, size: u32) -> impl Future<Output = Self::Bb8>;
    }

    macro_rules! pools {
        ($($(#[$attribute:meta])* $conn:ty, $runs_on_threads:literal;)*) => {$(
            $(#[$attribute])*
            impl AwaitedConn for $conn {
                type Pool = deadpool::managed::Pool<
                    diesel_oauth2::__private::diesel_async::pooled_connection::AsyncDieselConnectionManager<Self>,
                >;

                const RUNS_ON_THREADS: bool = $runs_on_threads;

                fn pool(url: &str, size: u32) -> Self::Pool {
                    AsyncPoolBuilder::<Self>::new(url)
                        .max_size(size)
                        // A busy machine may take long to answer all who connect for a race.
                        .connection_timeout(std::time::Duration::from_secs(60))
                        .lock_timeout(std::time::Duration::from_secs(60))
                        .synchronous(diesel_oauth2::pool::Synchronous::Normal)
                        .build_deadpool()
                        .expect("the pool is made")
                }

                #[cfg(feature = "bb8")]
                type Bb8 = diesel_oauth2::__private::diesel_async::pooled_connection::bb8::Pool<Self>;

                #[cfg(feature = "bb8")]
                async fn bb8_pool(url: &str, size: u32) -> Self::Bb8 {
                    AsyncPoolBuilder::<Self>::new(url)
                        .max_size(size)
                        // A busy machine may take long to answer all who connect for a race.
                        .connection_timeout(std::time::Duration::from_secs(60))
                        .lock_timeout(std::time::Duration::from_secs(60))
                        .build_bb8()
                        .await
                        .expect("the database answers")
                }
            }
        )*};
    }

    pools! {
        #[cfg(feature = "sqlite")]
        diesel_oauth2::asynchronous::pool::AsyncSqliteConnection, true;
        #[cfg(feature = "postgres")]
        diesel_oauth2::__private::AsyncPgConnection, false;
        #[cfg(feature = "mysql")]
        diesel_oauth2::__private::AsyncMysqlConnection, false;
    }

    macro_rules! alias {
        ($($name:ident: [$($bounds:tt)*])*) => {$(
            pub trait $name<Conn: Send>: $($bounds)* {}
            impl<Conn: Send, T: $($bounds)*> $name<Conn> for T {}
        )*};
    }

    alias! {
        AwaitedClient: [AsyncRegistrableClientTable<Conn, Extra = ()> + AsyncRotatableClientTable<Conn>]
        AwaitedRows: [AsyncTokenTable<Conn>]
        AwaitedRevocable: [AsyncRevocableTokenTable<Conn>]
        AwaitedCode: [AsyncRedeemableCodeTable<Conn> + AsyncAgedTable<Conn>]
        AwaitedDevice: [AsyncDeviceCodeTable<Conn> + AsyncAgedTable<Conn>]
    }

    pub trait AwaitedToken<Conn: Send>:
        AsyncFamilyTokenTable<
            Conn,
            Grant: AsyncAgedTable<Conn, Key = <Self as OAuth2Token>::GrantId>,
        > + AsyncAgedTable<Conn>
    {
    }

    impl<Conn: Send, T> AwaitedToken<Conn> for T where
        T: AsyncFamilyTokenTable<Conn, Grant: AsyncAgedTable<Conn, Key = T::GrantId>>
            + AsyncAgedTable<Conn>
    {
    }
}

#[cfg(not(feature = "deadpool"))]
pub use off::*;

#[cfg(not(feature = "deadpool"))]
mod off {
    pub trait AwaitedConn: Send + 'static {
        type Pool: Send + Sync;

        fn pool(url: &str, size: u32) -> Self::Pool;
    }

    impl<T: Send + 'static> AwaitedConn for T {
        type Pool = ();

        fn pool(_: &str, _: u32) {}
    }

    macro_rules! nothing {
        ($($name:ident)*) => {$(
            pub trait $name<Conn> {}
            impl<Conn, T> $name<Conn> for T {}
        )*};
    }

    nothing! {
        AwaitedClient AwaitedRows AwaitedRevocable AwaitedCode AwaitedDevice AwaitedToken
    }
}
