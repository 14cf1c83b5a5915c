// Package settings has what the TOML can say.
package settings

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
)

// Settings of the plugin.
type Settings struct {
	Header, Greeting string
}

// Current are the settings of this instance.
var Current Settings

// Wrong says what is wrong with a setting; without a name, with the settings as a whole.
type Wrong struct {
	Setting, Message string
}

// Schema is a JSON Schema of the settings, for editors and `torana check`.
const Schema = `{
  "$schema": "http://json-schema.org/draft-07/schema#",
  "type": "object",
  "properties": {
    "header": { "type": "string", "description": "The header with the caller's name." },
    "greeting": {
      "type": "string",
      "description": "What is said before the name. An empty one leaves bodies as they are.",
      "default": "Hello"
    }
  },
  "required": ["header"],
  "additionalProperties": false
}`

// RFC 9110, 5.6.2: a token.
var fieldName = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")

// Read reads the settings, a JSON object, or says all that is wrong with them.
func Read(text string) (Settings, []Wrong) {
	var given map[string]any
	if err := json.Unmarshal([]byte(text), &given); err != nil {
		return Settings{}, []Wrong{{Message: err.Error()}}
	}
	settings := Settings{Greeting: "Hello"}
	var wrong []Wrong
	if _, ok := given["header"]; !ok {
		message := "write `header`, the header with the caller's name: header = \"x-user\""
		wrong = append(wrong, Wrong{Message: message})
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if message := settings.set(name, given[name]); message != "" {
			wrong = append(wrong, Wrong{name, message})
		}
	}
	return settings, wrong
}

// set takes one setting, or says what is wrong with it.
func (s *Settings) set(name string, value any) string {
	text, isText := value.(string)
	switch name {
	case "header":
		if s.Header = text; !fieldName.MatchString(text) {
			return "this is no header name: write one like \"x-user\""
		}
	case "greeting":
		if s.Greeting = text; !isText {
			return "this is no text: write one like \"Hello\""
		}
	default:
		return "there is no such setting; there are `header` and `greeting`"
	}
	return ""
}
