package exporter

import (
	"context"
	"fmt"

	"github.com/anonymoususage/anonymoususage-go/localstore"
)

// circumstances are what this process knows beside the mirror about whether
// anything is recorded and sent: its options and its environment.
func (c *config) circumstances() localstore.Circumstances {
	return localstore.Circumstances{Disabled: c.disabled, Destination: c.forwarder != nil}
}

// RecordingVeto returns why an Exporter made with these options would record
// nothing: OTEL_SDK_DISABLED is set, or [Disabled] is among them. It returns ""
// where the Exporter would record. A program asks it before it opens a mirror
// that nothing would be written to; with a mirror, see [Exporter.Consent]. It
// reads the environment at each call and may be called concurrently.
func RecordingVeto(opts ...Option) string {
	c, _ := newConfig(opts) // what is wrong with the forwarder is New's to say
	return c.circumstances().RecordingVeto()
}

// Consent returns the consent that applies to this process: what the mirror
// stores and the decision file beside it says, restricted by the options of
// [New] and by the environment, and why. It is what localstore.Store.Consent
// returns for the Store that was given to New.
//
// On a nil or zero Exporter the error wraps localstore.ErrNotOpen, after the Store
// was closed localstore.ErrClosed; any other says that the mirror could not be
// read. The context bounds how long it waits for the mirror. It may be
// called concurrently, also after Shutdown.
func (e *Exporter) Consent(ctx context.Context) (localstore.Consent, error) {
	if e.missing() {
		return localstore.Consent{}, fmt.Errorf("read consent: %w", errNotMade)
	}
	if ctx == nil {
		ctx = context.Background()
	}
	return e.store.Consent(ctx)
}
