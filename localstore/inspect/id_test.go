package inspect

import (
	"strings"
	"testing"
)

// TestIDsThatAreSent: another stream after a change, and none where each submission
// has its own.
func TestIDsThatAreSent(t *testing.T) {
	r := played(t)
	if err := r.store.SetInstallationID("seat 7"); err != nil {
		t.Fatal(err)
	}
	if got := r.run("id"); !strings.Contains(got.out, "stream       "+r.store.StreamID()) || r.store.StreamID() == r.store.MirrorID() {
		t.Errorf("prints %s", got.out)
	}
	if err := r.store.SetUnlinkable(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	if got := r.run("id"); strings.Contains(got.out, "stream") || !strings.Contains(got.out, "None of these is sent") {
		t.Errorf("prints %s", got.out)
	}
	if got := r.run("id", "--json"); !strings.Contains(got.out, `"stream_id": ""`) {
		t.Errorf("prints %s", got.out)
	}
}
