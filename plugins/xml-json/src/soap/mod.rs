//! SOAP 1.1 and 1.2: envelopes, and faults.

mod declarations;
mod envelope;
mod fault;

pub(crate) use self::{
    envelope::Envelope,
    fault::{Code, write_fault},
};
use crate::{convert::Top, error::Error, media, output::Output};

/// The versions that there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    V11,
    V12,
}

const V11: &str = "http://schemas.xmlsoap.org/soap/envelope/";
const V12: &str = "http://www.w3.org/2003/05/soap-envelope";

impl Version {
    /// The namespace of envelopes.
    pub(crate) fn namespace(self) -> &'static str {
        match self {
            Self::V11 => V11,
            Self::V12 => V12,
        }
    }

    /// The media type of messages.
    pub(crate) fn media_type(self) -> &'static str {
        match self {
            Self::V11 => "text/xml",
            Self::V12 => "application/soap+xml",
        }
    }

    /// `1.1` or `1.2`.
    pub(crate) fn number(self) -> &'static str {
        match self {
            Self::V11 => "1.1",
            Self::V12 => "1.2",
        }
    }

    /// From `1.1` or `1.2`.
    pub(crate) fn of_number(number: &str) -> Option<Self> {
        [Self::V11, Self::V12].into_iter().find(|version| version.number() == number)
    }

    /// By the media type of a message. Types that do not tell give none.
    pub(crate) fn of_media_type(content_type: &str) -> Option<Self> {
        let essence = media::essence(content_type);
        [Self::V11, Self::V12].into_iter().find(|version| version.media_type() == essence)
    }

    fn of_namespace(uri: &str) -> Option<Self> {
        [Self::V11, Self::V12].into_iter().find(|version| version.namespace() == uri)
    }

    /// What elements in an envelope that [`Self::open`] began may use.
    pub(crate) fn top(self) -> Top {
        match self {
            Self::V11 => Top::Content { declared: &[("soap", V11)] },
            Self::V12 => Top::Content { declared: &[("soap", V12)] },
        }
    }

    /// Begins an envelope.
    pub(crate) fn open(self, out: &mut Output<'_>) {
        out.push("<soap:Envelope xmlns:soap=\"");
        out.push(self.namespace());
        out.push("\"><soap:Body>");
    }

    /// Ends it.
    pub(crate) fn close(out: &mut Output<'_>) {
        out.push("</soap:Body></soap:Envelope>");
    }
}

/// Whether a message of this media type can be an envelope of this version. Types that belong to
/// neither version can.
pub(crate) fn check_media_type(content_type: &str, version: Version) -> Result<(), Error> {
    match Version::of_media_type(content_type) {
        Some(said) if said != version => Err(Error::NotConvertible(format!(
            "an envelope of SOAP {} as {}",
            version.number(),
            said.media_type()
        ))),
        _ => Ok(()),
    }
}
