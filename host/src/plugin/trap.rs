//! What a trap was, in words for the log.

use crate::telemetry::one_line;

/// A trap in one line: the reason first, then the guest's innermost functions. Where they stand is known if the
/// component has line tables and the environment sets WASMTIME_BACKTRACE_DETAILS=1: reading them is work
/// that a component could make large, so it is done for those who ask.
pub(super) fn readable(error: &wasmtime::Error) -> String {
    let mut reasons: Vec<String> = error.chain().map(|e| e.to_string()).collect();
    reasons.reverse();
    let frames = error.downcast_ref::<wasmtime::WasmBacktrace>().map(|trace| {
        trace.frames().iter().filter_map(frame).take(3).collect::<Vec<_>>().join(" < ")
    });
    let reason = reasons.into_iter().next().unwrap_or_default();
    match frames.filter(|f| !f.is_empty()) {
        Some(frames) => one_line(&format!("{reason} (in {frames})")).into_owned(),
        None => one_line(&reason).into_owned(),
    }
}

/// `name`, or `name at file:line`.
fn frame(frame: &wasmtime::FrameInfo) -> Option<String> {
    let name = frame.func_name()?;
    let place = frame.symbols().first().and_then(|symbol| Some((symbol.file()?, symbol.line()?)));
    Some(match place {
        Some((file, line)) => format!("{name} at {file}:{line}"),
        None => name.to_owned(),
    })
}
