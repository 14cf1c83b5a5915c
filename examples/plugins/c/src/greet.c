// Greets callers by name, and counts their calls: glue between the gateway and the other files.

#include <string.h>
#include <strings.h>

#include "body.h"
#include "json.h"
#include "settings.h"
#include "text.h"

static settings configured;

// In `configure` it is changed in every response.
static bool change_response(torana_plugin_response_ahead_change_t change) {
  torana_plugin_response_ahead_list_change_t changes = {&change, 1};
  torana_plugin_response_ahead_tuple2_u32_edit_error_t error;
  if (torana_plugin_response_ahead_edit(&changes, &error)) return true;
  torana_plugin_response_ahead_tuple2_u32_edit_error_free(&error);
  return false;
}

// What is so for all is said once, and stands.
static bool vary_by(plugin_string_t header) {
  return change_response((torana_plugin_response_ahead_change_t){
      .tag = TORANA_PLUGIN_RESPONSE_AHEAD_CHANGE_MERGE,
      .val.merge = {text("vary"), header},
  });
}

bool exports_torana_plugin_configure_configure(
    plugin_string_t *json, exports_torana_plugin_configure_setup_t *setup,
    exports_torana_plugin_configure_list_setting_error_t *errors) {
  setup->tick_ms.is_some = false;
  bool are_good = read_settings(*json, &configured, errors);
  if (are_good && configured.greeting.len == 0) {
    // Nobody is greeted: then no body has to be held.
    torana_plugin_hook_needs_skip(TORANA_PLUGIN_HOOK_NEEDS_HOOKS_ON_RESPONSE_BODY);
  }
  if (are_good && !vary_by(configured.header)) {
    wrong(errors, NULL, "the responses cannot say what they vary by");
    are_good = false;
  }
  plugin_string_free(json);
  return are_good;
}

void exports_torana_plugin_schema_settings(plugin_string_t *schema) {
  plugin_string_dup(schema, SETTINGS_SCHEMA);
}

static plugin_string_t decimal(int64_t number) {
  char digits[20], *at = digits + sizeof digits;
  uint64_t rest = number < 0 ? 0 : (uint64_t)number;
  do *--at = (char)('0' + rest % 10);
  while (rest /= 10);
  plugin_string_t made;
  plugin_string_dup_n(&made, at, (size_t)(digits + sizeof digits - at));
  return made;
}

static torana_plugin_types_header_t header(const char *name, const char *value) {
  return (torana_plugin_types_header_t){format(name), format(value)};
}

// A refusal as problem+json (RFC 9457). Takes `detail`.
static bool refuse(torana_plugin_types_action_t *action, uint16_t status, const char *kind,
                   const char *title, plugin_string_t detail) {
  plugin_string_t quoted = {allocate(JSON_QUOTED(detail.len)), 0};
  quoted.len = (size_t)(json_quote(quoted.ptr, detail.ptr, detail.len) - quoted.ptr);
  torana_plugin_types_header_t *headers = allocate(2 * sizeof *headers);
  headers[0] = header("content-type", "application/problem+json");
  headers[1] = header("cache-control", "no-store");
  action->tag = TORANA_PLUGIN_TYPES_ACTION_RESPOND;
  torana_plugin_types_reply_t *reply = &action->val.respond;
  reply->status = status;
  reply->headers = (torana_plugin_types_list_header_t){headers, 2};
  reply->body.tag = TORANA_PLUGIN_TYPES_CONTENT_TEXT;
  plugin_string_t number = decimal(status);
  reply->body.val.text = format(
      "{\"type\":\"urn:torana:problem:%\",\"title\":\"%\",\"status\":%,\"detail\":%}", text(kind),
      text(title), number, quoted);
  plugin_string_free(&number);
  plugin_string_free(&quoted);
  plugin_string_free(&detail);
  return true;
}

static bool fail(torana_plugin_types_failure_t *failure, const char *log) {
  failure->client = (plugin_string_t){0};  // the gateway's own wording
  failure->log = format(log);
  return false;
}

// The response may meet another instance: what it must know travels as attributes.
static bool remember(plugin_option_string_t caller, plugin_string_t call) {
  plugin_tuple2_string_option_string_t values[] = {
      {text("caller"), caller},
      {text("call"), {true, call}},
  };
  plugin_list_tuple2_string_option_string_t list = {values, 2};
  torana_plugin_attributes_tuple2_u32_attribute_error_t error;
  return torana_plugin_attributes_update(&list, &error);
}

