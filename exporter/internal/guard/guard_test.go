package guard

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/anonymoususage/anonymoususage-go/exporter/outcome"
)

// TestAForwarderThatAnsweredCanBeCalledAtOnce: it is not busy with what it has
// answered.
func TestAForwarderThatAnsweredCanBeCalledAtOnce(t *testing.T) {
	g := &Forwarder{}
	for range 50_000 {
		if err, returned := g.call(func() error { return nil }, nil); err != nil || !returned {
			t.Fatalf("a call after another = %v, %v", err, returned)
		}
	}
}

// A reason of any text is kept as text: cut between runes, and without bytes
// that are no rune.
func TestReasonsAreCutAtARune(t *testing.T) {
	for _, long := range []string{
		strings.Repeat("\u00e4", maxReason), "x" + strings.Repeat("\u00e4", maxReason), strings.Repeat("\u20ac", maxReason), "xx" + strings.Repeat("\U0001F600", maxReason),
		strings.Repeat("x\x80", maxReason), "a\xc3", strings.Repeat("x", maxReason-1) + "\u00e4",
	} {
		for _, got := range []string{
			OutcomeOf(errors.New(long)).Reason,
			OutcomeOf(&outcome.Error{Class: outcome.Refused, Reason: long}).Reason,
			OutcomeOf(&outcome.Error{Class: outcome.Refused, Advice: long}).Advice,
		} {
			if !utf8.ValidString(got) || len(got) > maxReason || len(got) < min(len(long), maxReason-utf8.UTFMax) {
				t.Errorf("of %d bytes %d are kept, valid %t: %.20q", len(long), len(got), utf8.ValidString(got), got)
			}
		}
	}
}

func TestReasonsAreBounded(t *testing.T) {
	if got := len(OutcomeOf(errors.New(strings.Repeat("x", 10_000))).Reason); got > maxReason {
		t.Errorf("reason of %d bytes, want at most %d", got, maxReason)
	}
}
