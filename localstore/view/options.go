package view

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/otel"

	"github.com/anonymoususage/anonymoususage-go/localstore"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

const defaultTitle = "Usage"

// DefaultRecordInterval is the record interval that the page shows.
const DefaultRecordInterval = time.Minute

// Controls does what the page's switches say, and has the consent that the page
// shows. A *localstore.Store is one. A *standalone.Usage is better: it says why
// nothing is recorded, and discards its own counts at Erase.
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
	plan           otelusage.Planner // nil: none
	hosts          []string
	recordInterval time.Duration
	onError        func(error)
	around         *localstore.Circumstances
	authorized     func(*http.Request) bool // nil: everyone
	ancestors      []string                 // origins that may frame the page
	anyHost        bool                     // with the secret of Serve any name is allowed
	wrong          error                    // an error in the options
}

type option func(config) config

func (f option) apply(c config) config { return f(c) }

func newConfig(opts []Option) config {
	c := config{title: defaultTitle, recordInterval: DefaultRecordInterval, onError: otel.Handle}
	for _, o := range opts {
		if o != nil {
			c = o.apply(c)
		}
	}
	return c
}

// WithControls sets what the switches act on. The default is the Store.
func WithControls(controls Controls) Option {
	return option(func(c config) config {
		if v := reflect.ValueOf(controls); controls != nil && (v.Kind() != reflect.Pointer || !v.IsNil()) {
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
// without a port, such as "usage.example.com". Anyone who can reach the page there
// can read it and use its switches, unless [WithAuthorization] is set.
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

// WithAuthorization calls authorized for every request, and answers 403 if it
// returns false. Without it anyone who can reach the page can read it and use its
// switches. The function may be called from any goroutine, and must not read the
// request's body. A nil function refuses every request.
func WithAuthorization(authorized func(*http.Request) bool) Option {
	return option(func(c config) config {
		c.authorized = authorized
		if authorized == nil {
			c.authorized = func(*http.Request) bool { return false }
		}
		return c
	})
}

// WithFrameAncestors lets pages of these origins show the page in a frame. An
// origin is written "https://portal.example.com", or "self" for the page's own.
// By default there are none, because another site could make users click on a
// framed page that they do not see.
func WithFrameAncestors(origins ...string) Option {
	return option(func(c config) config {
		ancestors := slices.Clone(c.ancestors)
		for _, origin := range origins {
			source, err := frameSource(origin)
			if err != nil {
				c.wrong = errors.Join(c.wrong, err)
				continue
			}
			ancestors = append(ancestors, source)
		}
		c.ancestors = ancestors
		return c
	})
}

// frameSource returns an origin in the form of a content security policy. Any other
// text could end the directive and add another.
func frameSource(origin string) (string, error) {
	if origin == "self" || origin == "'self'" {
		return "'self'", nil
	}
	u, err := url.Parse(origin)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.Scheme+"://"+u.Host != origin || strings.ContainsAny(origin, " ;,'\"*") {
		return "", fmt.Errorf("frame ancestor %q is not an origin such as https://portal.example.com", origin)
	}
	return origin, nil
}

// withAnyHost admits every host, for a page that is protected by a secret.
func withAnyHost() Option {
	return option(func(c config) config { c.anyHost = true; return c })
}

// WithRecordInterval sets how often the application records, which the page shows.
// The default is [DefaultRecordInterval].
func WithRecordInterval(d time.Duration) Option {
	return option(func(c config) config {
		if d > 0 {
			c.recordInterval = d
		}
		return c
	})
}

// WithErrorHandler sets what receives the error of a failed request; the page shows
// no paths. The default is otel.Handle. It may be called from any goroutine.
func WithErrorHandler(f func(error)) Option {
	return option(func(c config) config {
		if f != nil {
			c.onError = f
		}
		return c
	})
}

// WithCircumstances sets what else, beside the mirror, decides whether the page says
// that data is sent. The default is what the Store knows of its process if an
// exporter records into it, otherwise what a viewer can know.
func WithCircumstances(x localstore.Circumstances) Option {
	return option(func(c config) config { c.around = &x; return c })
}
