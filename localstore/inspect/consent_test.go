package inspect

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/anonymoususage/anonymoususage-go/localstore"
	"github.com/anonymoususage/anonymoususage-go/localstore/recording"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
)

// localMirror is that of a program without a destination.
func localMirror(t *testing.T) string {
	path := filepath.Join(t.TempDir(), "usage.db")
	store, err := localstore.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	w, err := store.Writer(false)
	if err != nil {
		t.Fatal(err)
	}
	n := newSeries(resourceOf("1"), otelusage.KindStatistic, series.Metric{Name: "n", Type: series.TypeSum, Monotonic: true})
	if err := w.Record(t.Context(), recording.Recording{Changes: []recording.Change{add(n, 1)}}); err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestWhatIsSaidAboutSendingIsTrue in every command that says something.
func TestWhatIsSaidAboutSendingIsTrue(t *testing.T) {
	played := finished(t)
	for _, tt := range []struct {
		name, path string
		opts       Options
		env        map[string]string
		says       string
	}{
		{"no program with a destination", localMirror(t), Options{}, nil, "no program with a destination has recorded here"},
		{"local only", played, Options{LocalOnly: true}, nil, "there is no destination"},
		{"do not track", played, Options{}, map[string]string{"DO_NOT_TRACK": "yes"}, "DO_NOT_TRACK is set in this environment"},
		{"disabled", played, Options{}, map[string]string{"OTEL_SDK_DISABLED": "true"}, "OTEL_SDK_DISABLED is set in this environment"},
		{"nothing forbids", played, Options{}, map[string]string{"DO_NOT_TRACK": "off"}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := tt.opts
			o.File, o.Getenv = tt.path, func(name string) string { return tt.env[name] }
			for _, args := range [][]string{{"show"}, {"consent"}, {"doctor"}, {"export", "report"}} {
				got := runWith(t.Context(), o, args...)
				if args[0] == "export" && !strings.Contains(got.out, "sent") {
					continue
				}
				if sends := strings.Contains(got.out, "recorded data is sent"); sends != (tt.says == "") || !strings.Contains(got.out, tt.says) {
					t.Errorf("%v prints\n%s%s", args, got.out, got.errors)
				}
			}
			for _, args := range [][]string{{"show", "--json"}, {"consent", "--json"}, {"doctor", "--json"}, {"preview", "--json"}, {"export", "json"}} {
				got := runWith(t.Context(), o, args...)
				var document any
				if err := json.Unmarshal([]byte(got.out), &document); err != nil {
					t.Fatal(err)
				}
				compact, err := json.Marshal(document)
				if err != nil {
					t.Fatal(err)
				}
				if sends := strings.Contains(string(compact), `"sending":true`); sends != (tt.says == "") || !strings.Contains(string(compact), tt.says) {
					t.Errorf("%v prints\n%s%s", args, got.out, got.errors)
				}
			}
		})
	}
}

func TestConsentBeforeTheFirstRun(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app", "usage.db")
	o := Options{File: path, Getenv: func(string) string { return "" }}
	if got := runWith(t.Context(), o, "consent"); got.code != exitNoMirror {
		t.Errorf("nobody decided: %+v", got)
	}
	for _, mode := range []string{"local", "on", "off"} {
		for _, args := range [][]string{{"consent", mode}, {"consent"}} {
			if got := runWith(t.Context(), o, args...); got.code != exitDone || !strings.HasPrefix(got.out, "consent: "+mode+" since ") {
				t.Errorf("%v: %+v", args, got)
			}
		}
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("a mirror was made")
	}
	store, err := localstore.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if c, err := store.Consent(t.Context()); err != nil || c.Mode != localstore.ModeOff {
		t.Errorf("consent is %+v, %v", c, err)
	}
}

// TestADecisionFileThatIsNotOnesOwn: the commands say why it does not count, or
// why what a person decides has no effect, before the first run and after it.
func TestADecisionFileThatIsNotOnesOwn(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "usage.db")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	recorded := finished(t)
	for _, path := range []string{filepath.Join(t.TempDir(), "usage.db"), empty, recorded} {
		o := Options{File: path, Getenv: func(string) string { return "" }}
		if err := os.Mkdir(path+".consent", 0o700); err != nil {
			t.Fatal(err)
		}
		if got := runWith(t.Context(), o, "consent", "on"); got.code != exitPermission ||
			!strings.Contains(got.errors, "the file beside the mirror is stricter: it is a directory; it is left as it is") {
			t.Errorf("%+v", got)
		}
		if info, err := os.Stat(path); path != recorded && err == nil && info.Size() > 0 {
			t.Errorf("a mirror was made to keep what has no effect in: %s", path)
		}
		if got := runWith(t.Context(), o, "consent"); !strings.Contains(got.out+got.errors, "the file beside the mirror that says what was decided is a directory") {
			t.Errorf("%+v", got)
		}
		for _, mode := range []string{"local", "off"} {
			if got := runWith(t.Context(), o, "consent", mode); got.code != exitDone || !strings.HasPrefix(got.out, "consent: "+mode+" since ") {
				t.Errorf("%+v", got)
			}
		}
		if err := os.Remove(path + ".consent"); err != nil {
			t.Fatal(err)
		}
	}
}

// What is said after a decision is true also where a damaged mirror is in the
// way of it, or the environment.
func TestWhatADecisionMeans(t *testing.T) {
	sound, damaged := finished(t), finished(t)
	overwrite(t, damaged, 100)
	disabled := func(name string) string { return map[string]string{"OTEL_SDK_DISABLED": "true"}[name] }
	for name, test := range map[string]struct {
		o    Options
		want string
		not  string
	}{
		"sound":    {Options{File: sound}, "A running application notices", "There is no mirror yet"},
		"damaged":  {Options{File: damaged}, "The mirror is damaged. The decision also applies", "There is no mirror yet"},
		"disabled": {Options{File: sound, Getenv: disabled}, "In this environment an application also records nothing.", "is still not sent"},
	} {
		for _, args := range [][]string{{"consent", "on"}, {"consent"}} {
			if got := runWith(t.Context(), test.o, args...); got.code != exitDone || !strings.Contains(got.out, test.want) || strings.Contains(got.out, test.not) {
				t.Errorf("%s: %v prints\n%s%s", name, args, got.out, got.errors)
			}
		}
	}
	got := runWith(t.Context(), Options{File: sound, Getenv: disabled}, "preview")
	if strings.Contains(got.out, "With consent") {
		t.Errorf("preview with consent, where the environment forbids, prints\n%s", got.out)
	}
}
