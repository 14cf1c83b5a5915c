//! What `#[plugin]` uses: between the contract's exports and a [`Plugin`](crate::Plugin).
//!
//! Nothing here is for authors, and nothing of it is promised.

use std::{
    cell::{OnceCell, RefCell},
    marker::PhantomData,
    panic::{self, PanicHookInfo},
};

pub use crate::bindings::{
    configure, handler, on_request_body, on_request_head, on_request_stream, on_response_body,
    on_response_head, on_response_stream, on_tick, schema,
};
pub use crate::schema_file::check as check_schema;
use crate::{
    Action, Failure, Hook, Hooks, Reply, SettingErrors, Transform,
    bindings::capabilities::{hook_needs, log},
    host::RealHost,
    settings::{self, SettingError},
};

/// Counts as a use of a plugin.
pub const fn is_used<P: Hooks>() {}

/// Where an instance keeps its plugin.
///
/// It has to be a static, and a static cannot be generic: the macro writes it.
pub trait Instance: Hooks {
    /// Calls `f` with the slot.
    fn with<R>(f: impl FnOnce(&Slot<Self>) -> R) -> R;

    /// The settings' schema. Where a file has it, nothing of what makes it is in the component.
    fn schema() -> String {
        settings::schema::<Self::Settings>()
    }
}

/// An instance's plugin, and the bodies that it is about to transform.
pub struct Slot<P> {
    plugin: OnceCell<P>,
    request: Stream,
    response: Stream,
}

impl<P> Slot<P> {
    /// Nothing yet.
    pub const fn new() -> Self {
        Self { plugin: OnceCell::new(), request: Stream::new(), response: Stream::new() }
    }

    fn plugin(&self) -> &P {
        self.plugin.get().expect("the host calls `configure` before any hook")
    }
}

impl<P> Default for Slot<P> {
    fn default() -> Self {
        Self::new()
    }
}

/// The transform of the body at hand.
struct Stream(RefCell<Option<Box<dyn Transform>>>);

impl Stream {
    const fn new() -> Self {
        Self(RefCell::new(None))
    }

    fn start(&self, transform: Option<Box<dyn Transform>>) -> bool {
        let wanted = transform.is_some();
        // What may still be here belongs to a body that broke off.
        *self.0.borrow_mut() = transform;
        wanted
    }

    fn chunk(&self, data: Vec<u8>) -> Result<Vec<u8>, Failure> {
        self.0.borrow_mut().as_mut().expect(STARTED).chunk(data)
    }

    fn finish(&self) -> Result<Vec<u8>, Failure> {
        self.0.take().expect(STARTED).finish()
    }
}

const STARTED: &str = "the host calls `start`, and goes on only if it answers true";

/// The component that a plugin makes.
pub struct Component<P>(PhantomData<P>);

impl<P: Instance> configure::Guest for Component<P> {
    fn configure(settings: String) -> Result<configure::Setup, Vec<SettingError>> {
        panic::set_hook(Box::new(report_panic));
        set_up::<P>(&settings).map_err(SettingErrors::into_vec)
    }
}

impl<P: Instance> schema::Guest for Component<P> {
    fn settings() -> String {
        P::schema()
    }
}

impl<P: Instance> on_request_head::Guest for Component<P> {
    fn handle() -> Result<Action, Failure> {
        P::with(|slot| slot.plugin().on_request_head(&RealHost))
    }
}

impl<P: Instance> on_request_body::Guest for Component<P> {
    fn handle() -> Result<Action, Failure> {
        P::with(|slot| slot.plugin().on_request_body(&RealHost))
    }
}

impl<P: Instance> on_response_head::Guest for Component<P> {
    fn handle() -> Result<Action, Failure> {
        P::with(|slot| slot.plugin().on_response_head(&RealHost))
    }
}

impl<P: Instance> on_response_body::Guest for Component<P> {
    fn handle() -> Result<Action, Failure> {
        P::with(|slot| slot.plugin().on_response_body(&RealHost))
    }
}

impl<P: Instance> on_request_stream::Guest for Component<P> {
    fn start() -> Result<bool, Failure> {
        P::with(|slot| Ok(slot.request.start(slot.plugin().on_request_stream(&RealHost)?)))
    }
    fn chunk(data: Vec<u8>) -> Result<Vec<u8>, Failure> {
        P::with(|slot| slot.request.chunk(data))
    }
    fn finish() -> Result<Vec<u8>, Failure> {
        P::with(|slot| slot.request.finish())
    }
}

impl<P: Instance> on_response_stream::Guest for Component<P> {
    fn start() -> Result<bool, Failure> {
        P::with(|slot| Ok(slot.response.start(slot.plugin().on_response_stream(&RealHost)?)))
    }
    fn chunk(data: Vec<u8>) -> Result<Vec<u8>, Failure> {
        P::with(|slot| slot.response.chunk(data))
    }
    fn finish() -> Result<Vec<u8>, Failure> {
        P::with(|slot| slot.response.finish())
    }
}

impl<P: Instance> handler::Guest for Component<P> {
    fn handle() -> Result<Reply, Failure> {
        P::with(|slot| slot.plugin().handle(&RealHost))
    }
}

impl<P: Instance> on_tick::Guest for Component<P> {
    fn tick() -> Result<(), Failure> {
        P::with(|slot| slot.plugin().on_tick(&RealHost))
    }
}

fn set_up<P: Instance>(settings: &str) -> Result<configure::Setup, SettingErrors> {
    let plugin = P::new(settings::parse(settings)?)?;
    plugin.prepare(&RealHost)?;
    let every = plugin.tick_every().filter(|_| P::HOOKS.contains(&Hook::OnTick));
    let unneeded = plugin.unneeded();
    if !unneeded.is_empty() {
        hook_needs::skip(unneeded.into_iter().fold(hook_needs::Hooks::empty(), with));
    }
    P::with(|slot| {
        assert!(slot.plugin.set(plugin).is_ok(), "the host calls `configure` once");
    });
    // An interval of more than 49 days is as good as 49 days.
    let tick_ms = every.map(|every| every.as_millis().try_into().unwrap_or(u32::MAX));
    Ok(configure::Setup { tick_ms })
}

fn with(hooks: hook_needs::Hooks, hook: Hook) -> hook_needs::Hooks {
    hooks
        | match hook {
            Hook::OnRequestHead => hook_needs::Hooks::ON_REQUEST_HEAD,
            Hook::OnRequestBody => hook_needs::Hooks::ON_REQUEST_BODY,
            Hook::OnRequestStream => hook_needs::Hooks::ON_REQUEST_STREAM,
            Hook::OnResponseHead => hook_needs::Hooks::ON_RESPONSE_HEAD,
            Hook::OnResponseBody => hook_needs::Hooks::ON_RESPONSE_BODY,
            Hook::OnResponseStream => hook_needs::Hooks::ON_RESPONSE_STREAM,
            // Without its handler a chain would have no end, and who wants no ticks asks for none.
            Hook::Handler | Hook::OnTick => hook_needs::Hooks::empty(),
        }
}

/// A panic ends the instance; the host's log line says why.
fn report_panic(panic: &PanicHookInfo<'_>) {
    log::panicked(&panic_text(panic));
}

/// What a panic says, and where.
pub(crate) fn panic_text(panic: &PanicHookInfo<'_>) -> String {
    let text = panic.payload_as_str().unwrap_or("a panic without a text");
    match panic.location() {
        Some(at) => format!("{text} ({}:{})", at.file(), at.line()),
        None => text.to_owned(),
    }
}
