// Package export_torana_plugin_schema describes the settings.
package export_torana_plugin_schema

import "wit_component/settings"

// Settings gives a JSON Schema of the settings.
func Settings() string { return settings.Schema }
