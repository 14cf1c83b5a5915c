// Package export_torana_plugin_configure takes the settings.
package export_torana_plugin_configure

import (
	"wit_component/settings"
	"wit_component/torana_plugin_configure"
	"wit_component/torana_plugin_hook_needs"
	"wit_component/torana_plugin_response_ahead"

	. "wit_component/torana_plugin_types"

	types "go.bytecodealliance.org/pkg/wit/types"
)

type (
	setup  = torana_plugin_configure.Setup
	errors = []torana_plugin_configure.SettingError
)

// Configure takes the settings, a JSON object.
func Configure(text string) types.Result[setup, errors] {
	read, wrong := settings.Read(text)
	if len(wrong) > 0 {
		return types.Err[setup, errors](inTheContractsWords(wrong))
	}
	settings.Current = read
	if read.Greeting == "" {
		// Nobody is greeted: then no body has to be held.
		torana_plugin_hook_needs.Skip(torana_plugin_hook_needs.Hooks_OnResponseBody)
	}
	// What is so for all is said once, and stands.
	vary := torana_plugin_response_ahead.MakeChangeMerge(Header{Name: "vary", Value: read.Header})
	if torana_plugin_response_ahead.Edit([]torana_plugin_response_ahead.Change{vary}).IsErr() {
		return types.Err[setup, errors](errors{{Message: "the responses cannot say what they vary by"}})
	}
	return types.Ok[setup, errors](setup{TickMs: types.None[uint32]()})
}

func inTheContractsWords(wrong []settings.Wrong) errors {
	var told errors
	for _, one := range wrong {
		var path []string
		if one.Setting != "" {
			path = []string{one.Setting}
		}
		told = append(told, torana_plugin_configure.SettingError{Path: path, Message: one.Message})
	}
	return told
}
