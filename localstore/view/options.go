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
)

const defaultTitle = "Usage"

// DefaultRecordInterval is how fresh the page says it is.
const DefaultRecordInterval = time.Minute

// Controls is what the switches of the page do, and the consent it shows. A
// *localstore.Store is one, and a *standalone.Usage a better one: it says why
// nothing is recorded, and begins anew after Erase.
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
	around         *localstore.Circumstances
	authorized     func(*http.Request) bool // nil: everybody is
	ancestors      []string                 // sources that may frame the page
	anyHost        bool                     // who has the secret of Serve may use any name
	wrong          error                    // what is wrong with the options
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

// WithControls gives the switches to the application's own idea of them. The
// default is the Store.
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
// without a port, such as "usage.example.com". Whoever can reach the page there
// can read it and use its switches, unless [WithAuthorization] says otherwise.
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

// WithAuthorization asks authorized about every request, and answers 403 where
// it returns false. Without it whoever reaches the page may read it, and use its
// switches too. It may be called from any goroutine, and must not take anything
// from the request's body. A nil function lets nobody in.
func WithAuthorization(authorized func(*http.Request) bool) Option {
	return option(func(c config) config {
		c.authorized = authorized
		if authorized == nil {
			c.authorized = func(*http.Request) bool { return false }
		}
		return c
	})
}

// WithFrameAncestors lets pages of these origins show the page in a frame, each
// as "https://portal.example.com", or "self" for the page's own origin. The
// default is nobody: a page in somebody else's frame can be clicked on without
// being seen.
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

// frameSource returns an origin as a content security policy names it. Anything
// else could end the policy and begin another.
func frameSource(origin string) (string, error) {
	if origin == "self" || origin == "'self'" {
		return "'self'", nil
	}
	u, err := url.Parse(origin)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.Scheme+"://"+u.Host != origin || strings.ContainsAny(origin, " ;,'\"*") {
		return "", fmt.Errorf("frame ancestor %q is no origin such as https://portal.example.com", origin)
	}
	return origin, nil
}

// withAnyHost admits every host: for who has to show a secret.
func withAnyHost() Option {
	return option(func(c config) config { c.anyHost = true; return c })
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

// WithCircumstances says what the page goes by beside the mirror when it says
// whether anything is sent. The default is what the Store knows of its process
// once an exporter records into it, and without one what a viewer can know.
func WithCircumstances(x localstore.Circumstances) Option {
	return option(func(c config) config { c.around = &x; return c })
}
