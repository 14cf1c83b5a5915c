#include "text.h"

#include <stdarg.h>
#include <string.h>

static size_t length_of(const char *pattern, va_list values) {
  size_t length = strlen(pattern);
  for (const char *p = pattern; *p; p++) {
    if (*p == '%') length += va_arg(values, plugin_string_t).len;
  }
  return length;
}

// Each `%` stands for one `plugin_string_t`. (`printf` would bring WASI with it.)
plugin_string_t format(const char *pattern, ...) {
  va_list values;
  va_start(values, pattern);
  uint8_t *start = allocate(length_of(pattern, values)), *out = start;
  va_end(values);
  va_start(values, pattern);
  for (const char *p = pattern; *p; p++) {
    if (*p != '%') {
      *out++ = (uint8_t)*p;
      continue;
    }
    plugin_string_t value = va_arg(values, plugin_string_t);
    memcpy(out, value.ptr, value.len);
    out += value.len;
  }
  va_end(values);
  return (plugin_string_t){start, (size_t)(out - start)};
}
