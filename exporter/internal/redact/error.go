package redact

import "errors"

// Error stands for another error, whose text may hold secrets: net/http quotes
// malformed answers, and the password of a proxy. errors.Is and errors.As find
// the other error's chain; no method or verb shows its text.
type Error struct {
	text  string
	cause func() error // not an error: fmt shows those of unexported fields
}

// NewError returns an Error that shows text in place of err's.
func NewError(text string, err error) *Error {
	return &Error{text: text, cause: func() error { return err }}
}

func (e *Error) Error() string        { return e.text }
func (e *Error) Is(target error) bool { return errors.Is(e.cause(), target) }
func (e *Error) As(target any) bool   { return errors.As(e.cause(), target) }
