package otelusage

import (
	"errors"
	"sync"

	"go.opentelemetry.io/otel"
)

const (
	// maxKeptErrors bounds what Err returns, maxCauses the causes that are
	// told apart: what goes wrong must not grow without end either.
	maxKeptErrors = 100
	maxCauses     = 1000
)

// reporter takes errors that cannot be returned to a caller. It reports a cause
// once.
type reporter struct {
	mu      sync.Mutex
	handler func(error) // nil until attached
	causes  map[string]struct{}
	kept    []error
}

// report keeps err and, once attached, hands it to the error handler. It must
// be called without locks, for the handler may call the tracker.
func (r *reporter) report(cause string, err error) {
	if r == nil || err == nil {
		return
	}
	r.mu.Lock()
	if _, known := r.causes[cause]; known || len(r.causes) >= maxCauses {
		r.mu.Unlock()
		return
	}
	if r.causes == nil {
		r.causes = make(map[string]struct{})
	}
	r.causes[cause] = struct{}{}
	if len(r.kept) < maxKeptErrors {
		r.kept = append(r.kept, err)
	}
	handler := r.handler
	r.mu.Unlock()
	call(handler, err)
}

func (r *reporter) knows(cause string) bool {
	if r == nil {
		return true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	_, known := r.causes[cause]
	return known
}

// reportAll reports each error that was joined by itself.
func (r *reporter) reportAll(err error) {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, err := range joined.Unwrap() {
			r.reportAll(err)
		}
		return
	}
	var restore *restoreError
	switch {
	case err == nil:
	case errors.As(err, &restore):
		r.report("restore "+restore.err.Error(), err)
	default:
		r.report("connect "+err.Error(), err)
	}
}

// attach sets the handler and returns what was reported before.
func (r *reporter) attach(handler func(error)) error {
	if handler == nil {
		handler = otel.Handle
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.handler = handler
	return errors.Join(r.kept...)
}

func (r *reporter) err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return errors.Join(r.kept...)
}

// call keeps a handler that panics from taking the application with it.
func call(handler func(error), err error) {
	if handler == nil {
		return
	}
	defer func() { _ = recover() }()
	handler(err)
}
