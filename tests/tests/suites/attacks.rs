//! Documents that attack readers of XML: those of defusedxml, and some that point at a canary, a
//! port at which nobody may ever call.

use std::{
    fs,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
};

use tokio::net::TcpStream;
use torana_tests::{RawBackend, Reply, within};

use crate::{
    suite::{Score, package},
    translator::{Posted, Translator},
};

/// The documents that attack nobody.
const HARMLESS: [&str; 2] = ["simple-ns.xml", "simple.xml"];

#[tokio::test]
async fn no_document_reaches_out_or_blows_up() {
    let canary = Canary::start().await;
    let documents = [suite(&canary), more(&canary)].concat();
    let translator = Translator::start(&[("xml", "service = \"json\"")]).await;
    let posted = documents.iter().map(|document| Posted {
        route: "xml",
        kind: "application/xml",
        body: document.text.clone().into(),
    });
    let replies = translator.post_all(posted.collect()).await;
    let mut score = Score::of("XML attacks");
    for (document, reply) in documents.iter().zip(&replies) {
        score.count(&document.name, judge(document, reply));
    }
    translator.expect_no_failure();
    assert_eq!(canary.callers().await, 0, "a document made somebody call");
    score.expect(16, 16, "of defusedxml 9; nobody called the canary");
}

#[derive(Clone)]
struct Document {
    name: String,
    text: String,
    passes: bool,
}

/// defusedxml's own, with the canary in the place of the servers that they name.
fn suite(canary: &Canary) -> Vec<Document> {
    let folder = package("defusedxml-0.7.1").join("xmltestdata");
    let files = fs::read_dir(folder).expect("the documents").map(|entry| entry.expect("an entry"));
    let xml = files.filter(|file| file.path().extension().is_some_and(|kind| kind == "xml"));
    let mut documents: Vec<_> = xml
        .map(|file| {
            let name = file.file_name().into_string().expect("a name in UTF-8");
            let text = fs::read_to_string(file.path()).expect("a document in UTF-8");
            let text = text.replace("http://www.w3schools.com/xml/", &canary.url());
            let text = text.replace("http://www.python.org/", &canary.url());
            Document { passes: HARMLESS.contains(&&*name), name, text }
        })
        .collect();
    documents.sort_by(|one, other| one.name.cmp(&other.name));
    documents
}

/// Other ways to name a file or a server in a document.
fn more(canary: &Canary) -> Vec<Document> {
    let url = canary.url();
    let document =
        |name: &str, passes: bool, text: String| Document { name: name.to_owned(), text, passes };
    vec![
        document("external subset", false, format!("<!DOCTYPE a SYSTEM \"{url}a.dtd\"><a/>")),
        document(
            "parameter entity",
            false,
            format!("<!DOCTYPE a [<!ENTITY % p SYSTEM \"{url}p\"> %p;]><a/>"),
        ),
        document(
            "file as entity",
            false,
            "<!DOCTYPE a [<!ENTITY f SYSTEM \"file:///etc/passwd\">]><a>&f;</a>".to_owned(),
        ),
        document("undeclared entity", false, "<a>&f;</a>".to_owned()),
        document(
            "XInclude",
            true,
            format!(
                "<a xmlns:i=\"http://www.w3.org/2001/XInclude\"><i:include href=\"{url}i\"/></a>"
            ),
        ),
        document(
            "schema location",
            true,
            format!(
                "<a xmlns:i=\"http://www.w3.org/2001/XMLSchema-instance\" \
                 i:schemaLocation=\"urn:a {url}s.xsd\"/>"
            ),
        ),
        document(
            "style sheet",
            true,
            format!("<?xml-stylesheet type=\"text/xsl\" href=\"{url}s.xsl\"?><a/>"),
        ),
    ]
}

fn judge(document: &Document, reply: &Reply) -> Result<(), String> {
    let expected = if document.passes { 200 } else { 400 };
    if reply.status == expected { Ok(()) } else { Err(format!("{reply:?}")) }
}

/// A port that counts who calls.
struct Canary {
    listening: RawBackend,
    callers: Arc<AtomicUsize>,
}

impl Canary {
    async fn start() -> Self {
        let callers = Arc::new(AtomicUsize::new(0));
        let count = callers.clone();
        let listening = RawBackend::start(move |mut connection| {
            let order = count.fetch_add(1, SeqCst);
            async move { connection.write(order.to_string()).await }
        })
        .await;
        Self { listening, callers }
    }

    fn address(&self) -> SocketAddr {
        self.listening.address()
    }

    fn url(&self) -> String {
        format!("http://{}/", self.address())
    }

    /// How many have called so far. It calls itself: calls are taken in their order, so by then
    /// the others have been counted, and a canary that hears nobody is noticed.
    async fn callers(self) -> usize {
        let stream = TcpStream::connect(self.address()).await.expect("the canary is there");
        within("the canary", stream.readable()).await.expect("it answers");
        self.callers.load(SeqCst).checked_sub(1).expect("the canary hears")
    }
}
