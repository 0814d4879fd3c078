package exporter

import (
	"errors"
	"sync"
)

// reporter hands each cause to the handler once.
type reporter struct {
	handle func(error)
	mu     sync.Mutex
	seen   map[string]bool
}

// maxCauses bounds what is remembered of texts that never repeat.
const maxCauses = 100

func (r *reporter) report(err error) {
	if err == nil {
		return
	}
	key := cause(err)
	r.mu.Lock()
	known := r.seen[key] || len(r.seen) >= maxCauses
	if !known {
		if r.seen == nil {
			r.seen = make(map[string]bool)
		}
		r.seen[key] = true
	}
	r.mu.Unlock()
	if !known {
		r.handle(err)
	}
}

// cause returns the text at the root of an error: a disk that is full fails in
// many places, for one cause.
func cause(err error) string {
	for {
		next := errors.Unwrap(err)
		if joined, ok := err.(interface{ Unwrap() []error }); ok && len(joined.Unwrap()) > 0 {
			next = joined.Unwrap()[0]
		}
		if next == nil {
			return err.Error()
		}
		err = next
	}
}
