package exporter

import (
	"fmt"
	"reflect"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"

	"github.com/anonymoususage/anonymoususage-go/localstore/outbox"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

const (
	// DefaultRecordInterval is the time between recordings, and so the most that a
	// killed process without a journal can lose.
	DefaultRecordInterval = time.Minute

	// DefaultSubmitInterval is the time between accepted submissions.
	DefaultSubmitInterval = time.Hour

	// DefaultCheckInterval is the time between checks whether one is due.
	DefaultCheckInterval = time.Minute

	// NeverCheck as [WithCheckInterval] submits only when [Exporter.Submit] is
	// called.
	NeverCheck time.Duration = -1

	// DefaultRequestTimeout is how long a forwarder may take for a request.
	DefaultRequestTimeout = 30 * time.Second

	// DefaultShutdownGrace is how long a submission may run on at shutdown.
	DefaultShutdownGrace = 250 * time.Millisecond

	// DefaultSubmitWait is how long one shutdown per submit interval may wait
	// for a submission, after exits cut off three. After a wait that did not
	// help, the next one comes ten intervals later, then a hundred.
	DefaultSubmitWait = 2 * time.Second
)

// Option configures [New].
type Option interface{ apply(config) config }

type option func(config) config

func (f option) apply(c config) config { return f(c) }

type config struct {
	forwarder      sdkmetric.Exporter
	recordInterval time.Duration
	submitInterval time.Duration
	checkInterval  time.Duration
	requestTimeout time.Duration
	shutdownGrace  time.Duration
	submitWait     time.Duration
	scopes         map[string]bool
	keys           map[attribute.Key]bool
	resource       *resource.Resource
	requireConsent bool
	disabled       bool
	onError        func(error)
	journal        bool
	unlinkable     bool
	rotation       time.Duration // 0: never
	manual         bool          // submissions are made by Submit alone
}

func newConfig(opts []Option) (config, error) {
	c := config{
		recordInterval: DefaultRecordInterval, submitInterval: DefaultSubmitInterval, checkInterval: DefaultCheckInterval,
		requestTimeout: DefaultRequestTimeout, shutdownGrace: DefaultShutdownGrace, submitWait: DefaultSubmitWait,
		scopes: map[string]bool{otelusage.ScopeName: true}, onError: otel.Handle,
	}
	for _, o := range opts {
		if o != nil {
			c = o.apply(c)
		}
	}
	if c.forwarder != nil && isNil(c.forwarder) {
		return c, fmt.Errorf("exporter: forwarder is a nil %T", c.forwarder)
	}
	return c, c.checkIdentity()
}

// isNil reports a nil pointer in an interface, as a failed constructor leaves it.
// Calling it would panic much later.
func isNil(forwarder sdkmetric.Exporter) bool {
	v := reflect.ValueOf(forwarder)
	switch v.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Func, reflect.Chan, reflect.Slice, reflect.Interface:
		return v.IsNil()
	}
	return false
}

// WithForwarder sends what is new through f. Without a forwarder usage is only
// recorded, and what is recorded then is never sent later. The Exporter owns f
// and shuts it down. A nil f is no forwarder; a nil pointer in f is an error of
// [New].
func WithForwarder(f sdkmetric.Exporter) Option {
	return option(func(c config) config { c.forwarder = f; return c })
}

// WithRecordInterval sets the time between the recordings of a [Reader]. The
// default is [DefaultRecordInterval], also for values that are not positive.
func WithRecordInterval(d time.Duration) Option {
	return option(func(c config) config {
		if d > 0 {
			c.recordInterval = d
		}
		return c
	})
}

// WithSubmitInterval sets the time between accepted submissions, over all runs
// of the application. The default is [DefaultSubmitInterval]. Values below one
// second count as one second.
func WithSubmitInterval(d time.Duration) Option {
	return option(func(c config) config { c.submitInterval = max(d, time.Second); return c })
}

// WithCheckInterval sets how often the exporter checks whether a submission is
// due, in addition to the checks at start and after every export. The default is
// [DefaultCheckInterval], also for 0. [NeverCheck], or any other negative value,
// switches all of these off.
func WithCheckInterval(d time.Duration) Option {
	return option(func(c config) config {
		if c.manual = d < 0; d > 0 {
			c.checkInterval = d
		}
		return c
	})
}

