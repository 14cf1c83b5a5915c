// Package memory collects garbage where that is allowed.
//
// While the gateway hands a text over, the guest may not call out. Go's collector asks for the time,
// so if it ran just then, the call would trap. So it never runs by itself, and each hook begins
// with Tidy.
package memory

import (
	"runtime"
	"runtime/debug"
)

// How much garbage there may be before it is collected, in bytes.
const allowed = 4 << 20

var after uint64

func init() {
	debug.SetGCPercent(-1)
	Tidy()
}

// Tidy collects garbage if there is much of it.
func Tidy() {
	var now runtime.MemStats
	if runtime.ReadMemStats(&now); now.HeapAlloc < after+allowed {
		return
	}
	runtime.GC()
	runtime.ReadMemStats(&now)
	after = now.HeapAlloc
}
