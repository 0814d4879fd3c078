package setup

import (
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

func (o *OTLP) forwarder() (sdkmetric.Exporter, error) {
	if o.Endpoint == "" {
		return nil, fmt.Errorf("OTLP.Endpoint: %w", ErrMissingKey)
	}
	if err := checkInterval(o.Timeout); err != nil {
		return nil, fmt.Errorf("OTLP.Timeout: %w", err)
	}
	opts := []otlp.Option{otlp.WithEndpointURL(o.Endpoint), otlp.WithHeaders(o.Headers)}
	if o.Compression != "" {
		opts = append(opts, otlp.WithCompression(otlp.Compression(o.Compression)))
	}
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
		return nil, fmt.Errorf("OTLP: %w: %w", ErrBadValue, err)
	}
	return f, nil
}

func (h *HQ) forwarder() (sdkmetric.Exporter, error) {
	var missing []error
	if h.Host == "" {
		missing = append(missing, fmt.Errorf("HQ.Host: %w", ErrMissingKey))
	}
	if h.APIKey == "" {
		missing = append(missing, fmt.Errorf("HQ.APIKey: %w", ErrMissingKey))
	}
	if len(missing) > 0 {
		return nil, errors.Join(missing...)
	}
	if err := checkText(h.APIKey); err != nil {
		return nil, fmt.Errorf("HQ.APIKey: %w", err)
	}
	if err := checkInterval(h.Timeout); err != nil {
		return nil, fmt.Errorf("HQ.Timeout: %w", err)
	}
	f, err := hq.New(hq.Config{Host: h.Host, APIKey: h.APIKey, Timeout: h.Timeout, TLSConfig: h.TLSConfig})
	if err != nil {
		return nil, fmt.Errorf("HQ: %w: %w", ErrBadValue, err)
	}
	return f, nil
}