// What is known of the response already needs no hook of its own.
static bool tell(plugin_string_t call) {
  return change_response((torana_plugin_response_ahead_change_t){
      .tag = TORANA_PLUGIN_RESPONSE_AHEAD_CHANGE_SET,
      .val.set = {text("x-call"), call},
  });
}

bool exports_torana_plugin_on_request_head_handle(torana_plugin_types_action_t *action,
                                                  torana_plugin_types_failure_t *failure) {
  plugin_option_string_t caller;
  torana_plugin_types_header_error_t header_error;
  if (!torana_plugin_request_header(&configured.header, &caller, &header_error)) {
    if (header_error == TORANA_PLUGIN_TYPES_HEADER_ERROR_HIDDEN) {
      return fail(failure, "the caller's header is hidden: add headers.read to the grants");
    }
    return refuse(action, 400, "bad-header", "Bad header",
                  format("The header `%` must be there once, as UTF-8.", configured.header));
  }
  if (!caller.is_some || caller.val.len == 0) {
    plugin_option_string_free(&caller);
    return refuse(action, 401, "missing-header", "Missing header",
                  format("The header `%` is missing.", configured.header));
  }
  plugin_string_t key = text("calls");
  int64_t call;
  torana_plugin_kv_kv_error_t kv_error;
  if (!torana_plugin_kv_increment(&key, 1, NULL, &call, &kv_error)) {
    torana_plugin_kv_kv_error_free(&kv_error);
    plugin_option_string_free(&caller);
    return fail(failure, "the calls cannot be counted");
  }
  plugin_string_t number = decimal(call), line = format("call %", number);
  torana_plugin_log_write(TORANA_PLUGIN_LOG_LEVEL_INFO, &line);
  plugin_string_free(&line);
  const char *why = NULL;
  if (!remember(caller, number)) {
    why = "the caller does not fit the attributes";
  } else if (!tell(number)) {
    why = "the response cannot have the count";
  }
  plugin_string_free(&number);
  plugin_option_string_free(&caller);
  if (why) return fail(failure, why);
  action->tag = TORANA_PLUGIN_TYPES_ACTION_NEXT;
  return true;
}

static bool is_json(void) {
  static const char json[] = "application/json";
  plugin_string_t name = text("content-type");
  plugin_option_string_t type;
  torana_plugin_types_header_error_t error;
  if (!torana_plugin_response_header(&name, &type, &error) || !type.is_some) return false;
  const size_t length = sizeof json - 1;
  bool begins = type.val.len >= length && !strncasecmp((char *)type.val.ptr, json, length);
  bool is = begins && (type.val.len == length || strchr(" ;", type.val.ptr[length]));
  plugin_option_string_free(&type);
  return is;
}

// Greets in the body at hand; false if that cannot be done.
static bool greet(plugin_string_t caller, plugin_string_t call, const char **why) {
  plugin_string_t body, changed;
  torana_plugin_types_body_error_t error;
  if (!torana_plugin_response_body_text(&body, &error)) {
    *why = error == TORANA_PLUGIN_TYPES_BODY_ERROR_NOT_TEXT ? "the body is not UTF-8"
                                                            : "the body cannot be read";
    return false;
  }
  plugin_string_t greeting = format("%, %!", configured.greeting, caller);
  bool is_written = true;
  if (greeted(body, greeting, call, &changed)) {
    is_written = torana_plugin_response_body_edit_write_text(&changed, &error);
    plugin_string_free(&changed);
  }
  plugin_string_free(&greeting);
  plugin_string_free(&body);
  *why = "the body cannot be written";
  return is_written;
}

bool exports_torana_plugin_on_response_body_handle(torana_plugin_types_action_t *action,
                                                   torana_plugin_types_failure_t *failure) {
  plugin_string_t caller_name = text("caller"), call_name = text("call"), caller, call;
  const char *why;
  action->tag = TORANA_PLUGIN_TYPES_ACTION_NEXT;
  // With `on_error = "skip"` a response may come here without a caller.
  if (!is_json() || !torana_plugin_attributes_get(&caller_name, &caller)) return true;
  if (!torana_plugin_attributes_get(&call_name, &call)) {
    plugin_string_free(&caller);
    return true;
  }
  bool is_done = greet(caller, call, &why);
  plugin_string_free(&caller);
  plugin_string_free(&call);
  return is_done || fail(failure, why);
}
