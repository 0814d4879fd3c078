package exporter

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/anonymoususage/anonymoususage-go/localstore"
)

// TestConsentOfThisProcess: the mirror's decision, what the options forbid, and
// what the environment does.
func TestConsentOfThisProcess(t *testing.T) {
	const (
		sdk      = "OTEL_SDK_DISABLED is set"
		disabled = "usage tracking is switched off in the configuration"
		track    = "DO_NOT_TRACK is set"
		alone    = "there is no destination: usage is recorded on this machine only"
	)
	destination := []Option{WithForwarder(delta())}
	for name, tt := range map[string]struct {
		variable, value string
		opts            []Option
		mode            localstore.Mode
		veto, reason    string // no reason: whatever the mirror says
		sending, asks   bool
	}{
		"nothing forbids":            {opts: destination, sending: true},
		"switched on":                {opts: destination, mode: localstore.ModeOn, sending: true},
		"switched off":               {opts: destination, mode: localstore.ModeLocal},
		"consent required":           {opts: append(destination, RequireConsent()), asks: true},
		"no destination":             {mode: localstore.ModeOn, reason: alone},
		"DO_NOT_TRACK":               {variable: "DO_NOT_TRACK", value: "1", opts: destination, mode: localstore.ModeOn, reason: track},
		"DO_NOT_TRACK says no":       {variable: "DO_NOT_TRACK", value: "off", opts: destination, mode: localstore.ModeOn, sending: true},
		"disabled by option":         {opts: append(destination, Disabled()), mode: localstore.ModeOn, veto: disabled, reason: disabled},
		"disabled by environment":    {variable: "OTEL_SDK_DISABLED", value: "TRUE", opts: destination, mode: localstore.ModeOn, veto: sdk, reason: sdk},
		"the environment goes first": {variable: "OTEL_SDK_DISABLED", value: "true", opts: append(destination, Disabled()), veto: sdk, reason: sdk},
	} {
		t.Run(name, func(t *testing.T) {
			if tt.variable != "" {
				t.Setenv(tt.variable, tt.value)
			}
			store, err := localstore.Open(filepath.Join(t.TempDir(), "usage.db"))
			must(t, err)
			must(t, store.SetMode(t.Context(), tt.mode))
			e, err := New(store, append(tt.opts[:len(tt.opts):len(tt.opts)], WithCheckInterval(NeverCheck))...)
			must(t, err)
			if veto := RecordingVeto(tt.opts...); veto != tt.veto || e.disabled != (tt.veto != "") {
				t.Errorf("the veto is %q, disabled is %v, want %q", veto, e.disabled, tt.veto)
			}
			got, err := e.Consent(t.Context())
			must(t, err)
			if got.Mode != tt.mode || got.Sending != tt.sending || got.ShouldAsk != tt.asks || got.Reason == "" || tt.reason != "" && got.Reason != tt.reason {
				t.Errorf("got %+v, want %+v", got, tt)
			}
			must(t, e.Shutdown(t.Context()))
			if after, err := e.Consent(t.Context()); err != nil || after != got {
				t.Errorf("after shutdown: %+v, %v", after, err)
			}
			must(t, store.Close())
			if _, err := e.Consent(t.Context()); !errors.Is(err, localstore.ErrClosed) {
				t.Errorf("of a closed mirror: %v", err)
			}
		})
	}
}

func TestConsentWithoutAMirror(t *testing.T) {
	for _, e := range []*Exporter{nil, new(Exporter)} {
		if c, err := e.Consent(t.Context()); !errors.Is(err, localstore.ErrNotOpen) || c != (localstore.Consent{}) {
			t.Errorf("%+v, %v", c, err)
		}
	}
}
