package view

import (
	"context"
	"strings"
	"time"

	"go.opentelemetry.io/otel"

	"github.com/anonymoususage/anonymoususage-go/localstore"
)

// DefaultRecordInterval is how fresh the page says it is.
const DefaultRecordInterval = time.Minute

// Controls is what the switches of the page do, and the consent it shows. A
// *localstore.Store is one, and a *standalone.Usage a better one: it knows what
// holds for its process, and begins anew after Erase.
type Controls interface {
	Consent(ctx context.Context) (localstore.Consent, error)
	Enable(ctx context.Context) error
	Disable(ctx context.Context) error
	Erase(ctx context.Context) error
}

// Option configures [New].
type Option interface{ apply(config) config }

type config struct {
	controls       Controls
	title          string
	hosts          []string
	recordInterval time.Duration
	onError        func(error)
}

type option func(config) config

func (f option) apply(c config) config { return f(c) }

func newConfig(opts []Option) config {
	c := config{title: "Usage", recordInterval: DefaultRecordInterval, onError: otel.Handle}
	for _, o := range opts {
		if o != nil {
			c = o.apply(c)
		}
	}
	return c
}

// WithControls gives the switches to the application's own idea of them. The
// default is the Store.
func WithControls(controls Controls) Option {
	return option(func(c config) config {
		if controls != nil {
			c.controls = controls
		}
		return c
	})
}

// WithTitle names the application on the page. The default is "Usage".
func WithTitle(title string) Option {
	return option(func(c config) config {
		if title != "" {
			c.title = title
		}
		return c
	})
}

// WithHosts admits requests for these hosts besides the loopback names, each
// without a port, such as "usage.example.com". Whoever can reach the page there
// can read it and use its switches.
func WithHosts(hosts ...string) Option {
	return option(func(c config) config {
		for _, h := range hosts {
			if h = strings.ToLower(strings.Trim(h, "[]")); h != "" {
				c.hosts = append(c.hosts, h)
			}
		}
		return c
	})
}

// WithRecordInterval tells the page how often the application records. The
// default is [DefaultRecordInterval].
func WithRecordInterval(d time.Duration) Option {
	return option(func(c config) config {
		if d > 0 {
			c.recordInterval = d
		}
		return c
	})
}

// WithErrorHandler is told why a request failed; the page shows no paths. The
// default is otel.Handle. It may be called from any goroutine.
func WithErrorHandler(f func(error)) Option {
	return option(func(c config) config {
		if f != nil {
			c.onError = f
		}
		return c
	})
}
