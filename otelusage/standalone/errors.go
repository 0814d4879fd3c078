package standalone

import (
	"errors"
	"sync"
)

// errorList keeps what went wrong, each cause once.
type errorList struct {
	handle func(error)
	mu     sync.Mutex
	kept   []error
	seen   map[string]bool
}

// maxErrors bounds what is kept.
const maxErrors = 100

// report keeps an error and tells the application's handler.
func (l *errorList) report(err error) {
	if l.keep(err) && l.handle != nil {
		l.handle(err)
	}
}

func (l *errorList) keep(err error) (fresh bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil || l.seen[err.Error()] || len(l.kept) >= maxErrors {
		return false
	}
	if l.seen == nil {
		l.seen = make(map[string]bool)
	}
	l.seen[err.Error()] = true
	l.kept = append(l.kept, err)
	return true
}

func (l *errorList) joined() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return errors.Join(l.kept...)
}
