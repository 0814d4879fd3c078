package inspect

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/anonymoususage/anonymoususage-go/localstore"
	"github.com/anonymoususage/anonymoususage-go/localstore/recording"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
	"github.com/anonymoususage/anonymoususage-go/localstore/snapshot"
	"github.com/anonymoususage/anonymoususage-go/localstore/view"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

func TestConsentChangesTheMirror(t *testing.T) {
	r := played(t)
	for name, want := range map[string]localstore.Mode{"off": localstore.ModeOff, "local": localstore.ModeLocal, "on": localstore.ModeOn} {
		got := r.run("consent", name)
		c, err := r.store.Consent(t.Context())
		if err != nil || got.code != exitDone || c.Mode != want {
			t.Errorf("consent %s: mode %v, code %d, %s, %v", name, c.Mode, got.code, got.errors, err)
		}
		if !strings.HasPrefix(got.out, "consent: "+name+" since 2026-03-14 10:05:00 UTC\n") || !strings.Contains(got.out, consequences[want]) {
			t.Errorf("consent %s prints %q", name, got.out)
		}
		var document struct{ Mode, Since string }
		if err := json.Unmarshal([]byte(r.run("consent", name, "--json").out), &document); err != nil || document.Mode != name {
			t.Errorf("consent %s: %v, %v", name, document, err)
		}
	}
}

func TestEraseAsksFirst(t *testing.T) {
	r := played(t)
	for _, answer := range []string{"", "no\n", "y\n", "\n", "yes please\n"} {
		o := Options{File: r.store.Path(), Now: r.clock, Stdin: strings.NewReader(answer)}
		if got := runWith(t.Context(), o, "erase"); got.code != exitUnconfirmed || !strings.Contains(got.errors, "(6 trackables).\nWhat was already sent") || got.out != "" {
			t.Errorf("answer %q: code %d, %q, %q", answer, got.code, got.out, got.errors)
		}
	}
	if got := r.run("show", "--json"); !strings.Contains(got.out, "quests_complete") {
		t.Fatal("something was erased")
	}
	before := r.store.InstallationID()
	o := Options{File: r.store.Path(), Now: r.clock, Stdin: strings.NewReader("Yes\n")}
	if got := runWith(t.Context(), o, "erase"); got.code != exitDone && got.code != exitBusy {
		t.Errorf("code %d, %q", got.code, got.errors)
	} else if !strings.HasPrefix(got.out, "Erasing installation "+before+".\n") {
		t.Errorf("prints %q, want the old id %s first", got.out, before)
	}
	snap, err := r.store.Snapshot(t.Context(), snapshot.Query{Submissions: true})
	if err != nil || len(snap.Submissions) != 0 || snap.InstallationID == before {
		t.Errorf("%d submissions and id %s are left, %v", len(snap.Submissions), snap.InstallationID, err)
	}
}

func TestEraseWithoutAsking(t *testing.T) {
	path := finished(t)
	before, _, _ := strings.Cut(strings.TrimPrefix(runWith(t.Context(), Options{File: path}, "id").out, "installation "), "\n")
	got := runWith(t.Context(), Options{File: path}, "erase", "--yes", "--json")
	if got.code != exitDone || !strings.Contains(got.out, `"erased": true`) {
		t.Errorf("code %d, %q, %q", got.code, got.out, got.errors)
	}
	if !strings.Contains(got.out, `"erased_installation_id": "`+before+`"`) || strings.Contains(got.out, `"installation_id": "`+before+`"`) {
		t.Errorf("prints %s, want the old id %s and a new one", got.out, before)
	}
	if got := runWith(t.Context(), Options{File: path}, "show"); !strings.Contains(got.out, "Nothing is recorded.") {
		t.Errorf("shows %s", got.out)
	}
	if got := runWith(t.Context(), Options{File: path}, "submissions"); !strings.Contains(got.out, "Nothing was submitted yet") {
		t.Errorf("shows %s", got.out)
	}
	if got := runWith(t.Context(), Options{File: path}, "preview"); !strings.Contains(got.out, "There is nothing to send.") {
		t.Errorf("shows %s", got.out)
	}
}

// TestEraseWhileASubmissionIsUnderWay: what is kept of it is said and shown.
func TestEraseWhileASubmissionIsUnderWay(t *testing.T) {
	r := played(t)
	moved := series.Metric{Name: "server", Type: series.TypeGauge}
	r.record(recording.Recording{Moves: []recording.Move{{Series: newSeries(resourceOf("2.0"), otelusage.KindState, moved), State: "Camelot", Moved: true}}})
	if _, err := r.store.Outbox().Begin(t.Context(), deltaRequest); err != nil { // seals
		t.Fatal(err)
	}
	old := r.store.InstallationID()
	if got := r.run("erase", "--yes"); got.code != exitDone || !strings.Contains(got.out, "The old id is kept until the destination") {
		t.Errorf("code %d, prints %s", got.code, got.out)
	}
	if got := r.run("doctor"); got.code != exitDone || !strings.Contains(got.out, "the destination must still delete what an erased installation sent: 4 requests") {
		t.Errorf("code %d, prints %s", got.code, got.out)
	}
	got := r.run("preview")
	if !strings.HasPrefix(got.out, "Of erased installations the destination must still hear") || !strings.Contains(got.out, old) ||
		!strings.Contains(got.out, "There is nothing to send.") || strings.Contains(got.out, "quests_complete") {
		t.Errorf("prints %s", got.out)
	}
	if got := r.previewed(); len(got) != 4 {
		t.Errorf("%d requests as OTLP, want 4", len(got))
	}
	if got := r.run("erase", "--yes", "--json"); !strings.Contains(got.out, `"retractions": 4`) {
		t.Errorf("prints %s", got.out)
	}
	r.run("consent", "local")
	if got := r.run("erase", "--yes", "--json"); !strings.Contains(got.out, `"retractions": 0`) {
		t.Errorf("prints %s", got.out)
	}
}

