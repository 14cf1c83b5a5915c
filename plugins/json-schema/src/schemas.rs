//! From settings to compiled schemas, and back from what is wrong with one to its line in the TOML.

use torana_plugin_sdk::prelude::*;

use crate::{
    JsonSchema,
    json::{Value, fragment},
    parameters::{Parameters, Pointless},
    schema::{Documents, Fault, NodeId, Options, compile, pointer},
    settings::Settings,
    source::Source,
};

/// The most that is told at once.
const MOST_ERRORS: usize = 20;

/// The plugin, with all schemas compiled.
pub(crate) fn compiled(settings: Settings) -> Result<JsonSchema, SettingErrors> {
    let mains: [(&[&str], Option<&Source>); 4] = [
        (&["request", "schema"], settings.request.as_ref().map(|request| &request.schema)),
        (&["response", "schema"], settings.response.as_ref().map(|response| &response.schema)),
        (&["query"], settings.query.as_ref()),
        (&["params"], settings.params.as_ref()),
    ];
    let mut reader = Reader {
        documents: Documents::new(settings.draft),
        origins: Vec::new(),
        errors: SettingErrors::new(),
    };
    let places =
        mains.map(|(path, source)| reader.add(&["?", &path.join("-")].concat(), path, source?));
    for (name, source) in &settings.schemas {
        reader.add(name, &["schemas", name], source);
    }
    reader.look(&settings.query, "query", Parameters::pointless_in_query);
    reader.look(&settings.params, "params", Parameters::pointless_in_path);
    let Reader { mut documents, origins, errors } = reader;
    errors.or(())?;
    let roots: Vec<_> = places.iter().flatten().map(|&document| documents.root(document)).collect();
    let (set, nodes) = compile(&mut documents, &roots, Options { formats: settings.formats })
        .map_err(|faults| told(&faults, &origins))?;
    let mut nodes = nodes.into_iter();
    let [request, response, query, params] = places.map(|place| place.and_then(|_| nodes.next()));
    let parameters = |node: Option<NodeId>, source: &Option<Source>| {
        let value = source.as_ref()?.read().ok()?;
        Some(Parameters::new(node?, &value))
    };
    Ok(JsonSchema {
        query: parameters(query, &settings.query),
        params: parameters(params, &settings.params),
        set,
        request,
        response,
        settings,
    })
}

/// Where a document comes from.
struct Origin {
    path: Vec<String>,
    is_table: bool,
}

struct Reader {
    documents: Documents,
    origins: Vec<Origin>,
    errors: SettingErrors,
}

impl Reader {
    /// Refuses a schema of parameters that could do nothing, or let nothing pass.
    fn look(
        &mut self,
        source: &Option<Source>,
        setting: &str,
        pointless: impl Fn(&Value<'_>) -> Option<Pointless>,
    ) {
        // One that cannot be read is refused already.
        let Some((source, schema)) = source.as_ref().and_then(|s| Some((s, s.read().ok()?))) else {
            return;
        };
        match pointless(&schema) {
            None => {}
            Some(Pointless { keyword: Some(keyword), message }) if source.is_table() => {
                self.errors.add([setting, keyword], message);
            }
            Some(Pointless { keyword: Some(keyword), message }) => {
                self.errors.add([setting], format!("`#/{keyword}`: {message}"));
            }
            Some(Pointless { keyword: None, message }) => self.errors.add([setting], message),
        }
    }

    fn add(&mut self, name: &str, path: &[&str], source: &Source) -> Option<usize> {
        match source.read() {
            Ok(value) => {
                let path = path.iter().map(|&step| step.to_owned()).collect();
                self.origins.push(Origin { path, is_table: source.is_table() });
                Some(self.documents.add(name, value))
            }
            Err(message) => {
                self.errors.add(path, message);
                None
            }
        }
    }
}

/// Each fault at its line, or, where a schema is a text, at that text's.
fn told(faults: &[Fault], origins: &[Origin]) -> SettingErrors {
    let mut errors = SettingErrors::new();
    for fault in faults.iter().take(MOST_ERRORS) {
        let origin = &origins[fault.document];
        if origin.is_table {
            errors.add(origin.path.iter().chain(&fault.path), &fault.message);
        } else {
            errors.add(
                &origin.path,
                format!("`{}`: {}", fragment(&pointer(&fault.path)), fault.message),
            );
        }
    }
    errors
}
