//! Faults, from services and to clients.

use super::Version;
use crate::{
    convert::{Options, push_text, write_json},
    error::Error,
    json::text::quote,
    output::Output,
    xml::{NodeId, Tree, chars},
};

/// What a service says went wrong.
#[derive(Debug, Default)]
pub(crate) struct Fault {
    /// The code's local name, with what refines it: `Sender`, `Client.Authentication`.
    code: String,
    reason: String,
    /// Who says so: `faultactor` or `Role`.
    actor: String,
    detail: Option<NodeId>,
}

impl Fault {
    /// The fault that a body holds in the place of content.
    pub(super) fn find(tree: &Tree<'_>, body: NodeId, version: Version) -> Option<Fault> {
        let (id, node) = tree.elements(body).next()?;
        let is_fault = tree.uri(node) == version.namespace() && tree.local(node) == "Fault";
        is_fault.then(|| match version {
            Version::V11 => fault_11(tree, id),
            Version::V12 => fault_12(tree, id),
        })
    }

    /// The status for a client that knows no SOAP. `answered` is the status of the service.
    pub(crate) fn status(&self, answered: u16) -> u16 {
        match self.code.split('.').next() {
            Some("Client" | "Sender") => 400,
            _ if (500..600).contains(&answered) => answered,
            _ => 500,
        }
    }

    /// Writes it as problem+json (RFC 9457).
    pub(crate) fn write_problem(
        &self,
        tree: &Tree<'_>,
        status: u16,
        options: &Options,
        out: &mut Output<'_>,
    ) -> Result<(), Error> {
        out.push(
            "{\"type\":\"urn:torana:problem:soap-fault\",\"title\":\"SOAP fault\",\"status\":",
        );
        out.push(&status.to_string());
        let members = [("detail", &self.reason), ("code", &self.code), ("actor", &self.actor)];
        for (key, value) in members.into_iter().filter(|(_, value)| !value.is_empty()) {
            out.push(",");
            quote(key, |text| out.push(text));
            out.push(":");
            quote(value, |text| out.push(text));
        }
        if let Some(detail) = self.detail.filter(|&id| tree.elements(id).next().is_some()) {
            out.push(",\"fault\":");
            // Its place in the document is not what the settings speak of.
            write_json(tree, detail, &Options { root: None, ..options.clone() }, out)?;
        }
        out.push("}");
        Ok(())
    }
}

/// Whose fault it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    Sender,
    Receiver,
    VersionMismatch,
    MustUnderstand,
}

impl Code {
    /// By the status that other clients get.
    pub(crate) fn of_status(status: u16) -> Self {
        if (400..500).contains(&status) { Self::Sender } else { Self::Receiver }
    }

    fn name(self, version: Version) -> &'static str {
        match (self, version) {
            (Self::Sender, Version::V11) => "Client",
            (Self::Sender, Version::V12) => "Sender",
            (Self::Receiver, Version::V11) => "Server",
            (Self::Receiver, Version::V12) => "Receiver",
            (Self::VersionMismatch, _) => "VersionMismatch",
            (Self::MustUnderstand, _) => "MustUnderstand",
        }
    }

    /// The status of the response: in SOAP 1.1 it is always 500 (6.2), in SOAP 1.2 it is 400 for
    /// the sender's faults (part 2, 7.5.2.2).
    pub(crate) fn status(self, version: Version) -> u16 {
        match (self, version) {
            (Self::Sender, Version::V12) => 400,
            _ => 500,
        }
    }
}

/// Writes a fault, in its envelope. `detail` is XML.
pub(crate) fn write_fault(
    version: Version,
    code: Code,
    reason: &str,
    detail: &str,
    out: &mut Output<'_>,
) {
    version.open(out);
    let name = code.name(version);
    let reason = chars::printable(reason);
    let (before, between, after) = match version {
        Version::V11 => (
            "<soap:Fault><faultcode>soap:",
            "</faultcode><faultstring>",
            ["</faultstring>", "<detail>", "</detail>"],
        ),
        Version::V12 => (
            "<soap:Fault><soap:Code><soap:Value>soap:",
            "</soap:Value></soap:Code><soap:Reason><soap:Text xml:lang=\"en\">",
            ["</soap:Text></soap:Reason>", "<soap:Detail>", "</soap:Detail>"],
        ),
    };
    out.push(before);
    out.push(name);
    out.push(between);
    // (It holds what XML can hold.)
    let _ = push_text(&reason, out);
    out.push(after[0]);
    if !detail.is_empty() {
        for part in [after[1], detail, after[2]] {
            out.push(part);
        }
    }
    out.push("</soap:Fault>");
    Version::close(out);
}

fn fault_11(tree: &Tree<'_>, fault: NodeId) -> Fault {
    let text = |name| child(tree, fault, name).map_or_else(String::new, |id| text(tree, id));
    Fault {
        code: without_prefix(&text("faultcode")).to_owned(),
        reason: text("faultstring"),
        actor: text("faultactor"),
        detail: child(tree, fault, "detail"),
    }
}

fn fault_12(tree: &Tree<'_>, fault: NodeId) -> Fault {
    let mut codes = Vec::new();
    let mut code = child(tree, fault, "Code");
    while let Some(id) = code {
        let value = child(tree, id, "Value").map_or_else(String::new, |id| text(tree, id));
        codes.push(without_prefix(&value).to_owned());
        code = child(tree, id, "Subcode");
    }
    let reason = child(tree, fault, "Reason").and_then(|id| child(tree, id, "Text"));
    Fault {
        code: codes.join("."),
        reason: reason.map_or_else(String::new, |id| text(tree, id)),
        actor: child(tree, fault, "Role").map_or_else(String::new, |id| text(tree, id)),
        detail: child(tree, fault, "Detail"),
    }
}

fn child(tree: &Tree<'_>, parent: NodeId, local: &str) -> Option<NodeId> {
    tree.elements(parent).find(|(_, node)| tree.local(node) == local).map(|(id, _)| id)
}

fn text(tree: &Tree<'_>, id: NodeId) -> String {
    chars::trimmed(tree.text(id, &mut String::new())).to_owned()
}

fn without_prefix(code: &str) -> &str {
    code.split_once(':').map_or(code, |(_, local)| local)
}
