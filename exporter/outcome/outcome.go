// Package outcome says how a submission ended, so that an exporter can decide
// what to do with the data. A forwarder that returns a *[Error] from Export is
// understood exactly; any other error is taken as [Unknown].
package outcome

import (
	"fmt"
	"time"
)

// Class is what a refusal means for the data that was sent.
type Class int

const (
	// Unknown keeps the data and backs off. It is the zero value, and what
	// an error that says nothing about itself counts as.
	Unknown Class = iota

	// Transient keeps the data and backs off: the destination is out of
	// reach, busy or broken for now.
	Transient

	// TooLarge keeps the data and sends it in halves: the destination could
	// not take the request as it is (HTTP 400 and 413).
	TooLarge

	// Partial means that the request was processed and some of its points
	// were rejected for good.
	Partial

	// Refused keeps the data and backs off: the destination answered, and a
	// retry changes nothing until the configuration is fixed.
	Refused
)

var classNames = [...]string{"unknown", "transient", "too large", "partial", "refused"}

// String returns the class in lower case.
func (c Class) String() string {
	if c < 0 || int(c) >= len(classNames) {
		return fmt.Sprintf("class(%d)", int(c))
	}
	return classNames[c]
}

// Error is a submission that was not accepted as a whole.
type Error struct {
	Class      Class
	Status     int           // HTTP status, 0 where there was no answer
	RetryAfter time.Duration // what the destination asked for, 0 for nothing
	Rejected   int64         // points rejected, with Partial
	Reason     string        // for people; holds no header, key or body beyond a short excerpt
	Err        error         // the cause, or nil

	// Advice says what to change at the destination if it keeps answering so;
	// empty for nothing. The submission log shows it from the third such answer
	// in a row on.
	Advice string
}

// Error returns the reason, or without one the text of the cause or the class.
func (e *Error) Error() string {
	switch {
	case e == nil:
		return Unknown.String()
	case e.Reason != "":
		return e.Reason
	case e.Err != nil:
		return e.Err.Error()
	}
	return e.Class.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error {
	if e == nil {
		return nil
	}
	return e.Err
}
