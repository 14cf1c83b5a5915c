#include "settings.h"

#include <string.h>

#include "json.h"
#include "text.h"

const char SETTINGS_SCHEMA[] =
    "{\"$schema\":\"http://json-schema.org/draft-07/schema#\",\"type\":\"object\",\"properties\":{"
    "\"header\":{\"type\":\"string\",\"description\":\"The header with the caller's name.\"},"
    "\"greeting\":{\"type\":\"string\",\"description\":\"What is said before the name. "
    "An empty one leaves bodies as they are.\",\"default\":\"Hello\"}},"
    "\"required\":[\"header\"],\"additionalProperties\":false}";

// An error at a setting, or with the settings as a whole (`setting` is NULL).
void wrong(setting_errors *errors, const plugin_string_t *setting, const char *message) {
  errors->ptr = realloc(errors->ptr, (errors->len + 1) * sizeof *errors->ptr);
  if (!errors->ptr) abort();
  exports_torana_plugin_configure_setting_error_t *error = &errors->ptr[errors->len++];
  error->path.len = setting ? 1 : 0;
  error->path.ptr = setting ? allocate(sizeof *setting) : NULL;
  if (setting) error->path.ptr[0] = format("%", *setting);
  error->message = format(message);
}

static bool is(plugin_string_t name, const char *literal) {
  return name.len == strlen(literal) && !memcmp(name.ptr, literal, name.len);
}

// RFC 9110, 5.6.2: a token.
static bool is_field_name(plugin_string_t name) {
  static const char allowed[] =
      "!#$%&'*+.^_`|~0123456789-ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  for (size_t i = 0; i < name.len; i++) {
    if (!name.ptr[i] || !strchr(allowed, name.ptr[i])) return false;
  }
  return name.len > 0;
}

// One string of the document; false and passed over if it is something else.
static bool read_text(json_reader *reader, plugin_string_t *out) {
  json_reader start = *reader;
  out->ptr = allocate((size_t)(reader->end - reader->at));
  if (json_string(reader, out->ptr, &out->len)) return true;
  *reader = start;
  json_skip(reader, 64);
  *out = (plugin_string_t){0};
  return false;
}

static void read_one(json_reader *reader, plugin_string_t name, settings *out,
                     setting_errors *errors) {
  plugin_string_t value;
  bool is_text = read_text(reader, &value);
  if (is(name, "header")) {
    out->header = value;
    if (!is_text || !is_field_name(value)) {
      wrong(errors, &name, "this is no header name: write one like \"x-user\"");
    }
  } else if (is(name, "greeting")) {
    out->greeting = value;
    if (!is_text) wrong(errors, &name, "this is no text: write one like \"Hello\"");
  } else {
    wrong(errors, &name, "there is no such setting; there are `header` and `greeting`");
  }
}

bool read_settings(plugin_string_t json, settings *out, setting_errors *errors) {
  json_reader reader = {json.ptr, json.ptr + json.len};
  bool has_header = false;
  *out = (settings){.greeting = text("Hello")};
  *errors = (setting_errors){0};
  if (json_take(&reader, '{') && !json_take(&reader, '}')) {
    do {
      plugin_string_t name;
      if (!read_text(&reader, &name) || !json_take(&reader, ':')) break;
      has_header |= is(name, "header");
      read_one(&reader, name, out, errors);
    } while (json_take(&reader, ','));
  }
  if (!has_header) {
    wrong(errors, NULL, "write `header`, the header with the caller's name: header = \"x-user\"");
  }
  return errors->len == 0;
}
