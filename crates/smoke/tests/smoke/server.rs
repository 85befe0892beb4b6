//! A web server that is strict about what it is asked and answers as the test says.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// Its place among the requests, from 1.
    pub(crate) number: usize,
    /// `GET /health`
    pub(crate) line: String,
    /// `name: value`, the names in small letters.
    pub(crate) headers: Vec<String>,
    /// As long as the headers say.
    pub(crate) body: String,
}

impl Request {
    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find_map(|header| header.strip_prefix(name)?.strip_prefix(": "))
    }
}

/// A running server. It ends with the test.
pub(crate) struct Server {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
}

/// An address where nobody listens until [`Closed::open`].
#[derive(Clone, Copy)]
pub(crate) struct Closed(SocketAddr);

impl Closed {
    pub(crate) fn new() -> Self {
        // An address of its own, so that no other test happens to listen there.
        let reserved = TcpListener::bind("127.0.77.1:0").unwrap();
        Self(reserved.local_addr().unwrap())
    }

    pub(crate) fn url(self, path: &str) -> String {
        format!("http://{}{path}", self.0)
    }

    pub(crate) fn open(self, answer: impl Fn(&Request) -> String + Send + Sync + 'static) -> Server {
        Server::listen(TcpListener::bind(self.0).unwrap(), answering(answer))
    }
}

type Behaviour = Arc<dyn Fn(&Request, &mut TcpStream) + Send + Sync>;

impl Server {
    /// Answers every request with this text, status line and all.
    pub(crate) fn answers(answer: impl Fn(&Request) -> String + Send + Sync + 'static) -> Self {
        Self::listen(TcpListener::bind("127.0.0.1:0").unwrap(), answering(answer))
    }

    /// Does with every request whatever it likes.
    pub(crate) fn behaves(behave: impl Fn(&Request, &mut TcpStream) + Send + Sync + 'static) -> Self {
        Self::listen(TcpListener::bind("127.0.0.1:0").unwrap(), Arc::new(behave))
    }

    /// Resets every connection.
    pub(crate) fn resets() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for stream in listener.incoming() {
                // To close a connection that holds unread input resets it.
                drop(stream.unwrap().peek(&mut [0]));
            }
        });
        Self { address, requests: Arc::default() }
    }

    fn listen(listener: TcpListener, behave: Behaviour) -> Self {
        let address = listener.local_addr().unwrap();
        let requests: Arc<Mutex<Vec<Request>>> = Arc::default();
        let seen = Arc::clone(&requests);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (behave, seen) = (Arc::clone(&behave), Arc::clone(&seen));
                thread::spawn(move || serve(stream.unwrap(), &behave, &seen));
            }
        });
        Self { address, requests }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

fn answering(answer: impl Fn(&Request) -> String + Send + Sync + 'static) -> Behaviour {
    Arc::new(move |request, stream| {
        // A client that went away does not want it.
        drop(stream.write_all(answer(request).as_bytes()));
    })
}

fn serve(mut stream: TcpStream, behave: &Behaviour, seen: &Mutex<Vec<Request>>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut lines = reader.by_ref().lines();
    // Something else than HTTP (a TLS greeting) is none of a test's requests.
    let Some(Ok(line)) = lines.next() else { return };
    let line = line.strip_suffix(" HTTP/1.1").unwrap().to_owned();
    let headers: Vec<String> = lines.map(Result::unwrap).take_while(|line| !line.is_empty()).collect();
    let headers: Vec<String> = headers
        .iter()
        .map(|header| {
            let (name, value) = header.split_once(": ").unwrap();
            format!("{}: {value}", name.to_lowercase())
        })
        .collect();
    let length = headers.iter().find_map(|header| header.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    reader.read_exact(&mut body).unwrap();
    let body = String::from_utf8(body).unwrap();
    let request = {
        let mut seen = seen.lock().unwrap();
        let number = seen.len() + 1;
        seen.push(Request { number, line, headers, body });
        seen.last().unwrap().clone()
    };
    behave(&request, &mut stream);
}

/// Waits until the client goes away.
pub(crate) fn hang(stream: &mut TcpStream) {
    drop(stream.read_to_end(&mut Vec::new()));
}

/// An answer with this status and body.
pub(crate) fn answer(status: u16, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status} Word\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}")
}

/// An answer with these lines of header too.
pub(crate) fn answer_with(status: u16, headers: &[&str], body: &str) -> String {
    answer(status, body).replacen("\r\n", &format!("\r\n{}\r\n", headers.join("\r\n")), 1)
}
