package standalone

import (
	"errors"
	"time"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/exemplar"

	"github.com/anonymoususage/anonymoususage-go/exporter"
	"github.com/anonymoususage/anonymoususage-go/localstore"
)

// recorder is what records, once the mirror is open.
type recorder struct {
	store    *localstore.Store
	exporter *exporter.Exporter
	provider *sdkmetric.MeterProvider
	reader   *exporter.Reader
	forwards bool
}

// startWait is how long a start waits for another process's lock: for as long
// as a transaction takes, never for a person's shell. Where that is not enough
// the start is tried again.
const startWait = 100 * time.Millisecond

// open makes what records: mirror, exporter, reader and provider.
func (u *Usage) open(forwarder sdkmetric.Exporter, wait time.Duration) (*recorder, error) {
	path, err := u.config.path()
	if err != nil {
		return nil, err
	}
	opening := []localstore.Option{localstore.WithBusyTimeout(wait), localstore.WithInstallationID(u.config.InstallationID),
		localstore.ImportFrom(u.config.ImportFrom), localstore.WithErrorHandler(u.errors.report)}
	if u.config.Journal != JournalOff {
		opening = append(opening, localstore.Lazily())
	}
	store, err := localstore.Open(path, opening...)
	if err != nil {
		return nil, passing(err)
	}
	opts := u.config.exporterOptions(forwarder, u.errors.report)
	exp, err := exporter.New(store, opts...)
	if err != nil {
		return nil, passing(errors.Join(err, store.Close()))
	}
	r := &recorder{store: store, exporter: exp, reader: exporter.NewReader(exp), forwards: forwarder != nil}
	r.provider = sdkmetric.NewMeterProvider(sdkmetric.WithReader(r.reader),
		sdkmetric.WithResource(u.config.resource()), sdkmetric.WithExemplarFilter(exemplar.AlwaysOffFilter))
	return r, nil
}

// recorder returns what records, nil where nothing does.
func (u *Usage) recorder() *recorder {
	if u == nil {
		return nil
	}
	return u.made.Load()
}

// passingError is why a start failed that can succeed later.
type passingError struct{ error }

func (e passingError) Unwrap() error { return e.error }

// passing marks what can pass: a full disk, no file descriptors, a lock. What
// only a person can mend stays as it is.
func passing(err error) error {
	for _, lasting := range []error{localstore.ErrNotMirror, localstore.ErrOptedOut, localstore.ErrNewerSchema,
		localstore.ErrUntrusted, localstore.ErrInvalidID} {
		if errors.Is(err, lasting) {
			return err
		}
	}
	return passingError{err}
}
