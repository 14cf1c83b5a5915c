//! Metrics of plugins' own: so many names each, or they could fill the memory.

use std::sync::{Arc, PoisonError};

use super::{
    Telemetry,
    labels::{CustomLabels, PluginLabels, ValueLabels},
};

/// Names that one plugin may use for metrics of its own.
const MAX_CUSTOM_NAMES: usize = 32;

impl Telemetry {
    /// A plugin's own counter.
    pub fn custom_count(&self, plugin: &Arc<str>, route: &Arc<str>, name: &str, by: u64) {
        if self.may_use(plugin, name) {
            let (plugin, route, name) = (plugin.to_string(), route.to_string(), name.to_owned());
            self.custom_counts.get(&CustomLabels { plugin, route, name }).inc_by(by);
        }
    }

    /// A plugin's own gauge.
    pub fn custom_gauge(&self, plugin: &Arc<str>, name: &str, value: f64) {
        if self.may_use(plugin, name) {
            let labels = ValueLabels { plugin: plugin.to_string(), name: name.to_owned() };
            self.custom_gauges.get(&labels).set(value);
        }
    }

    /// Whether a plugin has this name, or room for it among its names.
    fn may_use(&self, plugin: &Arc<str>, name: &str) -> bool {
        let legal = !name.is_empty()
            && name.len() <= 64
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b));
        let mut names = self.custom_names.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (plugin.clone(), name.to_owned());
        let known = names.contains(&key);
        let used = || names.iter().filter(|(owner, _)| owner == plugin).count();
        if !legal || (!known && used() >= MAX_CUSTOM_NAMES) {
            self.custom_dropped.get(&PluginLabels { plugin: plugin.to_string() }).inc();
            return false;
        }
        if !known {
            names.insert(key);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plugin_has_thirty_two_names_of_its_own() {
        let telemetry = Telemetry::new();
        let (plugin, route) = (Arc::from("p"), Arc::from("r"));
        for i in 0..40 {
            telemetry.custom_count(&plugin, &route, &format!("n{i}"), 1);
        }
        telemetry.custom_count(&plugin, &route, "bad name", 1);
        let text = telemetry.render();
        assert_eq!(text.matches("torana_plugin_custom_total{").count(), 32);
        assert!(text.contains("torana_plugin_custom_dropped_total{plugin=\"p\"} 9"), "{text}");
    }
}