// WithRequestTimeout bounds one request of the forwarder, at most four minutes.
// The default is [DefaultRequestTimeout], also for values that are not positive.
func WithRequestTimeout(d time.Duration) Option {
	return option(func(c config) config {
		if d > 0 {
			c.requestTimeout = min(d, 4*time.Minute)
		}
		return c
	})
}

// WithShutdownGrace bounds how long a submission may continue at shutdown. One
// that is cut off counts as a failure and is followed by a backoff. After three in
// a row, shutdowns do not wait any more, except as [WithSubmitWait] says. The
// default is [DefaultShutdownGrace]; 0 and less wait for nothing.
func WithShutdownGrace(d time.Duration) Option {
	return option(func(c config) config { c.shutdownGrace = max(d, 0); return c })
}

// WithSubmitWait bounds how long a shutdown may wait for a submission after exits
// cut off three of them: a program that never runs long enough for one request
// would otherwise never submit. The default is [DefaultSubmitWait]; 0 and less
// wait for nothing.
func WithSubmitWait(d time.Duration) Option {
	return option(func(c config) config { c.submitWait = max(d, 0); return c })
}

// WithScopes admits the instruments of further instrumentation scopes, by name.
// They are recorded, and forwarded, without attributes; see [WithAttributeKeys].
func WithScopes(names ...string) Option {
	return option(func(c config) config {
		scopes := make(map[string]bool, len(c.scopes)+len(names))
		for name := range c.scopes {
			scopes[name] = true
		}
		for _, name := range names {
			scopes[name] = true
		}
		c.scopes = scopes
		return c
	})
}

// WithAttributeKeys lets these attributes of admitted scopes through. Series
// that differ in other attributes only are added up. The caller must ensure that
// the values of these keys identify nobody.
func WithAttributeKeys(keys ...string) Option {
	return option(func(c config) config {
		allowed := make(map[attribute.Key]bool, len(c.keys)+len(keys))
		for key := range c.keys {
			allowed[key] = true
		}
		for _, key := range keys {
			allowed[attribute.Key(key)] = true
		}
		c.keys = allowed
		return c
	})
}

// WithResource records under r in place of the provider's resource, through the
// same allow-list. From the provider's resource the values of the user's
// environment are removed; from r they are not, so make it without
// resource.Default and resource.WithFromEnv, or use [SubtractEnvironment].
func WithResource(r *resource.Resource) Option {
	return option(func(c config) config { c.resource = r; return c })
}

// WithJournal keeps what the trackables count in a journal beside the mirror, so
// that it survives every end of the process but a power loss. The next process that
// records adds it to the mirror.
//
// The provider must report otelusage's instruments without views that rename them or
// drop attributes; else no journal is kept, which is reported. Its resource is known
// from the first collection on, which a [Reader] makes once a tracker is attached, or
// from [WithResource]. Trackers are attached with the Store as otelusage.Ledger. Up to
// 1,000 counts a second are written at once, which takes some microseconds; further ones
// within 10 ms. What [WithScopes] admits is not kept.
func WithJournal() Option {
	return option(func(c config) config { c.journal = true; return c })
}

// RequireConsent sends nothing before localstore.ModeOn is stored in the mirror.
// The mirror remembers the requirement.
func RequireConsent() Option {
	return option(func(c config) config { c.requireConsent = true; return c })
}

// Disabled records nothing and sends nothing, as OTEL_SDK_DISABLED does. The
// mirror does not remember it.
func Disabled() Option {
	return option(func(c config) config { c.disabled = true; return c })
}

// WithErrorHandler sets who is told of errors that no caller gets: of submissions,
// of a [Reader]'s own recordings, and of single metrics that are not recorded. Each
// cause is reported once. f may call the exporter, and shut it down. The default
// is otel.Handle, also for nil.
func WithErrorHandler(f func(error)) Option {
	return option(func(c config) config {
		if f != nil {
			c.onError = f
		}
		return c
	})
}

// ErrNoConsent is returned by Submit while nothing may be sent.
var ErrNoConsent = outbox.ErrNoConsent
