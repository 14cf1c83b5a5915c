//! Grants one by one, for those who list, compare or audit them.

use std::{fmt, net::Ipv6Addr};

use super::{BodyGrant, FetchGrant, Grants, units::show_size};

/// One thing that is granted: a key of `grants`, and what it says where that is not just `true`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Granted {
    /// As the file has it: `fetch`, `headers.read`.
    pub key: &'static str,
    /// `https://idp.example`, `authorization`; empty where the key says it all.
    pub value: String,
}

impl fmt::Display for Granted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.value.as_str() {
            "" => f.write_str(self.key),
            value => write!(f, "{} {value}", self.key),
        }
    }
}

impl Grants {
    /// Everything that is granted, sorted, each once.
    pub fn list(&self) -> Vec<Granted> {
        let mut all: Vec<Granted> = self.flags().chain(self.bodies()).chain(self.names()).collect();
        if let Some(kv) = &self.kv {
            let shared = if kv.shared { ", shared" } else { "" };
            let value = format!("{}{shared}", show_size(kv.max_bytes));
            all.push(Granted { key: "kv", value });
        }
        all.sort();
        all.dedup();
        all
    }

    fn flags(&self) -> impl Iterator<Item = Granted> {
        let flags = [
            ("crypto", self.crypto),
            ("rate-limit", self.rate_limit),
            ("request-edit", self.request_edit),
            ("response-edit", self.response_edit),
            ("wasi", self.wasi),
        ];
        let granted = flags.into_iter().filter(|(_, is_granted)| *is_granted);
        granted.map(|(key, _)| Granted { key, value: String::new() })
    }

    fn bodies(&self) -> impl Iterator<Item = Granted> {
        let bodies = [("request-body", self.request_body), ("response-body", self.response_body)];
        bodies.into_iter().filter_map(|(key, grant)| {
            let value = match grant {
                BodyGrant::None => return None,
                BodyGrant::Read => "read",
                BodyGrant::ReadWrite => "read-write",
            };
            Some(Granted { key, value: value.to_owned() })
        })
    }

    fn names(&self) -> impl Iterator<Item = Granted> {
        let fetch = self.fetch.iter().map(ToString::to_string).collect();
        let lists: [(&'static str, Vec<String>); 6] = [
            ("attributes", self.attributes.clone()),
            ("fetch", fetch),
            ("headers.read", self.headers_read.clone()),
            ("headers.write", self.headers_write.clone()),
            ("secrets.reveal", self.secrets_reveal.clone()),
            ("secrets.use", self.secrets_use.clone()),
        ];
        lists
            .into_iter()
            .flat_map(|(key, values)| values.into_iter().map(move |value| Granted { key, value }))
    }
}

impl fmt::Display for FetchGrant {
    /// As the file may have it: an upstream's name, or an origin without its usual port.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (https, host, port) = match self {
            Self::Upstream(name) => return f.write_str(name),
            Self::Origin { https, host, port, .. } => (*https, host, *port),
        };
        let (scheme, usual) = if https { ("https", 443) } else { ("http", 80) };
        match host.parse::<Ipv6Addr>() {
            Ok(address) => write!(f, "{scheme}://[{address}]")?,
            Err(_) => write!(f, "{scheme}://{host}")?,
        }
        if port != usual { write!(f, ":{port}") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_sorted_and_says_everything_once() {
        let origin = |https, host: &str, port| FetchGrant::Origin {
            https,
            host: host.to_owned(),
            port,
            address: host.parse().ok(),
        };
        let grants = Grants {
            fetch: vec![
                origin(true, "idp.example", 443),
                origin(false, "::1", 9000),
                FetchGrant::Upstream("users".into()),
            ],
            headers_read: vec!["cookie".into(), "authorization".into(), "cookie".into()],
            request_body: BodyGrant::ReadWrite,
            kv: Some(super::super::KvGrant { max_bytes: 1 << 20, shared: true }),
            wasi: true,
            ..Grants::default()
        };
        let list: Vec<String> = grants.list().iter().map(ToString::to_string).collect();
        let expected = [
            "fetch http://[::1]:9000",
            "fetch https://idp.example",
            "fetch users",
            "headers.read authorization",
            "headers.read cookie",
            "kv 1MiB, shared",
            "request-body read-write",
            "wasi",
        ];
        assert_eq!(list, expected);
    }
}
