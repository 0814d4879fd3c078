package journal

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalfile"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/journalpool"
)

// TestErasedBytes: after a renewal of the living and an erasure of the dead no name,
// attribute or state is left.
func TestErasedBytes(t *testing.T) {
	path := mirrorPath(t)
	secret := func(j *Journal) (*counter, *counter) {
		n, s := keep(t, j, numberOf("secret_name", attribute.String("secret_key", "secret_value"))), keep(t, j, stateOf("secret_setting"))
		n.count("")
		s.count("secret_state")
		return n, s
	}
	dead := take(t, configOf(t, path))
	warm := take(t, configOf(t, path))
	living := take(t, configOf(t, path))
	secret(dead)
	secret(warm)
	n, s := secret(living)
	die(dead)
	if err := warm.Close(true); err != nil {
		t.Fatal(err)
	}
	if left, err := Erase(path); left != 1 || err != nil {
		t.Fatalf("%d are living, %v", left, err)
	}
	if Erasing(path) != 1 {
		t.Error("nothing is waited for")
	}
	if living.Superseded() {
		t.Error("noticed before it looked")
	}
	// The owner adopts what it counted as its base.
	changes := []Change{n.change(), s.change()}
	if err := living.Begin(1, sharing, changes); err != nil || !living.Superseded() {
		t.Fatalf("superseded %v, %v", living.Superseded(), err)
	}
	living.Settle(true)
	if err := living.Renew("mirror-2", journalfile.Observation{Epoch: 2, Erasures: 1}); err != nil {
		t.Fatal(err)
	}
	if err := living.Acknowledge(); err != nil || living.Superseded() || Erasing(path) != 0 {
		t.Errorf("acknowledged: %v, %v, %d", err, living.Superseded(), Erasing(path))
	}
	files, _ := filepath.Glob(path + "*")
	if len(files) != 3 {
		t.Fatalf("files %v", files)
	}
	for _, name := range files {
		if b, err := os.ReadFile(name); err != nil || strings.Contains(string(b), "secret") || strings.Contains(string(b), "service.name") {
			t.Errorf("%s: something is left, %v", name, err)
		}
	}
	n.count("") // counts on
	die(living)
	found := contentOf(t, journalpool.Path(path, 2))
	d := found.Differences(1)
	if len(d) != 1 || d[0].Delta.Int64() != 1 || found.Mirror != "mirror-2" {
		t.Errorf("after the erasure: %v", d)
	}
}
