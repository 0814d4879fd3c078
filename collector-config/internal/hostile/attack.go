package hostile

import (
	"errors"
	"fmt"
	"slices"

	"github.com/anonymoususage/anonymoususage-go/collector-config/internal/fleet"
)

// Attack is something that is sent once, between what is honest.
type Attack struct {
	Name string

	// Rules are parts of those lines of production.yaml without which it does harm.
	Rules []string

	// First says that it does harm only if it comes before what is honest, as after
	// a restart.
	First bool

	Bodies func() ([]Body, error)

	// Counts and Saves are what of it an honest installation could have sent: it
	// counts. Archived is what of it counts in the archive, nil for Counts.
	Counts, Archived fleet.Totals
	Saves            int

	// Shows are metrics that Prometheus must have after it, some with their values.
	Shows []string

	// Fills says that it fills the streams: after it only those that were there count.
	Fills bool

	// Secret is a text of it that must not be kept, Hidden one that must not be in
	// Prometheus.
	Secret, Hidden string
}

// Body is the body of a request. A form other than protobuf has its type.
type Body struct {
	Content        []byte
	Type, Encoding string
}

// send makes an attack of requests.
func send(requests ...*request) func() ([]Body, error) {
	return func() ([]Body, error) {
		var bodies []Body
		for _, r := range requests {
			content, err := encode(r)
			if err != nil {
				return nil, err
			}
			bodies = append(bodies, Body{Content: content})
		}
		return bodies, nil
	}
}

// later makes an attack of requests that are too large to be made beforehand.
func later(requests func() []*request) func() ([]Body, error) {
	return func() ([]Body, error) { return send(requests()...)() }
}

// Attacks returns all of them.
func Attacks() []Attack {
	return slices.Concat([]Attack{units()}, names(), numbers(), texts(), strangers(), sizes())
}

// ErrUnknown is returned for an attack that there is not.
var ErrUnknown = errors.New("unknown attack")

// Named returns the attack of this name.
func Named(name string) (Attack, error) {
	for _, a := range Attacks() {
		if a.Name == name {
			return a, nil
		}
	}
	return Attack{}, fmt.Errorf("%w: %s", ErrUnknown, name)
}
