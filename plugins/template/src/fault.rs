//! Why there is no value, and whose doing that is.

use torana_plugin_sdk::{host::HeaderError, prelude::*};

/// Why a template cannot be filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is what the client sent. The text is for the client, and a request like that gets 400: were it a failure,
    /// clients could have every plugin fail that reads what they send, and be let through where failures are skipped.
    Client(String),
    /// The hook cannot do its work.
    Hook(Failure),
}

impl Fault {
    /// A header of the request that cannot be read.
    pub fn of_header(refused: Refused<HeaderError>) -> Self {
        match refused.why {
            HeaderError::Repeated | HeaderError::NotText => {
                Self::Client(sentence(&refused.to_string()))
            }
            _ => Self::Hook(refused.into()),
        }
    }

    /// What a hook answers.
    pub fn outcome(self) -> Outcome {
        match self {
            Self::Client(detail) => Ok(Reply::problem(400, "invalid-value", &detail).into()),
            Self::Hook(failure) => Err(failure),
        }
    }
}

impl From<Failure> for Fault {
    fn from(failure: Failure) -> Self {
        Self::Hook(failure)
    }
}

/// As people write it.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().chain(letters).chain(['.']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_repeats_or_garbles_is_no_failure() {
        let fault = |why| Fault::of_header(Refused::new("x-a", why));
        let told = |fault| match fault {
            Fault::Client(text) => text,
            Fault::Hook(failure) => panic!("{failure:?}"),
        };
        let repeated = told(fault(HeaderError::Repeated));
        assert_eq!(repeated, "Header `x-a` stands there more than once.");
        let garbled = told(fault(HeaderError::NotText));
        assert_eq!(garbled, "The value of header `x-a` is not UTF-8.");
        assert!(matches!(fault(HeaderError::Hidden), Fault::Hook(_)));
        let Ok(Action::Respond(reply)) = fault(HeaderError::Repeated).outcome() else { panic!() };
        assert_eq!(reply.status, 400);
    }
}
