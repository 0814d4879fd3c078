package standalone

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	metrics "go.opentelemetry.io/proto/otlp/metrics/v1"

	"github.com/anonymoususage/anonymoususage-go/localstore"
)

// typist is a person who types the given lines, and then closes the input.
type typist struct {
	lines  []string
	away   string // why nobody can be asked
	seen   []string
	before func() // the answer
}

func (p *typist) Absent() string { return p.away }

func (p *typist) Ask(ctx context.Context, question string) (string, error) {
	p.seen = append(p.seen, question)
	if p.before != nil {
		p.before()
	}
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	if len(p.lines) == 0 {
		return "", io.EOF
	}
	line := p.lines[0]
	p.lines = p.lines[1:]
	return line, nil
}

// requiring is a configuration that requires consent, and could send.
func requiring(t *testing.T, path string) Config {
	t.Helper()
	for _, name := range []string{"DO_NOT_TRACK", "OTEL_SDK_DISABLED", "CI"} {
		t.Setenv(name, "")
	}
	c := config(path)
	c.RequireConsent, c.Forwarder = true, new(counting)
	return c
}

const question = "May daemon send counts?"

func TestAskOnceAndRememberTheAnswer(t *testing.T) {
	for name, tt := range map[string]struct {
		lines []string
		mode  localstore.Mode // unset: asked again by the next start
		shown int
	}{
		"y": {[]string{"y"}, localstore.ModeOn, 1}, "Yes, with spaces": {[]string{" YES "}, localstore.ModeOn, 1},
		"n": {[]string{"n"}, localstore.ModeLocal, 1}, "no": {[]string{"No"}, localstore.ModeLocal, 1}, "a bare Enter": {[]string{""}, localstore.ModeLocal, 1},
		"the third answer": {[]string{"what?", "yeah", "y"}, localstore.ModeOn, 3},
		"no clear answer":  {[]string{"what?", "why?", "who?", "y"}, localstore.ModeUnset, 3},
		"the end":          {nil, localstore.ModeUnset, 1},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "usage.db")
			p := &typist{lines: tt.lines}
			for again := range 2 {
				u := start(t, requiring(t, path))
				c, err := u.ask(t.Context(), question, p)
				undecided := tt.mode == localstore.ModeUnset
				if c.Mode != tt.mode || c.Sending != (tt.mode == localstore.ModeOn) || errors.Is(err, ErrUndecided) != undecided || err != nil && !undecided {
					t.Errorf("%+v, %v", c, err)
				}
				if now, err := u.Consent(t.Context()); now != c || err != nil {
					t.Errorf("%+v applies, %v", now, err)
				}
				must(t, u.Close())
				if undecided {
					return
				}
				if len(p.seen) != tt.shown {
					t.Errorf("start %d: shown %d times, want %d", again, len(p.seen), tt.shown)
				}
			}
			for _, seen := range p.seen {
				if seen != question+" [y/N] " {
					t.Errorf("shown %q", seen)
				}
			}
		})
	}
}

// TestAskNobodyWhereItIsDecided, or where there is nothing to decide.
func TestAskNobodyWhereItIsDecided(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(t *testing.T, c *Config)
		want   error
	}{
		"DO_NOT_TRACK":      {func(t *testing.T, _ *Config) { t.Setenv("DO_NOT_TRACK", "1") }, nil},
		"OTEL_SDK_DISABLED": {func(t *testing.T, _ *Config) { t.Setenv("OTEL_SDK_DISABLED", "true") }, nil},
		"Disabled":          {func(_ *testing.T, c *Config) { c.Disabled = true }, nil},
		"no destination":    {func(_ *testing.T, c *Config) { c.Forwarder = nil }, nil},
		"an administrator": {func(t *testing.T, c *Config) {
			must(t, os.WriteFile(c.FilePath+".consent", []byte("# policy\noff\n"), 0o600))
		}, nil},
		"consent is not required": {func(_ *testing.T, c *Config) { c.RequireConsent = false }, ErrUndecided},
		"no mirror can be there":  {func(t *testing.T, c *Config) { must(t, os.Mkdir(c.FilePath, 0o700)) }, ErrNotRecording},
	} {
		t.Run(name, func(t *testing.T) {
			c := requiring(t, filepath.Join(t.TempDir(), "usage.db"))
			tt.change(t, &c)
			p := &typist{lines: []string{"y"}}
			u, _ := Start(t.Context(), c)
			defer u.Close()
			got, err := u.ask(t.Context(), question, p)
			if len(p.seen) != 0 || !errors.Is(err, tt.want) || tt.want == nil && (err != nil || got.Sending || got.Reason == "") {
				t.Errorf("asked %d times: %+v, %v", len(p.seen), got, err)
			}
		})
	}
	var none *Usage
	p := &typist{lines: []string{"y"}}
	for _, u := range []*Usage{none, new(Usage)} {
		if c, err := u.ask(t.Context(), question, p); !errors.Is(err, ErrNotRecording) || c.Mode != localstore.ModeOff || len(p.seen) != 0 {
			t.Errorf("%+v, %v", c, err)
		}
	}
}

