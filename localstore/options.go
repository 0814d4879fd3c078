package localstore

import (
	"math/rand/v2"
	"strings"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/totals"
)

const (
	// DefaultMaxRows is how many recordings are kept per series.
	DefaultMaxRows = 1000

	// DefaultMaxSeries is how many series a mirror tells apart.
	DefaultMaxSeries = 10_000

	// DefaultBusyTimeout is how long a transaction waits for another
	// process's.
	DefaultBusyTimeout = 5 * time.Second
)

// Option configures [Open].
type Option interface{ apply(config) config }

type config struct {
	file       mirrordb.Options
	limits     totals.Limits
	importFrom string
	random     func() float64
	lazily     bool
}

type option func(config) config

func (f option) apply(c config) config { return f(c) }

func newConfig(opts []Option) config {
	c := config{
		file:   mirrordb.Options{BusyTimeout: DefaultBusyTimeout, Now: time.Now},
		limits: totals.Limits{MaxRows: DefaultMaxRows, MaxSeries: DefaultMaxSeries},
		random: rand.Float64,
	}
	for _, o := range opts {
		if o != nil {
			c = o.apply(c)
		}
	}
	return c
}

// ReadOnly opens an existing mirror for reading.
func ReadOnly() Option {
	return option(func(c config) config { c.file.ReadOnly = true; return c })
}

// Existing opens an existing mirror for changing it. It never makes one, neither
// where there is none nor in place of a damaged one.
func Existing() Option {
	return option(func(c config) config { c.file.Existing = true; return c })
}

// Lazily leaves the database alone until something asks for it. A Store that was
// opened so leaves, when it is closed, a cache beside the mirror, PATH.warm, for the
// starts of the next hour: what was decided, what is known of trackables and their
// lifetimes, whether a submission is due. Such a start opens no database where
// nothing is due, nobody changed the mirror since, and it is not the first one of a
// day. What it counts waits in its journal, see exporter.WithJournal, for the next
// one that opens the mirror: at the latest an hour later, or the 25th.
//
// Declarations that the cache knows, the Writer's first and last look, and questions
// for consent are answered without the database as long as nobody decided anything;
// everything else opens it. A decision that was made before a start is always
// honoured. Errors of the database are met when it is opened, not by [Open]. It has
// no effect together with [ReadOnly] or [Existing].
func Lazily() Option {
	return option(func(c config) config { c.lazily = true; return c })
}

// WithMaxRows bounds how many of the latest recordings are kept per series; the
// oldest go first. Given names, it holds for these trackables only. Values
// below 1 keep one. The default is [DefaultMaxRows].
func WithMaxRows(n int, names ...string) Option {
	rows := max(int64(n), 1)
	return option(func(c config) config {
		if len(names) == 0 {
			c.limits.MaxRows = rows
			return c
		}
		byName := make(map[string]int64, len(c.limits.MaxRowsByName)+len(names))
		for name, n := range c.limits.MaxRowsByName {
			byName[name] = n
		}
		for _, name := range names {
			byName[strings.ToLower(name)] = rows
		}
		c.limits.MaxRowsByName = byName
		return c
	})
}

// WithMaxSeries limits how many series the mirror holds. Further attribute sets are
// counted in the overflow series of their metric, and so are attribute sets that
// take more than a mebibyte as JSON. Values below 1 leave the default,
// [DefaultMaxSeries].
func WithMaxSeries(n int) Option {
	return option(func(c config) config {
		if n > 0 {
			c.limits.MaxSeries = int64(n)
		}
		return c
	})
}

// WithBusyTimeout bounds how long a transaction waits while another process
// writes. The default is [DefaultBusyTimeout].
func WithBusyTimeout(d time.Duration) Option {
	return option(func(c config) config {
		if d >= 0 {
			c.file.BusyTimeout = d
		}
		return c
	})
}

// WithInstallationID gives the installation an id of the application's choice, in
// place of the random one: at most 255 characters of UTF-8 text. The caller must
// ensure that it identifies nobody. An empty id leaves the one that the mirror has.
func WithInstallationID(id string) Option {
	return option(func(c config) config { c.file.InstallationID = id; return c })
}

// ImportFrom names the configured path of the Python library's database,
// NAME.db with NAME.part.db beside it. Without this option it is looked
// for at the path of the mirror, whatever its extension.
//
// It is imported once, when the mirror is first opened for writing: totals, last
// states, the latest changes, and the user identifier as installation id, unless
// [WithInstallationID] gives one. Imported totals count as sent. The original is
// read and never changed: if a killed program left a journal, it is rolled back in
// a private copy. An original that cannot be read now, or that other users could
// have written, is reported as [ErrOriginal]. The import is retried, and until it
// succeeds no lifetime totals are sent.
//
// Names that cannot be declared are those of [otelusage.SuggestName]. The
// identifier is that of the newest row; one that was stored as a number is
// reported. What a table counts follows from what the application declares, where
// the Python library does not say it.
func ImportFrom(path string) Option {
	return option(func(c config) config { c.importFrom = path; return c })
}

// WithClock gives the Store its time, for tests. The default is time.Now.
func WithClock(now func() time.Time) Option {
	return option(func(c config) config {
		if now != nil {
			c.file.Now = now
		}
		return c
	})
}

// WithRandom gives the Store the numbers in [0, 1) that spread retries, for
// tests. The default is rand.Float64.
func WithRandom(random func() float64) Option {
	return option(func(c config) config {
		if random != nil {
			c.random = random
		}
		return c
	})
}

// WithErrorHandler sets the function that is called with errors that cannot be
// returned to a caller: a file was set aside, a trackable could not be registered.
// The default is otel.Handle. It may be called from any goroutine.
func WithErrorHandler(f func(error)) Option {
	return option(func(c config) config {
		if f != nil {
			c.file.OnError = f
		}
		return c
	})
}
