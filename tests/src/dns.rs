//! A DNS server whose answers a test changes.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use tokio::{net::UdpSocket, sync::watch, task::JoinHandle};

use crate::within;

/// What is said of every name.
#[derive(Debug, Clone)]
pub enum Zone {
    /// It has these addresses, each for so many seconds.
    Addresses(Vec<IpAddr>, u32),
    /// The same, but questions for AAAA are swallowed.
    OnlyA(Vec<IpAddr>, u32),
    /// There is no such name: NXDOMAIN.
    NoName,
    /// The server cannot say: SERVFAIL.
    Broken,
    /// Questions are swallowed.
    Silent,
}

/// A DNS server on a UDP port of its own. It is gone when this is dropped.
pub struct Dns {
    address: SocketAddr,
    zone: Arc<watch::Sender<Zone>>,
    questions: watch::Receiver<Vec<String>>,
    serving: JoinHandle<()>,
}

impl Dns {
    /// A server that says this.
    pub async fn start(zone: Zone) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a free port");
        let address = socket.local_addr().expect("it is bound");
        let (zone, (asked, questions)) =
            (Arc::new(watch::Sender::new(zone)), watch::channel(Vec::new()));
        let serving = tokio::spawn(serve(socket, zone.subscribe(), asked));
        Self { address, zone, questions, serving }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on it says this.
    pub fn say(&self, zone: Zone) {
        self.zone.send_replace(zone);
    }

    /// How often a name was asked for, in both families.
    pub fn questions(&self, name: &str) -> usize {
        count(&self.questions.borrow(), name)
    }

    /// Waits until a name was asked for so many times.
    pub async fn wait_for(&self, count_of: usize, name: &str) {
        let mut questions = self.questions.clone();
        let enough = questions.wait_for(|questions| count(questions, name) >= count_of);
        let what = format!("question {count_of} for {name}");
        within(&what, enough).await.expect("it runs");
    }
}

impl Drop for Dns {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn count(questions: &[String], name: &str) -> usize {
    questions.iter().filter(|asked| *asked == name).count()
}

async fn serve(socket: UdpSocket, zone: watch::Receiver<Zone>, asked: watch::Sender<Vec<String>>) {
    let mut message = [0; 1500];
    loop {
        // An answer that nobody waited for comes back as an error.
        let Ok((length, client)) = socket.recv_from(&mut message).await else { continue };
        let Some(question) = Question::read(&message[..length]) else { continue };
        let answer = question.answer(&zone.borrow());
        asked.send_modify(|asked| asked.push(question.name));
        if let Some(answer) = answer {
            let _ = socket.send_to(&answer, client).await;
        }
    }
}

/// The one question of a message (RFC 1035, section 4.1).
struct Question {
    id: [u8; 2],
    name: String,
    /// [`A`], [`AAAA`] ...
    kind: u16,
    /// Name, kind and class as they were written.
    written: Vec<u8>,
}

impl Question {
    fn read(message: &[u8]) -> Option<Self> {
        let id = message.get(..2)?.try_into().ok()?;
        let question = message.get(HEAD..)?;
        let (mut labels, mut at) = (Vec::new(), 0);
        while *question.get(at)? != 0 {
            let end = at + 1 + usize::from(question[at]);
            labels.push(String::from_utf8_lossy(question.get(at + 1..end)?).to_lowercase());
            at = end;
        }
        let written = question.get(..at + 5)?.to_vec();
        let kind = u16::from_be_bytes([written[at + 1], written[at + 2]]);
        Some(Self { id, name: labels.join("."), kind, written })
    }

    /// The whole message; none if there is to be none.
    fn answer(&self, zone: &Zone) -> Option<Vec<u8>> {
        let (code, records) = match zone {
            Zone::OnlyA(..) if self.kind == AAAA => return None,
            Zone::Addresses(addresses, ttl) | Zone::OnlyA(addresses, ttl) => {
                (0, addresses.iter().filter_map(|address| self.record(*address, *ttl)).collect())
            }
            Zone::NoName => (3, Vec::new()),
            Zone::Broken => (2, Vec::new()),
            Zone::Silent => return None,
        };
        let count = u8::try_from(records.len()).expect("few addresses");
        // A response, recursion desired and available; one question, so many answers.
        let head = [0x81, 0x80 | code, 0, 1, 0, count, 0, 0, 0, 0];
        Some([&self.id[..], &head, &self.written, &records.concat()].concat())
    }

    /// An address of the family that was asked for.
    fn record(&self, address: IpAddr, ttl: u32) -> Option<Vec<u8>> {
        let (kind, data) = match address {
            IpAddr::V4(address) => (A, address.octets().to_vec()),
            IpAddr::V6(address) => (AAAA, address.octets().to_vec()),
        };
        // The name is the one at byte 12; class IN.
        let head = [[0xc0, HEAD as u8], kind.to_be_bytes(), [0, 1]].concat();
        let length = [0, data.len() as u8];
        let record = [&head[..], &ttl.to_be_bytes(), &length, &data].concat();
        (self.kind == kind).then_some(record)
    }
}

/// Types of records (RFC 1035, section 3.2.2; RFC 3596).
const A: u16 = 1;
const AAAA: u16 = 28;

/// How long the head of a message is.
const HEAD: usize = 12;
