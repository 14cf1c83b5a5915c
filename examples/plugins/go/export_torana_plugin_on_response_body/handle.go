// Package export_torana_plugin_on_response_body greets in JSON bodies.
package export_torana_plugin_on_response_body

import (
	"encoding/json"
	"regexp"

	"wit_component/memory"
	"wit_component/settings"
	"wit_component/torana_plugin_attributes"
	"wit_component/torana_plugin_response"
	"wit_component/torana_plugin_response_body"
	"wit_component/torana_plugin_response_body_edit"

	. "wit_component/torana_plugin_types"

	types "go.bytecodealliance.org/pkg/wit/types"
)

var jsonType = regexp.MustCompile(`(?i)^application/json *(;|$)`)

// Handle is called with the whole body.
func Handle() types.Result[Action, Failure] {
	memory.Tidy()
	next := types.Ok[Action, Failure](MakeActionNext())
	caller := torana_plugin_attributes.Get("caller")
	call := torana_plugin_attributes.Get("call")
	// With `on_error = "skip"` a response may come here without a caller.
	if caller.IsNone() || call.IsNone() || !isJson() {
		return next
	}
	body := torana_plugin_response_body.Text()
	if body.IsErr() {
		if body.Err() == BodyError_NotText {
			return fail("the body is not UTF-8")
		}
		return fail("the body cannot be read")
	}
	changed, isObject := greeted(body.Ok(), caller.Some(), call.Some())
	if isObject && torana_plugin_response_body_edit.Write(changed).IsErr() {
		return fail("the body cannot be written")
	}
	return next
}

// greeted gives a JSON object with a greeting in it; false for anything else, which is left alone.
func greeted(text, caller, call string) ([]byte, bool) {
	// RawMessage keeps the values as they are written, long numbers too.
	var object map[string]json.RawMessage
	if json.Unmarshal([]byte(text), &object) != nil || object == nil {
		return nil, false
	}
	greeting, err := json.Marshal(settings.Current.Greeting + ", " + caller + "!")
	if err != nil {
		return nil, false
	}
	object["greeting"], object["call"] = greeting, json.RawMessage(call)
	changed, err := json.Marshal(object)
	return changed, err == nil
}

func isJson() bool {
	kind := torana_plugin_response.Header("content-type")
	return kind.IsOk() && jsonType.MatchString(kind.Ok().SomeOr(""))
}

func fail(log string) types.Result[Action, Failure] {
	return types.Err[Action](Failure{Log: log})
}
