package place

import (
	"os"
	"testing"
)

// TestWhatSomebodyHasOpenIsTriedAgain, for a virus scanner takes an instant.
func TestWhatSomebodyHasOpenIsTriedAgain(t *testing.T) {
	calls := 0
	err := Patiently(func() error {
		if calls++; calls < 3 {
			return &os.LinkError{Op: "rename", Err: sharingViolation}
		}
		return nil
	})
	if err != nil || calls != 3 {
		t.Errorf("%v after %d calls", err, calls)
	}
	calls = 0
	if err = Patiently(func() error { calls++; return os.ErrNotExist }); err != os.ErrNotExist || calls != 1 {
		t.Errorf("%v after %d calls", err, calls)
	}
}
