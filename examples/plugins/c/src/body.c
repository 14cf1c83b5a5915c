#include "body.h"

#include <string.h>

#include "json.h"
#include "text.h"

// Deeper than any sound document, and far from the end of the stack.
enum { MAX_DEPTH = 256 };

static bool is_ours(const uint8_t *name, size_t length) {
  return (length == 8 && !memcmp(name, "greeting", 8)) || (length == 4 && !memcmp(name, "call", 4));
}

static uint8_t *put(uint8_t *out, const void *bytes, size_t length) {
  memcpy(out, bytes, length);
  return out + length;
}

// Copies the members of an object, commas after them, but those that the plugin sets.
static uint8_t *copy_members(json_reader *reader, uint8_t *name, uint8_t *out) {
  if (json_take(reader, '}')) return out;
  do {
    size_t length;
    const uint8_t *start = reader->at;
    if (!json_string(reader, name, &length) || !json_take(reader, ':')) return NULL;
    if (!json_skip(reader, MAX_DEPTH)) return NULL;
    if (is_ours(name, length)) continue;
    out = put(out, start, (size_t)(reader->at - start));
    *out++ = ',';
  } while (json_take(reader, ','));
  return json_take(reader, '}') ? out : NULL;
}

bool greeted(plugin_string_t body, plugin_string_t greeting, plugin_string_t call,
             plugin_string_t *result) {
  json_reader reader = {body.ptr, body.ptr + body.len};
  if (!json_take(&reader, '{')) return false;
  uint8_t *start = allocate(body.len + JSON_QUOTED(greeting.len) + call.len + 32), *out = start;
  uint8_t *name = allocate(body.len);
  out = put(out, "{", 1);
  out = copy_members(&reader, name, out);
  free(name);
  if (!out || !json_at_end(&reader)) {
    free(start);
    return false;
  }
  out = put(out, "\"greeting\":", 11);
  out = json_quote(out, greeting.ptr, greeting.len);
  out = put(out, ",\"call\":", 8);
  out = put(out, call.ptr, call.len);
  out = put(out, "}", 1);
  *result = (plugin_string_t){start, (size_t)(out - start)};
  return true;
}
