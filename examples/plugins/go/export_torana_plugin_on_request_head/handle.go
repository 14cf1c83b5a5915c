// Package export_torana_plugin_on_request_head asks who calls, and counts.
package export_torana_plugin_on_request_head

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"wit_component/memory"
	"wit_component/settings"
	"wit_component/torana_plugin_attributes"
	"wit_component/torana_plugin_kv"
	"wit_component/torana_plugin_log"
	"wit_component/torana_plugin_request"
	"wit_component/torana_plugin_response_ahead"

	. "wit_component/torana_plugin_types"

	types "go.bytecodealliance.org/pkg/wit/types"
)

// Handle is called for every request.
func Handle() types.Result[Action, Failure] {
	memory.Tidy()
	header := settings.Current.Header
	read := torana_plugin_request.Header(header)
	if read.IsErr() {
		return refuseOrFail(header, read.Err())
	}
	caller := read.Ok().SomeOr("")
	if caller == "" {
		return refuse(401, "missing-header", fmt.Sprintf("The header `%s` is missing.", header))
	}
	counted := torana_plugin_kv.Increment("calls", 1, types.None[uint64]())
	if counted.IsErr() {
		return fail("the calls cannot be counted")
	}
	call := strconv.FormatInt(counted.Ok(), 10)
	torana_plugin_log.Write(torana_plugin_log.Level_Info, "call "+call)
	// The response may meet another instance: what it must know travels as attributes.
	if torana_plugin_attributes.Update([]types.Tuple2[string, types.Option[string]]{
		{F0: "caller", F1: types.Some(caller)},
		{F0: "call", F1: types.Some(call)},
	}).IsErr() {
		return fail("the caller does not fit the attributes")
	}
	// What is known of the response already needs no hook of its own.
	counter := torana_plugin_response_ahead.MakeChangeSet(Header{Name: "x-call", Value: call})
	if torana_plugin_response_ahead.Edit([]torana_plugin_response_ahead.Change{counter}).IsErr() {
		return fail("the response cannot have the count")
	}
	return types.Ok[Action, Failure](MakeActionNext())
}

func refuseOrFail(header string, err HeaderError) types.Result[Action, Failure] {
	switch err {
	case HeaderError_Repeated, HeaderError_NotText:
		// The client's mistakes; whatever else there is, is ours.
		detail := fmt.Sprintf("The header `%s` must be there once, as UTF-8.", header)
		return refuse(400, "bad-header", detail)
	case HeaderError_Hidden:
		return fail("the caller's header is hidden: add headers.read to the grants")
	default:
		return fail("the caller's header cannot be read")
	}
}

func fail(log string) types.Result[Action, Failure] {
	return types.Err[Action](Failure{Log: log})
}

// refuse answers problem+json (RFC 9457).
func refuse(status uint16, kind, detail string) types.Result[Action, Failure] {
	body, err := json.Marshal(map[string]any{
		"type":   "urn:torana:problem:" + kind,
		"title":  strings.ToUpper(kind[:1]) + strings.ReplaceAll(kind[1:], "-", " "),
		"status": status,
		"detail": detail,
	})
	if err != nil {
		return fail(err.Error())
	}
	return types.Ok[Action, Failure](MakeActionRespond(Reply{
		Status: status,
		Headers: []Header{
			{Name: "content-type", Value: "application/problem+json"},
			{Name: "cache-control", Value: "no-store"},
		},
		Body: MakeContentText(string(body)),
	}))
}
