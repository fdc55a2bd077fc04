//! Counts round trips on the wire: a relay in front of the server that notes each time the client speaks after the
//! server did.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;

use url::Url;

use crate::counts::round_trip;

/// A relay on a port of its own.
pub struct Relay {
    /// The database's URL through the relay.
    pub url: String,
}

impl Relay {
    /// A relay to the server that the URL names. It lasts as long as the process.
    pub fn to(url: &str) -> Self {
        let mut url = Url::parse(url).expect("URL");
        let host = url.host_str().expect("a host").to_owned();
        let port = url.port().expect("a port");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let own = listener.local_addr().expect("is bound");
        url.set_host(Some("127.0.0.1")).expect("a host");
        url.set_port(Some(own.port())).expect("a port");
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let server = TcpStream::connect((host.as_str(), port)).expect("the server answers");
                connect(client, server);
            }
        });
        Self { url: url.into() }
    }
}

fn connect(client: TcpStream, server: TcpStream) {
    for stream in [&client, &server] {
        stream.set_nodelay(true).expect("a socket");
    }
    // Whether the client spoke last.
    let turn = Arc::new(AtomicBool::new(false));
    let both = |stream: &TcpStream| stream.try_clone().expect("a socket");
    let (from_client, to_server) = (both(&client), both(&server));
    let client_turn = Arc::clone(&turn);
    thread::spawn(move || {
        pass(from_client, to_server, || {
            if !client_turn.swap(true, SeqCst) {
                round_trip();
            }
        });
    });
    thread::spawn(move || pass(server, client, || turn.store(false, SeqCst)));
}

fn pass(mut from: TcpStream, mut to: TcpStream, before: impl Fn()) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        before();
        if to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}
