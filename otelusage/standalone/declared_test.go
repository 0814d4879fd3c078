package standalone

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/anonymoususage/anonymoususage-go/localstore"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// secrets are what a program that is careless counts by.
var secrets = []string{"/home/ada/thesis.tex", "ada@example.com", "user.ada", "4915112345678", "Ada's laptop", "initial-ada"}

// countCarelessly counts by what nobody may know.
func countCarelessly(t *testing.T, tracker *otelusage.Tracker) {
	t.Helper()
	saves, _ := tracker.Statistic("saves", otelusage.WithValues("format", "md"), otelusage.WithKeys("size"))
	gold, _ := tracker.FloatStatistic("gold")
	work, _ := tracker.Timer("work", otelusage.WithValues("format", "md"))
	theme, _ := tracker.State("theme", secrets[5], otelusage.WithStates("dark"))
	lang, _ := tracker.State("lang", secrets[5])
	for _, secret := range secrets {
		for _, attr := range []attribute.KeyValue{attribute.String("format", secret), attribute.String(secret, "md"),
			attribute.StringSlice("size", []string{secret}), attribute.Int("size", 4915112345678)} {
			saves.With(attr).Inc()
			gold.With(attr).Add(0.5)
			work.With(attr).Record(t.Context(), time.Second)
			run := work.With(attr).Begin()
			defer run.Stop()
		}
		theme.Set(secret)
		lang.Set(secret)
		theme.Set("dark")
	}
}

// wantNoSecret searches every byte of every file of the mirror. To read them drops
// the locks of this process, and no other one has them open. The index of the log has
// no content.
func wantNoSecret(t *testing.T, when, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	must(t, err)
	if len(entries) == 0 {
		t.Errorf("%s: there are no files", when)
	}
	for _, entry := range entries {
		if strings.HasSuffix(entry.Name(), "-shm") {
			continue
		}
		content, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		must(t, err)
		for _, secret := range secrets {
			if bytes.Contains(content, []byte(secret)) {
				t.Errorf("%s: %s has %q", when, entry.Name(), secret)
			}
		}
	}
}

// TestSecretsNeverReachTheMirror in strict mode: neither its bytes, nor its log, nor
// a request, nor what is reported.
func TestSecretsNeverReachTheMirror(t *testing.T) {
	for _, early := range []bool{true, false} {
		dir, r, tracker := t.TempDir(), newReceiver(t), new(otelusage.Tracker)
		if early {
			countCarelessly(t, tracker)
		}
		var mu sync.Mutex
		var reported []error
		u, err := Start(t.Context(), Config{FilePath: filepath.Join(dir, "usage.db"), ApplicationName: "editor", DeclaredOnly: true, Tracker: tracker,
			Forwarder: forwardTo(t, r.URL), OnError: func(err error) { mu.Lock(); defer mu.Unlock(); reported = append(reported, err) }})
		if early && !errors.Is(err, otelusage.ErrUndeclared) {
			t.Errorf("start: %v", err)
		}
		if !early {
			countCarelessly(t, tracker)
		}
		must(t, u.Flush(t.Context()))
		must(t, u.Submit(t.Context()))
		tracker.Reset()
		countCarelessly(t, tracker)
		must(t, u.Flush(t.Context()))
		wantNoSecret(t, "open", dir)
		must(t, u.Close())
		wantNoSecret(t, "closed", dir)
		texts := []string{fmt.Sprint(reported)}
		for _, body := range r.bodies {
			texts = append(texts, string(body))
		}
		for _, secret := range secrets {
			if slices.ContainsFunc(texts, func(s string) bool { return strings.Contains(s, secret) }) {
				t.Errorf("early %v: %q is told", early, secret)
			}
		}
		if want := int64(2 * 4 * len(secrets)); lifetime(t, filepath.Join(dir, "usage.db"), "saves") != want {
			t.Errorf("%d saves, want %d", lifetime(t, filepath.Join(dir, "usage.db"), "saves"), want)
		}
	}
}

// TestALastStateThatIsNotDeclaredIsLeft in the mirror, too: what an earlier release
// recorded is not sent as the present state.
func TestALastStateThatIsNotDeclaredIsLeft(t *testing.T) {
	path, r := filepath.Join(t.TempDir(), "usage.db"), newReceiver(t)
	declare := func(u *Usage, opts ...otelusage.StateOption) *otelusage.State {
		s, err := u.Tracker().State("theme", otelusage.NoState, opts...)
		must(t, err)
		return s
	}
	u := start(t, Config{FilePath: path, ApplicationName: "editor"})
	declare(u).Set(secrets[0])
	must(t, u.Close())
	for range 2 { // it is left once
		u = start(t, Config{FilePath: path, ApplicationName: "editor", DeclaredOnly: true, Forwarder: forwardTo(t, r.URL)})
		theme := declare(u, otelusage.WithStates("dark"))
		must(t, u.Flush(t.Context()))
		if value, _ := theme.Value(); value != otelusage.OtherValue || theme.Changes() != 2 {
			t.Errorf("state %q after %d changes", value, theme.Changes())
		}
		must(t, u.Close())
		store, err := localstore.Open(path, localstore.ReadOnly())
		must(t, err)
		l, err := store.Declare(otelusage.Declaration{Name: "theme", Kind: otelusage.KindState})
		must(t, errors.Join(err, store.Close()))
		if l.State != otelusage.OtherValue || l.Changes != 2 {
			t.Errorf("the mirror has state %q after %d changes", l.State, l.Changes)
		}
	}
}
