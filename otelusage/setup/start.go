package setup

import (
	"context"
	"errors"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"

	"github.com/anonymoususage/anonymoususage-go/otelusage"
	"github.com/anonymoususage/anonymoususage-go/otelusage/standalone"
)

// Usage is the usage tracking of an application.
type Usage = standalone.Usage

// Start begins to track. It checks all of cfg first: an invalid configuration
// makes no file, no directory and no forwarder. The error then joins all faults,
// wraps [ErrBadValue], [ErrMissingKey] or [ErrTwoDestinations], and quotes no API
// key or header.
//
// Start never returns nil. After such an error trackables count in memory, and
// Usage.Err returns it. Nothing is printed and nothing reaches otel.Handle. The
// context bounds Start alone.
func Start(ctx context.Context, cfg Config) (*Usage, error) {
	if ctx == nil {
		ctx = context.Background()
	}
	usage, err := start(ctx, cfg)
	if err != nil && cfg.Debug && cfg.OnError != nil {
		cfg.OnError(err)
	}
	return usage, err
}

func start(ctx context.Context, cfg Config) (*Usage, error) {
	c := cfg.standalone()
	forwarder, err := cfg.checkedForwarder()
	if err == nil {
		c.Forwarder = forwarder
		return standalone.Start(ctx, c)
	}
	c.Disabled = false // which would start without an error
	usage, started := standalone.Start(refuse(ctx, err), c)
	if started == nil { // OTEL_SDK_DISABLED
		started = err
	}
	return usage, started
}

// checkedForwarder makes the forwarder if all of c is good. It reports what is
// wrong with the destination even where something else is wrong too.
func (c *Config) checkedForwarder() (_ sdkmetric.Exporter, err error) {
	err = c.check()
	made, refused := c.forwarder()
	if err == nil {
		return made, refused
	}
	if made != nil {
		err = errors.Join(err, discard(made))
	}
	return nil, errors.Join(err, refused)
}

// refuse returns a context that is done because of the configuration. Under it
// standalone makes nothing, counts in memory and keeps the cause for Usage.Err.
func refuse(ctx context.Context, reason error) context.Context {
	ctx, cancel := context.WithCancelCause(ctx)
	cancel(reason)
	return ctx
}

// Plan returns everything that a program with this configuration can record and
// send, see standalone.Config.Plan. A configuration that Start refuses sends nothing.
func (c Config) Plan() otelusage.Plan {
	s := c.standalone()
	forwarder, err := c.checkedForwarder()
	if err == nil && forwarder != nil {
		s.Forwarder = forwarder
		defer func() { _ = discard(forwarder) }() // it has not sent anything
	}
	return s.Plan()
}

var _ otelusage.Planner = Config{}