func TestPreviewWithoutConsentSaysSo(t *testing.T) {
	r := played(t)
	if _, err := r.store.Outbox().Begin(t.Context(), deltaRequest); err != nil { // seals
		t.Fatal(err)
	}
	if got := r.run("preview"); !strings.HasPrefix(got.out, "A submission is in flight.") {
		t.Errorf("prints %s", got.out)
	}
	r.run("consent", "local")
	if got := r.run("preview"); !strings.HasPrefix(got.out, "Nothing is sent: sending is switched off") {
		t.Errorf("prints %s", got.out)
	}
}

func TestViewServesThePage(t *testing.T) {
	r := played(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	o := Options{File: r.store.Path(), Now: r.clock}
	o.serve = func(ctx context.Context, path, address string, ready func(string), opts ...view.Option) error {
		return view.Serve(ctx, path, address, func(url string) {
			ready(url)
			answer, err := http.Get(url)
			if err != nil {
				t.Error(err)
			} else {
				answer.Body.Close()
				if answer.StatusCode != http.StatusOK {
					t.Errorf("%s answers %s", url, answer.Status)
				}
			}
			http.DefaultClient.CloseIdleConnections()
			cancel() // interrupted
		}, opts...)
	}
	if got := runWith(ctx, o, "view"); got.code != exitDone || !strings.HasPrefix(got.out, "http://127.0.0.1:") || got.errors != "" {
		t.Errorf("%+v", got)
	}
}

// TestViewWithoutTheSecretShowsNothing, and does not say what was asked for.
func TestViewWithoutTheSecretShowsNothing(t *testing.T) {
	r := played(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	o := Options{File: r.store.Path(), Now: r.clock}
	var secret string
	o.serve = func(ctx context.Context, path, address string, ready func(string), opts ...view.Option) error {
		return view.Serve(ctx, path, address, func(at string) {
			ready(at)
			defer cancel() // interrupted
			u, err := url.Parse(at)
			if err != nil {
				t.Fatal(err)
			}
			secret, u.Path = strings.Trim(u.Path, "/"), "/data"
			answer, err := http.Get(u.String())
			if err != nil {
				t.Error(err)
				return
			}
			answer.Body.Close()
			if answer.StatusCode != http.StatusNotFound {
				t.Errorf("%s answers %s", u, answer.Status)
			}
			http.DefaultClient.CloseIdleConnections()
		}, opts...)
	}
	got := runWith(ctx, o, "view", "--json")
	if got.code != exitDone || len(secret) < 26 || strings.Count(got.out, secret) != 1 || got.errors != "" {
		t.Errorf("secret %q: %+v", secret, got)
	}
}

func TestViewListensWhereItIsTold(t *testing.T) {
	o := Options{File: "usage.db"}
	o.serve = func(_ context.Context, path, address string, ready func(string), _ ...view.Option) error {
		if path != "usage.db" || address != "127.0.0.1:7" {
			t.Errorf("path %q, address %q", path, address)
		}
		ready("http://127.0.0.1:7/")
		return context.Canceled
	}
	if got := runWith(t.Context(), o, "view", "--listen", "127.0.0.1:7", "--json"); got.code != exitDone || !strings.Contains(got.out, `"url": "http://127.0.0.1:7/"`) {
		t.Errorf("%+v", got)
	}
}

func TestMountedCommandUsesItsName(t *testing.T) {
	r := played(t)
	o := Options{Name: "mytool usage", Version: "1.2.3", File: r.store.Path(), Now: r.clock}
	if got := runWith(t.Context(), o, "--help"); !strings.Contains(got.out, "mytool usage - show what an application recorded") {
		t.Errorf("help says %s", got.out)
	}
	if got := runWith(t.Context(), o, "--version"); !strings.Contains(got.out, "1.2.3") {
		t.Errorf("version is %s", got.out)
	}
	if got := runWith(t.Context(), o, "shwo"); !strings.HasPrefix(got.errors, "mytool usage: ") {
		t.Errorf("errors are %s", got.errors)
	}
}

func TestCompletion(t *testing.T) {
	r := played(t)
	for _, shell := range []string{"bash", "zsh", "fish", "pwsh"} {
		if got := r.run("completion", shell); got.code != exitDone || !strings.Contains(got.out, "generate-shell-completion") {
			t.Errorf("%s: code %d, %q", shell, got.code, got.out)
		}
	}
	for want, args := range map[string][]string{
		"quests_complete": {"show"}, "--since": {"history", "--si"}, "local": {"consent"}, "report": {"export"},
	} {
		if got := r.run(append(args, "--generate-shell-completion")...); got.code != exitDone || !strings.Contains(got.out, want) {
			t.Errorf("%v offers %q, want %s", args, got.out, want)
		}
	}
	o := Options{File: "/nowhere/usage.db"}
	if got := runWith(t.Context(), o, "show", "--generate-shell-completion"); got.code != exitDone || got.errors != "" {
		t.Errorf("without a mirror: %+v", got)
	}
}

// TestAFailingOutput: a full disk is no success.
func TestAFailingOutput(t *testing.T) {
	r := played(t)
	full := failing{errors.New("disk full")}
	for _, args := range [][]string{{"show"}, {"export", "json"}, {"show", "--json"}} {
		var messages strings.Builder
		code := Run(t.Context(), args, Options{File: r.store.Path(), Now: r.clock, Stdout: full, Stderr: &messages})
		if code != exitFailed || !strings.Contains(messages.String(), "disk full") {
			t.Errorf("%v: code %d, %q", args, code, messages.String())
		}
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }
