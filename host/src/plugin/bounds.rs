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
/// Types of instances in each other. The parser calls itself for each, and has no bound of its own: half a MB
/// of them ends its stack, and so the process.
const NESTED: usize = 500;
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
        count.add(payload?, wasm)?;
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
    /// The most types in each other that a section may have.
    nested: usize,
    takes_components: bool,
}

impl Count {
    fn add(&mut self, payload: Payload<'_>, wasm: &[u8]) -> Result<(), BinaryReaderError> {
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
                self.nested = self.nested.max(nested_types(&wasm[section.range()]));
                if self.nested <= NESTED {
                    for ty in section {
                        self.takes_components |= has_component(&ty?);
                    }
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
            .or_else(|| past(self.nested, NESTED, "types in each other"))
            .or_else(|| past(self.open.last().copied()?, INSTANCES, "instances in one"))
            // Then what is instantiated need not have been seen before, and the count would be wrong.
            .or_else(|| self.takes_components.then(|| "it takes components as arguments".into()))
    }
}

/// At most so many types of instances are in each other here: each but the outermost is a declaration (1) of an
/// instance's type (0x42) or a component's (0x41). Other bytes may look the same, so it is no exact count; to
/// have that, somebody would have to parse them.
fn nested_types(section: &[u8]) -> usize {
    section.windows(2).filter(|pair| matches!(pair, [0x01, 0x41 | 0x42])).count()
}

/// Whether values of a type have components in them.
fn has_component(ty: &ComponentType<'_>) -> bool {
    let in_declaration = |declaration: &InstanceTypeDeclaration<'_>| match declaration {
        InstanceTypeDeclaration::Type(ty) => has_component(ty),
        _ => false,
    };
    match ty {
        ComponentType::Component(_) => true,
        ComponentType::Instance(declarations) => declarations.iter().any(in_declaration),
        _ => false,
    }
}
