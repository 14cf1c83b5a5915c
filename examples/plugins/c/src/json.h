// The little JSON that the plugin needs. All texts are UTF-8 with a length, never with a zero at
// the end.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
  const uint8_t *at, *end;
} json_reader;

// Whether the next token is this one; if so, it is passed over.
bool json_take(json_reader *reader, char token);

// A string: its text, in memory of the caller's (`text`, at least as long as what is left to read).
bool json_string(json_reader *reader, uint8_t *text, size_t *length);

// Passes over any value. False if there is none, or if it is nested deeper than `depth`.
bool json_skip(json_reader *reader, int depth);

// Whether nothing but white space is left.
bool json_at_end(json_reader *reader);

// Writes a text as a JSON string, quotes included; gives where it ends. Takes at most
// `JSON_QUOTED(length)` bytes.
uint8_t *json_quote(uint8_t *out, const uint8_t *text, size_t length);
#define JSON_QUOTED(length) ((length) * 6 + 2)
