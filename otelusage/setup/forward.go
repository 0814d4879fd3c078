package setup

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"

	"github.com/anonymoususage/anonymoususage-go/exporter/hq"
	"github.com/anonymoususage/anonymoususage-go/exporter/otlp"
)

// forwarder makes the one that c asks for, nil for none. It is made even where
// it is not needed, because only that tells whether its part of c is good.
func (c *Config) forwarder() (sdkmetric.Exporter, error) {
	var made sdkmetric.Exporter
	var err error
	switch {
	case c.OTLP != nil:
		made, err = c.OTLP.forwarder()
	case c.HQ != nil:
		made, err = c.HQ.forwarder()
	}
	if made == nil || err != nil {
		return nil, err
	}
	if c.Disabled || c.SubmitInterval == NeverSubmit {
		return nil, discard(made)
	}
	return made, nil
}

// discard ends a forwarder that was made to see whether it can be. It has sent
// nothing, so there is nothing to wait for.
func discard(f sdkmetric.Exporter) error { return f.Shutdown(context.Background()) }

// sound stands for a value that was found wrong, so that the others are looked at.
const sound = "https://sound.invalid"

// faults are all that is wrong with a destination.
type faults struct {
	of   string
	errs []error
}

func (w *faults) field(name string, err error) {
	if err != nil {
		w.errs = append(w.errs, fmt.Errorf("%s.%s: %w", w.of, name, err))
	}
}

// and returns them together with what making the forwarder met.
func (w *faults) and(err error) error {
	return errors.Join(append(w.errs, fmt.Errorf("%s: %w: %w", w.of, ErrBadValue, err))...)
}

// without returns a forwarder if there are none, and discards it otherwise.
func (w *faults) without(f sdkmetric.Exporter) (sdkmetric.Exporter, error) {
	if len(w.errs) == 0 {
		return f, nil
	}
	return nil, errors.Join(append(w.errs, discard(f))...)
}

// forwarder returns all that is wrong with o at once.
func (o *OTLP) forwarder() (sdkmetric.Exporter, error) {
	wrong := faults{of: "OTLP"}
	opts := []otlp.Option{otlp.WithHeaders(o.Headers), otlp.WithEndpointURL(cmp.Or(o.Endpoint, sound))}
	if o.Endpoint == "" {
		wrong.field("Endpoint", ErrMissingKey)
	}
	if o.Compression != "" {
		opts = append(opts, otlp.WithCompression(otlp.Compression(o.Compression)))
	}
	wrong.field("Timeout", checkInterval(o.Timeout))
	if o.Timeout > 0 {
		opts = append(opts, otlp.WithTimeout(o.Timeout))
	}
	if o.LenientAnswers {
		opts = append(opts, otlp.WithLenientAnswers())
	}
	if o.TLSConfig != nil {
		opts = append(opts, otlp.WithTLSConfig(o.TLSConfig))
	}
	f, err := otlp.New(context.Background(), opts...)
	if err != nil {
		return nil, wrong.and(err)
	}
	return wrong.without(f)
}

// forwarder returns all that is wrong with h at once.
func (h *HQ) forwarder() (sdkmetric.Exporter, error) {
	wrong := faults{of: "HQ"}
	c := hq.Config{Host: h.Host, APIKey: h.APIKey, Timeout: h.Timeout, TLSConfig: h.TLSConfig}
	if h.Host == "" {
		wrong.field("Host", ErrMissingKey)
		c.Host = sound
	}
	if h.APIKey == "" {
		wrong.field("APIKey", ErrMissingKey)
		c.APIKey = sound
	} else if err := checkText(h.APIKey); err != nil {
		wrong.field("APIKey", err)
		c.APIKey = sound
	}
	if err := checkInterval(h.Timeout); err != nil {
		wrong.field("Timeout", err)
		c.Timeout = 0
	}
	f, err := hq.New(c)
	if err != nil {
		return nil, wrong.and(err)
	}
	return wrong.without(f)
}
