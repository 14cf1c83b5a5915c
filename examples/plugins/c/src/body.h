// Greetings in JSON bodies. Nothing here knows the gateway.
#pragma once

#include "plugin.h"

// The JSON object `body` with a greeting in it, in `out`; false for anything else, which is to be
// left alone. `call` is a number in decimal.
bool greeted(plugin_string_t body, plugin_string_t greeting, plugin_string_t call,
             plugin_string_t *out);
