package consent

import (
	"os"
	"strings"
)

// Circumstances are what a process knows beside the mirror about whether
// anything is recorded and sent: its environment and its configuration.
// They are weighed in one place, for the Store and for [Circumstances.Apply]. The zero value
// is that of an application without a destination.
type Circumstances struct {
	// Getenv looks up OTEL_SDK_DISABLED and DO_NOT_TRACK; nil is os.Getenv.
	Getenv func(string) string

	Disabled    bool // the configuration forbids to record
	Destination bool // a forwarder is configured

	// Viewer says that it is another program that records. Its environment
	// is unknown, and whether it has a destination is told by the mirror: none
	// has as long as nothing was recorded that may be sent.
	Viewer bool

	// LocalOnly says for a Viewer that the program it belongs to has no
	// destination.
	LocalOnly bool
}

// Apply returns what holds under the circumstances: of the environment, the
// configuration and c, the strictest, and its reason. c is what was decided
// where there is no mirror yet, as localstore.Decided returns it; a Store asks its mirror
// too, see localstore.Store.SetCircumstances.
func (x Circumstances) Apply(c Consent) Consent { return x.ApplyTo(c, false) }

// ApplyTo is [Circumstances.Apply] for what a mirror says; shared says whether a
// process with a destination has recorded into it.
func (x Circumstances) ApplyTo(c Consent, shared bool) Consent {
	forbidden, veto := x.RecordingVeto(), x.sendingVeto()
	switch {
	case forbidden != "":
		c.Sending, c.ShouldAsk, c.Reason = false, false, forbidden
	case c.Mode == ModeOff: // stricter than what follows
	case veto != "":
		c.Sending, c.ShouldAsk, c.Reason = false, false, veto
	case x.Viewer && c.Sending && !shared:
		c.Sending, c.Reason = false, "no program with a destination has recorded here"
	}
	return c
}

// RecordingVeto says why the process may record nothing, "" where it may.
func (x Circumstances) RecordingVeto() string {
	switch {
	case sdkDisabled(x.getenv("OTEL_SDK_DISABLED")):
		return "OTEL_SDK_DISABLED is set" + x.where()
	case x.Disabled:
		return "usage tracking is switched off in the configuration"
	}
	return ""
}

// SendingVeto says why the process may send nothing, whatever is stored; ""
// where it may.
func (x Circumstances) SendingVeto() string {
	if veto := x.RecordingVeto(); veto != "" {
		return veto
	}
	return x.sendingVeto()
}

func (x Circumstances) sendingVeto() string {
	switch {
	case doNotTrack(x.getenv("DO_NOT_TRACK")):
		return "DO_NOT_TRACK is set" + x.where()
	case x.LocalOnly || !x.Viewer && !x.Destination:
		return "there is no destination: usage is recorded on this machine only"
	}
	return ""
}

func (x Circumstances) where() string {
	if x.Viewer {
		return " in this environment"
	}
	return ""
}

func (x Circumstances) getenv(name string) string {
	if x.Getenv == nil {
		return os.Getenv(name)
	}
	return x.Getenv(name)
}

// doNotTrack: every value forbids but those that say no.
// See https://consoledonottrack.com.
func doNotTrack(value string) bool {
	switch strings.ToLower(strings.TrimSpace(value)) {
	case "", "0", "false", "no", "off":
		return false
	}
	return true
}

// sdkDisabled follows the OpenTelemetry specification, which takes "true" alone.
func sdkDisabled(value string) bool {
	return strings.EqualFold(strings.TrimSpace(value), "true")
}
