// What the TOML can say.
#pragma once

#include "plugin.h"

typedef exports_torana_plugin_configure_list_setting_error_t setting_errors;

typedef struct {
  plugin_string_t header, greeting;
} settings;

// A JSON Schema of the settings, for editors and `torana check`.
extern const char SETTINGS_SCHEMA[];

// One error more; of the settings as a whole where `setting` is NULL.
void wrong(setting_errors *errors, const plugin_string_t *setting, const char *message);

// Reads the settings, a JSON object. False if anything is wrong with them: `errors` has all of it.
bool read_settings(plugin_string_t json, settings *out, setting_errors *errors);
