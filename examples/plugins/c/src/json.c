#include "json.h"

#include <string.h>

static void skip_space(json_reader *reader) {
  while (reader->at < reader->end && strchr(" \t\r\n", *reader->at) && *reader->at) reader->at++;
}

static bool next_is(json_reader *reader, char token) {
  skip_space(reader);
  return reader->at < reader->end && *reader->at == (uint8_t)token;
}

bool json_take(json_reader *reader, char token) {
  bool is = next_is(reader, token);
  if (is) reader->at++;
  return is;
}

bool json_at_end(json_reader *reader) {
  skip_space(reader);
  return reader->at == reader->end;
}

static int hex_digit(uint8_t c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

static bool hex4(json_reader *reader, uint32_t *code) {
  if (reader->end - reader->at < 4) return false;
  *code = 0;
  for (int i = 0; i < 4; i++) {
    int digit = hex_digit(*reader->at++);
    if (digit < 0) return false;
    *code = *code << 4 | (uint32_t)digit;
  }
  return true;
}

// What follows `\u`; two of them make one character beyond U+FFFF.
static bool unicode_escape(json_reader *reader, uint32_t *code) {
  if (!hex4(reader, code)) return false;
  if (*code < 0xd800 || *code > 0xdfff) return true;
  uint32_t low;
  bool is_pair = *code < 0xdc00 && reader->end - reader->at >= 6 && reader->at[0] == '\\' &&
                 reader->at[1] == 'u';
  if (!is_pair) return false;
  reader->at += 2;
  if (!hex4(reader, &low) || low < 0xdc00 || low > 0xdfff) return false;
  *code = 0x10000 + ((*code - 0xd800) << 10 | (low - 0xdc00));
  return true;
}

static uint8_t *put_utf8(uint8_t *out, uint32_t code) {
  if (code < 0x80) {
    *out++ = (uint8_t)code;
    return out;
  }
  int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
  static const uint8_t lead[] = {0, 0xc0, 0xe0, 0xf0};
  *out++ = (uint8_t)(lead[more] | code >> 6 * more);
  while (more-- > 0) *out++ = (uint8_t)(0x80 | (code >> 6 * more & 0x3f));
  return out;
}

// What follows a backslash. An escape is never shorter than what it stands for.
static bool escape(json_reader *reader, uint8_t **out) {
  static const char names[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
  if (reader->at == reader->end) return false;
  uint8_t name = *reader->at++;
  if (name == 'u') {
    uint32_t code;
    if (!unicode_escape(reader, &code)) return false;
    *out = put_utf8(*out, code);
    return true;
  }
  const char *found = name ? strchr(names, name) : NULL;
  if (found) *(*out)++ = (uint8_t)meant[found - names];
  return found;
}

bool json_string(json_reader *reader, uint8_t *text, size_t *length) {
  uint8_t *out = text;
  if (!json_take(reader, '"')) return false;
  while (reader->at < reader->end) {
    uint8_t c = *reader->at++;
    if (c == '"') {
      *length = (size_t)(out - text);
      return true;
    }
    if (c < 0x20) return false;
    if (c != '\\') {
      *out++ = c;
    } else if (!escape(reader, &out)) {
      return false;
    }
  }
  return false;
}

static bool skip_string(json_reader *reader) {
  if (!json_take(reader, '"')) return false;
  while (reader->at < reader->end) {
    uint8_t c = *reader->at++;
    if (c == '"') return true;
    if (c < 0x20) return false;
    if (c != '\\') continue;
    uint8_t one[4], *out = one;
    if (!escape(reader, &out)) return false;
  }
  return false;
}

static bool skip_digits(json_reader *reader) {
  const uint8_t *start = reader->at;
  while (reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9') reader->at++;
  return reader->at > start;
}

static bool skip_one(json_reader *reader, const char *of) {
  bool is = reader->at < reader->end && *reader->at && strchr(of, *reader->at);
  if (is) reader->at++;
  return is;
}

static bool skip_number(json_reader *reader) {
  skip_one(reader, "-");
  if (!skip_one(reader, "0") && !skip_digits(reader)) return false;
  if (skip_one(reader, ".") && !skip_digits(reader)) return false;
  if (!skip_one(reader, "eE")) return true;
  skip_one(reader, "+-");
  return skip_digits(reader);
}

static bool skip_word(json_reader *reader, const char *word) {
  size_t length = strlen(word);
  bool is = (size_t)(reader->end - reader->at) >= length && !memcmp(reader->at, word, length);
  if (is) reader->at += length;
  return is;
}

static bool skip_members(json_reader *reader, int depth, bool named, char close) {
  if (json_take(reader, close)) return true;
  do {
    if (named && !(skip_string(reader) && json_take(reader, ':'))) return false;
    if (!json_skip(reader, depth)) return false;
  } while (json_take(reader, ','));
  return json_take(reader, close);
}

bool json_skip(json_reader *reader, int depth) {
  if (depth == 0) return false;
  if (json_take(reader, '{')) return skip_members(reader, depth - 1, true, '}');
  if (json_take(reader, '[')) return skip_members(reader, depth - 1, false, ']');
  if (next_is(reader, '"')) return skip_string(reader);
  return skip_word(reader, "true") || skip_word(reader, "false") || skip_word(reader, "null") ||
         skip_number(reader);
}

uint8_t *json_quote(uint8_t *out, const uint8_t *text, size_t length) {
  static const char digits[] = "0123456789abcdef";
  *out++ = '"';
  for (size_t i = 0; i < length; i++) {
    uint8_t c = text[i];
    if (c < 0x20) {
      memcpy(out, "\\u00", 4);
      out[4] = (uint8_t)digits[c >> 4];
      out[5] = (uint8_t)digits[c & 15];
      out += 6;
      continue;
    }
    if (c == '"' || c == '\\') *out++ = '\\';
    *out++ = c;
  }
  *out++ = '"';
  return out;
}
