package forward

import (
	"fmt"
	"io"
)

// Format writes what package fmt shows of a forwarder, for every verb: its type
// and its endpoint, in which the caller left no secret.
func Format(s fmt.State, name, endpoint string) {
	_, _ = io.WriteString(s, name+"{"+endpoint+"}")
}

// Log returns what a forwarder's MarshalLog does: the same for OpenTelemetry's
// own log.
func Log(name, endpoint string) any {
	return struct{ Type, Endpoint string }{name, endpoint}
}
