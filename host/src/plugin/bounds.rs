//! What of a component the compiler would take for ever over, counted before it begins.
//!
//! Compiling has no budget of its own and cannot be stopped half way. What it costs follows from a few
//! numbers that are cheap to read, so these are bounded: far above what toolchains make of plugins
//! (of CPython 22,000 functions and the like, the largest of 430 KB), and low enough that the worst file
//! costs some seconds and a GB. What a file holds besides, the parser's own limits bound.

use wasmparser::{
    BinaryReaderError, ComponentInstance, ComponentType, ElementItems, Instance,
    InstanceTypeDeclaration, Parser, Payload,
};

use super::file::MIB;

/// Code in functions of more than 128 KiB. Each is compiled as a whole, at worst in a thousand times as
/// much memory, and many at a time.
const LARGE_BYTES: usize = MIB;
const LARGE: usize = 128 << 10;
/// Code of all functions together.
const CODE_BYTES: usize = 32 * MIB;
/// Functions, and what makes the compiler write another way into or out of one: types, imports, exports,
/// entries of tables. Each costs 6 KB and 50 us, however little it does.
const FUNCTIONS: usize = 100_000;
/// Components in components, with the modules in them.
const DEPTH: usize = 100;
/// Instances, of modules and of components, that one instance of the plugin would be made of.
const INSTANCES: usize = 10_000;

/// Says what of a component is past a bound. A file that does not parse is left to the compiler, which
/// says where and why.
pub(super) fn check(wasm: &[u8]) -> Result<(), String> {
    count(wasm).unwrap_or(Ok(()))
}

fn count(wasm: &[u8]) -> Result<Result<(), String>, BinaryReaderError> {
    let mut count = Count::default();
    for payload in Parser::new(0).parse_all(wasm) {
        count.add(payload?)?;
        if let Some(what) = count.excess() {
            return Ok(Err(format!("the component is too costly to compile: {what}")));
        }
    }
    Ok(Ok(()))
}

/// What was counted so far.
#[derive(Default)]
struct Count {
    functions: usize,
    code: usize,
    /// Of that, in large functions.
    large: usize,
    /// Instances of those components (and modules) that we are in, innermost last.
    open: Vec<usize>,
    /// The most that a component has which has ended: whatever is instantiated is at most that.
    heaviest: usize,
    takes_components: bool,
}

impl Count {
    fn add(&mut self, payload: Payload<'_>) -> Result<(), BinaryReaderError> {
        match payload {
            Payload::Version { .. } => self.open.push(1),
            Payload::End(_) => self.heaviest = self.heaviest.max(self.open.pop().unwrap_or(0)),
            Payload::CodeSectionStart { count, .. } => self.functions += count as usize,
            Payload::CodeSectionEntry(body) => {
                let bytes = body.range().len();
                self.code += bytes;
                self.large += if bytes > LARGE { bytes } else { 0 };
            }
            Payload::TypeSection(section) => self.functions += section.count() as usize,
            Payload::ImportSection(section) => self.functions += section.count() as usize,
            Payload::ExportSection(section) => self.functions += section.count() as usize,
            Payload::ElementSection(section) => {
                for segment in section {
                    self.functions += match segment?.items {
                        ElementItems::Functions(functions) => functions.count() as usize,
                        ElementItems::Expressions(_, expressions) => expressions.count() as usize,
                    };
                }
            }
            Payload::InstanceSection(section) => {
                for instance in section {
                    self.instances(usize::from(matches!(instance?, Instance::Instantiate { .. })));
                }
            }
            Payload::ComponentInstanceSection(section) => {
                for instance in section {
                    let is_made = matches!(instance?, ComponentInstance::Instantiate { .. });
                    self.instances(if is_made { self.heaviest } else { 0 });
                }
            }
            Payload::ComponentTypeSection(section) => {
                for ty in section {
                    self.takes_components |= has_component(&ty?);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn instances(&mut self, more: usize) {
        if let Some(here) = self.open.last_mut() {
            *here = here.saturating_add(more);
        }
    }

    fn excess(&self) -> Option<String> {
        let past = |is: usize, most: usize, what: &str| {
            (is > most).then(|| format!("{is} {what}, where {most} are the most"))
        };
        past(self.functions, FUNCTIONS, "functions, their types, and entries of tables")
            .or_else(|| {
                past(self.large, LARGE_BYTES, "bytes of code in functions of more than 128 KiB")
            })
            .or_else(|| past(self.code, CODE_BYTES, "bytes of code"))
            .or_else(|| past(self.open.len(), DEPTH, "components in each other"))
            .or_else(|| past(self.open.last().copied()?, INSTANCES, "instances in one"))
            // Then what is instantiated need not have been seen before, and the count would be wrong.
            .or_else(|| self.takes_components.then(|| "it takes components as arguments".into()))
    }
}

/// Whether values of a type have components in them.
fn has_component(ty: &ComponentType<'_>) -> bool {
    let in_declaration = |declaration: &InstanceTypeDeclaration<'_>| matches!(declaration, InstanceTypeDeclaration::Type(ty) if has_component(ty));
    match ty {
        ComponentType::Component(_) => true,
        ComponentType::Instance(declarations) => declarations.iter().any(in_declaration),
        _ => false,
    }
}
