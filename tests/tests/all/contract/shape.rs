//! A package of WIT as a list of names with what each of them is, so that two can be compared.

use std::collections::BTreeMap;

use wit_parser::{
    Function, InterfaceId, PackageId, Resolve, Stability, Type, TypeDef, TypeDefKind, TypeId,
    TypeOwner, WorldItem, WorldKey,
};

/// What there is under each name: `kv`, `kv.get`, `hooks exports handler` ...
pub(super) type Shape = BTreeMap<String, Item>;

/// One thing of a package.
pub(super) struct Item {
    /// What it is, in full: two that are equal are the same to every component.
    pub(super) text: String,
    /// Whether it says of itself that it came after 0.1.0.
    pub(super) is_later: bool,
}

/// The shape of the package in a folder or a text.
pub(super) fn shape(resolve: &Resolve, package: PackageId) -> Shape {
    let package = &resolve.packages[package];
    let mut shape = Shape::new();
    for (name, id) in &package.interfaces {
        add_interface(resolve, name, *id, &mut shape);
    }
    for (name, id) in &package.worlds {
        let world = &resolve.worlds[*id];
        for (verb, items) in [("imports", &world.imports), ("exports", &world.exports)] {
            for (key, item) in items {
                let is_later =
                    matches!(item, WorldItem::Interface { stability, .. } if later(stability));
                let name = format!("{name} {verb} {}", named(resolve, key));
                shape.insert(name, Item { text: "an interface".into(), is_later });
            }
        }
    }
    shape
}

fn named(resolve: &Resolve, key: &WorldKey) -> String {
    match key {
        WorldKey::Name(name) => name.clone(),
        WorldKey::Interface(id) => resolve.interfaces[*id].name.clone().unwrap_or_default(),
    }
}

fn add_interface(resolve: &Resolve, name: &str, id: InterfaceId, shape: &mut Shape) {
    let interface = &resolve.interfaces[id];
    let mut add = |name: String, text: String, stability: &Stability| {
        shape.insert(name, Item { text, is_later: later(stability) });
    };
    add(name.into(), "an interface".into(), &interface.stability);
    for (function, it) in &interface.functions {
        add(format!("{name}.{function}"), signature(resolve, it), &it.stability);
    }
    for (ty, id) in &interface.types {
        let it = &resolve.types[*id];
        add(format!("{name}.{ty}"), definition(resolve, it), &it.stability);
    }
}

fn later(stability: &Stability) -> bool {
    matches!(stability, Stability::Stable { since, .. } if since.to_string() != "0.1.0")
}

fn signature(resolve: &Resolve, function: &Function) -> String {
    let param = |param: &wit_parser::Param| format!("{}: {}", param.name, of(resolve, &param.ty));
    let params: Vec<_> = function.params.iter().map(param).collect();
    let result = function.result.map(|ty| format!(" -> {}", of(resolve, &ty))).unwrap_or_default();
    format!("{:?} func({}){result}", function.kind, params.join(", "))
}

/// What a type is made of.
fn definition(resolve: &Resolve, def: &TypeDef) -> String {
    let maybe = |ty: &Option<Type>| ty.map_or_else(|| "_".into(), |ty| of(resolve, &ty));
    let list = |items: Vec<String>| items.join(", ");
    match &def.kind {
        TypeDefKind::Record(record) => {
            let fields = record.fields.iter();
            let fields = fields.map(|field| format!("{}: {}", field.name, of(resolve, &field.ty)));
            format!("record {{ {} }}", list(fields.collect()))
        }
        TypeDefKind::Variant(variant) => {
            let cases = variant.cases.iter();
            let cases = cases.map(|case| format!("{}({})", case.name, maybe(&case.ty)));
            format!("variant {{ {} }}", list(cases.collect()))
        }
        TypeDefKind::Enum(it) => {
            format!("enum {{ {} }}", list(it.cases.iter().map(|case| case.name.clone()).collect()))
        }
        TypeDefKind::Flags(it) => {
            format!("flags {{ {} }}", list(it.flags.iter().map(|flag| flag.name.clone()).collect()))
        }
        TypeDefKind::Tuple(it) => {
            format!("tuple<{}>", list(it.types.iter().map(|ty| of(resolve, ty)).collect()))
        }
        TypeDefKind::Option(ty) => format!("option<{}>", of(resolve, ty)),
        TypeDefKind::Result(it) => format!("result<{}, {}>", maybe(&it.ok), maybe(&it.err)),
        TypeDefKind::List(ty) => format!("list<{}>", of(resolve, ty)),
        TypeDefKind::Type(ty) => of(resolve, ty),
        // The contract has none of the others, and must not get one unnoticed.
        other => panic!("a {} is not known here", other.as_str()),
    }
}

/// A type where it is used: by its name, if it has one.
fn of(resolve: &Resolve, ty: &Type) -> String {
    match ty {
        Type::Id(id) => of_id(resolve, *id),
        plain => format!("{plain:?}").to_lowercase(),
    }
}

fn of_id(resolve: &Resolve, id: TypeId) -> String {
    let def = &resolve.types[id];
    match (&def.name, def.owner) {
        (Some(name), TypeOwner::Interface(owner)) => {
            let owner = resolve.interfaces[owner].name.as_deref().unwrap_or_default();
            format!("{owner}.{name}")
        }
        _ => definition(resolve, def),
    }
}
