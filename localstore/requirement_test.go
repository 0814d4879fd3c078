package localstore

import (
	"os"
	"testing"
	"time"
)

// TestARequirementOutlivesTheFileThatItWasWrittenTo, also where that is gone
// as soon as it was written.
func TestARequirementOutlivesTheFileThatItWasWrittenTo(t *testing.T) {
	skipWhereOpenFilesStay(t)
	c := newClock()
	path, left := newPath(t), 0
	s := open(t, path, c, WithErrorHandler(func(error) {}), WithClock(func() time.Time {
		if left--; left == 0 {
			for _, suffix := range []string{"", "-wal", "-shm"} {
				_ = os.Remove(path + suffix)
			}
		}
		return c.now()
	}))
	left = 2 // the first transaction reads, the second one writes the requirement
	if err := s.RequireConsent(t.Context()); err != nil {
		t.Fatal(err)
	}
	if now, err := s.Consent(t.Context()); err != nil || now.Sending {
		t.Errorf("consent %+v, %v: want that nothing is sent", now, err)
	}
}
