//! From a file to a [`Config`], or to everything that is wrong with it.

use std::{fmt, fs, io, path::Path, sync::Arc};

use super::{
    Config, Diagnostic, Diagnostics, LoadOptions, Reads, Source, Span,
    access_log::{self, ACCESS_LOG},
    admin::{self, ADMIN},
    audit_log::{self, AUDIT_LOG},
    chain::{Library, NAMED_CHAIN},
    context::Context,
    develop::develop,
    dns::{self, DNS},
    gateway::{self, GATEWAY},
    keys::{Kind, Shape, key},
    listen::{self, LISTENER},
    misnamed::report_misnamed,
    plugin::{self, PLUGIN},
    route::{self, ROUTE},
    secrets::{self, SECRET},
    signatures::{self, SIGNATURES},
    store::{self, STORE},
    syntax,
    table::Table,
    traces::{self, TRACES},
    unguarded::{report_skipped_guards, report_unguarded},
    unused::report_unused,
    upstream::{self, UPSTREAM},
};

/// The keys of the file.
pub(super) static ROOT: Shape = Shape {
    id: "torana",
    place: "the top level",
    about: "A gateway.",
    keys: &[
        key("gateway", Kind::Table(&GATEWAY), "What concerns the process."),
        key("listen", Kind::Map("public", &Kind::Table(&LISTENER)), "Public addresses, by name."),
        key("admin", Kind::Table(&ADMIN), "Metrics and health; none if not given."),
        key("access_log", Kind::Table(&ACCESS_LOG), "A line for each request; none if not given."),
        key(
            "traces",
            Kind::Table(&TRACES),
            "Spans for an OpenTelemetry collector; none if not given.",
        ),
        key("store", Kind::Table(&STORE), "Where plugins' counters and shared keys are."),
        key(
            "audit_log",
            Kind::Table(&AUDIT_LOG),
            "What happened to the gateway, chained by hashes; none if not given.",
        ),
        key(
            "dns",
            Kind::Table(&DNS),
            "Who is asked for the addresses of names; /etc/resolv.conf says it if not given.",
        ),
        key(
            "upstreams",
            Kind::Map("catalog", &Kind::Table(&UPSTREAM)),
            "Services and where they run, by name.",
        ),
        key(
            "secrets",
            Kind::Map("idp", &Kind::Table(&SECRET)),
            "Secrets by name, each in the environment or a file of its own.",
        ),
        key(
            "signatures",
            Kind::Table(&SIGNATURES),
            "Who may sign components; none needs a signature if not given.",
        ),
        key("plugins", Kind::Map("auth", &Kind::Table(&PLUGIN)), "Components, by name."),
        key(
            "chains",
            Kind::Map("base", &Kind::Table(&NAMED_CHAIN)),
            "Chains to use again, by name.",
        ),
        key("routes", Kind::List(&Kind::Table(&ROUTE)), "What is matched and where it goes."),
    ],
};

/// A configuration that is refused, and why.
#[derive(Debug, Clone)]
pub struct Rejected {
    /// The file.
    pub source: Arc<Source>,
    /// At least one error; warnings as well.
    pub diagnostics: Diagnostics,
    /// The files that it is made of, as far as that was found out.
    pub reads: Reads,
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.diagnostics.render(&self.source, false))
    }
}

impl std::error::Error for Rejected {}

impl Config {
    /// Reads and checks a file. What comes with a configuration are warnings.
    pub fn load(
        path: impl AsRef<Path>,
        options: &LoadOptions,
    ) -> Result<(Config, Diagnostics), Rejected> {
        let path = path.as_ref();
        let mut reads = Reads::default();
        match read(path, &mut reads) {
            Ok(text) => Self::build(Arc::new(Source::new(path, text)), options, reads),
            Err(problem) => {
                let source = Arc::new(Source::new(path, ""));
                Err(Rejected { source, diagnostics: problem.into(), reads })
            }
        }
    }

    /// Checks a text. What comes with a configuration are warnings.
    pub fn parse(
        source: Arc<Source>,
        options: &LoadOptions,
    ) -> Result<(Config, Diagnostics), Rejected> {
        Self::build(source, options, Reads::default())
    }

    fn build(
        source: Arc<Source>,
        options: &LoadOptions,
        reads: Reads,
    ) -> Result<(Config, Diagnostics), Rejected> {
        let syntax::Parsed { tree, mut problems, whole } = syntax::parse(&source);
        if !whole {
            problems.sort();
            return Err(Rejected { source: source.clone(), diagnostics: problems, reads });
        }
        let cx = Context::new(source.clone(), options.clone(), &ROOT, tree.get_ref(), reads);
        let mut config = build(&Table::open(&cx, &ROOT, None, tree.get_ref(), Span::default()));
        if problems.is_empty() && !cx.has_errors() {
            report_unused(&cx, &config);
            report_unguarded(&cx, &config);
            report_skipped_guards(&cx, &config);
            report_misnamed(&cx, &config);
        }
        note_trust(&cx, &config, options);
        if options.develop {
            develop(&mut config);
        }
        let reads = cx.reads();
        problems.append(syntax::without_consequences(cx.into_problems(), &problems, &source));
        problems.sort();
        match problems.has_errors() {
            true => Err(Rejected { source, diagnostics: problems, reads }),
            false => Ok((Config { reads, ..config }, problems)),
        }
    }
}

/// What components are held to stands beside them, and a signature that is missing may yet come.
fn note_trust(cx: &Context, config: &Config, options: &LoadOptions) {
    if options.locked {
        cx.will_read(&config.source.path.with_file_name("torana.lock"));
    }
    if !config.trusted_keys.is_empty() {
        for plugin in &config.plugins {
            let mut signature = plugin.component.path.clone().into_os_string();
            signature.push(".sig");
            cx.will_read(Path::new(&signature));
        }
    }
}

fn read(path: &Path, reads: &mut Reads) -> Result<String, Diagnostic> {
    let bytes = fs::read(path);
    reads.note_read(path, bytes.as_deref().ok());
    let bytes = bytes.map_err(|error| {
        let problem = Diagnostic::error(None, format!("cannot be read: {error}"));
        let missing = error.kind() == io::ErrorKind::NotFound;
        problem.help(missing.then(|| "a relative path begins in the working directory".to_owned()))
    })?;
    String::from_utf8(bytes).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let line = error.as_bytes()[..good].iter().filter(|byte| **byte == b'\n').count() + 1;
        Diagnostic::error(None, format!("is not UTF-8, the encoding of TOML (line {line})"))
    })
}

/// Reads the tables in the order in which they build on each other.
fn build(root: &Table<'_>) -> Config {
    let (secrets, dns) = (secrets::read(root), dns::read(root));
    let upstreams = root.named("upstreams", true);
    let plugins = root.named("plugins", false);
    let plugins = plugins.iter().map(|(name, table)| plugin::read(*name, table)).collect();
    let library = Library::new(root, plugins);
    let listeners = listen::read(root, &library);
    let routes = route::read(root, &library);
    Config {
        source: root.cx.source.clone(),
        gateway: gateway::read(&root.sub("gateway")),
        admin: admin::read(root, &secrets, &listeners),
        access_log: access_log::read(root),
        traces: traces::read(root),
        store: store::read(root, &secrets),
        audit_log: audit_log::read(root),
        listeners,
        upstreams: upstreams
            .iter()
            .map(|(name, table)| upstream::read(*name, table, &secrets, &dns))
            .collect(),
        dns,
        routes,
        plugins: library.into_plugins(),
        secrets,
        reads: Reads::default(),
        trusted_keys: signatures::read(root),
    }
}
