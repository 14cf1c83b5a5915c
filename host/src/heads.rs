//! Messages: heads with their fields, and what stands for their bodies.
//!
//! They are what `http::Request` and `http::Response` are, with [`Fields`] for the fields. HTTP/2 is hyper's, which has
//! those: it is where messages are made into them, and of them.

use http::{Extensions, Method, StatusCode, Uri, Version};

use crate::fields::Fields;

/// What a request says before its body.
#[derive(Debug, Clone, Default)]
pub struct RequestHead {
    /// GET, until something else is said.
    pub method: Method,
    /// Its target.
    pub uri: Uri,
    /// HTTP/1.1, until something else is said.
    pub version: Version,
    /// Its fields.
    pub headers: Fields,
    /// What a listener knows of it besides.
    pub extensions: Extensions,
}

/// What a response says before its body.
#[derive(Debug, Clone, Default)]
pub struct ResponseHead {
    /// 200, until something else is said.
    pub status: StatusCode,
    /// HTTP/1.1, until something else is said.
    pub version: Version,
    /// Its fields.
    pub headers: Fields,
    /// What is known of it besides: the reason phrase that came with it.
    pub extensions: Extensions,
}

/// A request.
#[derive(Debug, Clone, Default)]
pub struct Request<B> {
    /// What comes before the body.
    pub head: RequestHead,
    /// All of it, or from where it comes.
    pub body: B,
}

/// A response.
#[derive(Debug, Clone, Default)]
pub struct Response<B> {
    /// What comes before the body.
    pub head: ResponseHead,
    /// All of it, or from where it comes.
    pub body: B,
}

impl<B> Request<B> {
    /// The head, and the body.
    pub fn into_parts(self) -> (RequestHead, B) {
        (self.head, self.body)
    }

    /// One that asks for `/`.
    pub fn new(body: B) -> Self {
        Self { head: RequestHead::default(), body }
    }
}

impl<B> Response<B> {
    /// The head, and the body.
    pub fn into_parts(self) -> (ResponseHead, B) {
        (self.head, self.body)
    }

    /// A 200 without fields.
    pub fn new(body: B) -> Self {
        Self { head: ResponseHead::default(), body }
    }

    /// The same with another body.
    pub fn map<C>(self, make: impl FnOnce(B) -> C) -> Response<C> {
        Response { head: self.head, body: make(self.body) }
    }
}

impl From<http::request::Parts> for RequestHead {
    fn from(parts: http::request::Parts) -> Self {
        let http::request::Parts { method, uri, version, headers, extensions, .. } = parts;
        Self { method, uri, version, headers: headers.into(), extensions }
    }
}

impl From<http::response::Parts> for ResponseHead {
    fn from(parts: http::response::Parts) -> Self {
        let http::response::Parts { status, version, headers, extensions, .. } = parts;
        Self { status, version, headers: headers.into(), extensions }
    }
}

impl<B> From<http::Request<B>> for Request<B> {
    fn from(request: http::Request<B>) -> Self {
        let (parts, body) = request.into_parts();
        Self { head: parts.into(), body }
    }
}

impl<B> From<Request<B>> for http::Request<B> {
    fn from(request: Request<B>) -> Self {
        let RequestHead { method, uri, version, headers, extensions } = request.head;
        let (mut parts, ()) = http::Request::new(()).into_parts();
        (parts.method, parts.uri, parts.version) = (method, uri, version);
        (parts.headers, parts.extensions) = (headers.into(), extensions);
        Self::from_parts(parts, request.body)
    }
}

impl<B> From<http::Response<B>> for Response<B> {
    fn from(response: http::Response<B>) -> Self {
        let (parts, body) = response.into_parts();
        Self { head: parts.into(), body }
    }
}

impl<B> From<Response<B>> for http::Response<B> {
    fn from(response: Response<B>) -> Self {
        let ResponseHead { status, version, headers, extensions } = response.head;
        let (mut parts, ()) = http::Response::new(()).into_parts();
        (parts.status, parts.version) = (status, version);
        (parts.headers, parts.extensions) = (headers.into(), extensions);
        Self::from_parts(parts, response.body)
    }
}
