package outcome

import (
	"context"
	"errors"
	"fmt"
	"testing"
)

func TestClassNames(t *testing.T) {
	for c, want := range map[Class]string{
		Unknown: "unknown", Transient: "transient", TooLarge: "too large",
		Partial: "partial", Refused: "refused", -1: "class(-1)", 99: "class(99)",
	} {
		if got := c.String(); got != want {
			t.Errorf("Class %d is %q, want %q", int(c), got, want)
		}
	}
}

func TestErrorSaysWhatItKnows(t *testing.T) {
	cause := context.DeadlineExceeded
	for _, tt := range []struct {
		err  *Error
		want string
	}{
		{&Error{Reason: "busy", Err: cause}, "busy"},
		{&Error{Err: cause}, cause.Error()},
		{&Error{Class: Refused}, "refused"},
		{nil, "unknown"},
	} {
		if got := tt.err.Error(); got != tt.want {
			t.Errorf("Error() = %q, want %q", got, tt.want)
		}
	}
}

func TestErrorIsFoundInAChain(t *testing.T) {
	err := fmt.Errorf("submit: %w", &Error{Class: Transient, Err: context.Canceled})
	var o *Error
	if !errors.As(err, &o) || o.Class != Transient || !errors.Is(err, context.Canceled) {
		t.Fatalf("chain of %v is broken", err)
	}
	if (*Error)(nil).Unwrap() != nil {
		t.Error("a nil Error has a cause")
	}
}
