// Texts and the memory they are in. Nothing here answers NULL: without memory the plugin aborts,
// which the gateway logs as such.
#pragma once

#include <stdint.h>
#include <stdlib.h>

#include "plugin.h"

static inline void *allocate(size_t size) {
  void *memory = malloc(size ? size : 1);
  if (!memory) abort();
  return memory;
}

// A text for an argument: it is only looked at.
static inline plugin_string_t text(const char *literal) {
  plugin_string_t made;
  plugin_string_set(&made, literal);
  return made;
}

// A text to give away: whoever gets it frees it.
plugin_string_t format(const char *pattern, ...);