// TestAskNobodyWhoIsNotThere remembers nothing.
func TestAskNobodyWhoIsNotThere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "usage.db")
	u := start(t, requiring(t, path))
	p := &typist{away: "nobody is there", lines: []string{"y"}}
	c, err := u.ask(t.Context(), question, p)
	if len(p.seen) != 0 || !errors.Is(err, ErrUndecided) || !strings.HasSuffix(err.Error(), ": nobody is there") || c.Sending || !c.ShouldAsk {
		t.Errorf("%+v, %v", c, err)
	}
	t.Setenv("CI", "true") // who runs this test may have a terminal
	if c, err := u.Ask(t.Context(), question); !errors.Is(err, ErrUndecided) || !c.ShouldAsk {
		t.Errorf("%+v, %v", c, err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	p.away = ""
	if c, err := u.ask(ended, question, p); err == nil || c.Sending || len(p.seen) != 0 {
		t.Errorf("%+v, %v", c, err)
	}
	during, cancel := context.WithCancel(t.Context())
	p.before = cancel
	if _, err := u.ask(during, question, p); !errors.Is(err, ErrUndecided) || !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	second := &typist{lines: []string{"n"}}
	p.before = func() {
		if _, err := u.ask(t.Context(), question, second); !errors.Is(err, ErrUndecided) || len(second.seen) != 0 {
			t.Errorf("asked at the same time: %v", err)
		}
	}
	var none context.Context // as a careless program has it
	if c, err := u.ask(none, question, p); err != nil || !c.Sending {
		t.Errorf("%+v, %v", c, err)
	}
	must(t, u.Close())
}

// TestWhatWasCountedBeforeTheAnswerStaysHere, also if it was counted while a person
// read the question.
func TestWhatWasCountedBeforeTheAnswerStaysHere(t *testing.T) {
	r := newReceiver(t)
	c := requiring(t, filepath.Join(t.TempDir(), "usage.db"))
	c.Forwarder = forwardTo(t, r.URL)
	u := start(t, c)
	n, err := u.Tracker().Statistic("n")
	must(t, err)
	n.Add(7)
	if _, err := u.ask(t.Context(), question, &typist{lines: []string{"y"}, before: func() { n.Add(20) }}); err != nil {
		t.Fatal(err)
	}
	n.Add(300)
	must(t, u.Submit(t.Context()))
	must(t, u.Close())
	if got := received(r, "n"); got != 300 {
		t.Errorf("received %d, want 300", got)
	}
}

// received adds up what arrived of a statistic.
func received(r *receiver, name string) (sum int64) {
	r.each(func(_, _ map[string]string, m *metrics.Metric) {
		if m.Name == name {
			sum += m.GetSum().DataPoints[0].GetAsInt()
		}
	})
	return sum
}

// TestAskWhileTheMirrorCannotBeOpened: a no is remembered at once, a yes applies to
// what is counted after the mirror was opened, and the answer holds for the next
// start.
func TestAskWhileTheMirrorCannotBeOpened(t *testing.T) {
	for reason, block := range blocked {
		for line, want := range map[string]localstore.Mode{"y": localstore.ModeOn, "n": localstore.ModeLocal} {
			t.Run(fmt.Sprint(reason, ", ", line), func(t *testing.T) {
				path := filepath.Join(t.TempDir(), "mirror", "usage.db")
				must(t, os.Mkdir(filepath.Dir(path), 0o700))
				oneRun(t, path)
				mend := block(t, path)
				r := newReceiver(t)
				c := requiring(t, path)
				c.RecordInterval, c.Forwarder = time.Hour, forwardTo(t, r.URL)
				u, err := Start(t.Context(), c)
				if err == nil {
					t.Fatal("Start succeeded")
				}
				n, err := u.Tracker().Statistic("n")
				must(t, err)
				n.Add(20)
				p := &typist{lines: []string{line}}
				got, err := u.ask(t.Context(), question, p)
				if reason == noDirectory { // nor a place for the answer
					if !errors.Is(err, ErrNotRecording) || len(p.seen) != 0 {
						t.Errorf("%+v, %v, asked %d times", got, err, len(p.seen))
					}
					mend()
					must(t, u.Close())
					return
				}
				if err != nil || got.Mode != want || len(p.seen) != 1 {
					t.Fatalf("%+v, %v, asked %d times", got, err, len(p.seen))
				}
				if got, err := u.ask(t.Context(), question, p); err != nil || got.Mode != want || len(p.seen) != 1 {
					t.Errorf("again: %+v, %v, asked %d times", got, err, len(p.seen))
				}
				mend()
				if !u.tryAgain(localstore.DefaultBusyTimeout) {
					t.Fatal(u.Err())
				}
				if got, err := u.Consent(t.Context()); err != nil || got.Mode != want {
					t.Errorf("then %+v, %v", got, err)
				}
				n.Add(300)
				if err := u.Submit(t.Context()); (err == nil) != (line == "y") {
					t.Errorf("submit: %v", err)
				}
				must(t, u.Close())
				if got, want := received(r, "n"), map[string]int64{"y": 300, "n": 0}[line]; got != want {
					t.Errorf("received %d, want %d", got, want)
				}
				if got := lifetime(t, path, "n"); got != 327 {
					t.Errorf("the mirror has %d, want 327", got)
				}
				u = start(t, requiring(t, path))
				if got, err := u.ask(t.Context(), question, p); err != nil || got.Mode != want || len(p.seen) != 1 {
					t.Errorf("the next start: %+v, %v", got, err)
				}
				must(t, u.Close())
			})
		}
	}
}

// TestALaterDecisionHolds: a yes that waits for the mirror does not undo it.
func TestALaterDecisionHolds(t *testing.T) {
	for name, decide := range map[string]func(t *testing.T, u *Usage, path string){
		"Disable": func(t *testing.T, u *Usage, _ string) { must(t, u.Disable(t.Context())) },
		"another one": func(t *testing.T, _ *Usage, path string) {
			must(t, os.WriteFile(path+".consent", []byte("off\n"), 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "mirror", "usage.db")
			must(t, os.Mkdir(filepath.Dir(path), 0o700))
			oneRun(t, path)
			mend := holdLock(t, path)
			c := requiring(t, path)
			c.RecordInterval = time.Hour
			u, _ := Start(t.Context(), c)
			if _, err := u.ask(t.Context(), question, &typist{lines: []string{"y"}}); err != nil {
				t.Fatal(err)
			}
			decide(t, u, path)
			mend()
			must(t, u.Close())
			if got, err := localstore.Decided(path); err != nil || got.Sending || got.Mode == localstore.ModeOn {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
}

// TestAYesForAMirrorThatIsGone by the end of the process is kept for the next start.
func TestAYesForAMirrorThatIsGone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "usage.db")
	oneRun(t, path)
	mend := holdLock(t, path)
	c := requiring(t, path)
	c.RecordInterval = time.Hour
	u, _ := Start(t.Context(), c)
	if _, err := u.ask(t.Context(), question, &typist{lines: []string{"y"}}); err != nil {
		t.Fatal(err)
	}
	mend()
	must(t, os.Remove(path))
	u.keepAgreedAhead() // as at the end of a process whose last try fails
	if got, err := localstore.Decided(path); err != nil || got.Mode != localstore.ModeOn {
		t.Errorf("%+v, %v", got, err)
	}
	must(t, u.Close())
}
