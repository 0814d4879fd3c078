package exporter

import (
	"errors"
	"time"

	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/anonymoususage/anonymoususage-go/exporter/internal/guard"
)

// ErrNeedsID is returned for [Unlinkable] or [WithRotation] with a forwarder that is
// sent totals, such as HQ's. A total that grows tells whose it is, and under another
// id it would be counted once more.
var ErrNeedsID = errors.New("exporter: a forwarder of totals needs a lasting installation id")

// Unlinkable sends nothing that tells two submissions of one installation from those
// of two. Each batch has a random service.instance.id of its own and no installation
// id, the last full UTC hour as its interval, and its metrics in the order of their
// names. Submissions come at random after one to two submit intervals. A batch that
// is sent again is the same; one that was sealed before keeps its ids. What remains
// is what the counts themselves say, such as a rare version or state, a clock that is
// hours off, and the time of arrival: [Exporter.Submit] sends at once.
//
// Sums over installations are exact as before, and otelusage.active still counts the
// active ones. What is given up: rows per installation; the deletion of what one
// installation sent, which nobody could find; and a pipeline that keeps a stream per
// installation, as delta_to_cumulative does. The forwarder must take deltas:
// [ErrNeedsID].
func Unlinkable() Option {
	return option(func(c config) config { c.unlinkable = true; return c })
}

// WithRotation changes the ids of the installation when they are this old, as
// localstore.Store.Rotate does, before the next batch is sealed. It has no effect on
// an id that the application gave, nor with [Unlinkable]. The forwarder must take
// deltas: [ErrNeedsID]. 0 and less never change them.
func WithRotation(age time.Duration) Option {
	return option(func(c config) config { c.rotation = max(age, 0); return c })
}

// Check returns what [New] would say of the options alone.
func Check(opts ...Option) error {
	_, err := newConfig(opts)
	return err
}

// checkIdentity returns ErrNeedsID.
func (c *config) checkIdentity() error {
	changes := c.unlinkable || c.rotation > 0
	if changes && c.forwarder != nil && guard.New(c.forwarder).Temporality() != metricdata.DeltaTemporality {
		return ErrNeedsID
	}
	return nil
}
