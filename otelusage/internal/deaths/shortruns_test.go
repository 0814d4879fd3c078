package deaths

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore"
)

func init() { jobs["tool"], jobs["exit"] = runTool, runAndExit } // they start others of their kind

// runAndExit counts once and exits, without an end of its usage tracking.
func runAndExit(p program) {
	_, k := p.start()
	k.n.Inc()
	os.Exit(0)
}

// runTool counts, as often as it is told to, and closes or is killed while it does.
func runTool(p program) {
	closeIt, k := p.startOnDay()
	n, _ := strconv.Atoi(p.End)
	for range n {
		if p.Close {
			k.n.Inc()
		} else {
			k.f.Add(1)
		}
	}
	k.s.Set(p.State)
	if !p.Close {
		after := time.Duration(rand.Int64N(int64(3 * time.Millisecond)))
		if after < time.Millisecond { // before it closes
			killSelf()
		}
		go func() {
			time.Sleep(after - time.Millisecond)
			killSelf()
		}()
	}
	if err := closeIt(); err != nil {
		fmt.Println("error", err)
	}
	if !p.Close {
		killSelf()
	}
	os.Exit(0)
}

func killSelf() {
	if me, err := os.FindProcess(os.Getpid()); err == nil {
		_ = me.Kill()
	}
	select {}
}

// TestShortRunsAreExact runs short programs eight at a time, while a submission is due
// now and then, days pass, somebody decides, and one in ten is killed. Those that close lose and
// double nothing, and neither do those that are killed right after they counted. After
// each phase everything is erased.
// OTELUSAGE_KILLS says how many there are.
func TestShortRunsAreExact(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
	t.Cleanup(server.Close)
	path := filepath.Join(t.TempDir(), "usage.db")
	const phases = 2
	runs := max(rounds(120)/phases, 1)
	for phase := range phases {
		want, killed := runMany(t, program{Job: "tool", Mirror: path, URL: server.URL}, phase, runs)
		s, err := localstore.Open(path, localstore.WithClock(func() time.Time { return time.Now().AddDate(0, 0, phase*3+3) }))
		must(t, err)
		l, err := s.Balance(t.Context())
		must(t, err)
		var got int64
		var ofKilled float64
		for _, b := range l {
			if b.Off != "" {
				t.Errorf("%s is off: %s", b.Name, b.Off)
			}
			if b.Name == "n" {
				got += b.Recorded.Int64()
			}
			if b.Name == "f" {
				ofKilled += b.Recorded.Float64()
			}
		}
		if got != want {
			t.Errorf("phase %d: the mirror holds %d of %d", phase, got, want)
		}
		if ofKilled != float64(killed) {
			t.Errorf("phase %d: the mirror holds %v of the %d counts of those that were killed", phase, ofKilled, killed)
		}
		// With consent, states of a batch that was under way when its process was killed
		// are kept until the destination has taken them back.
		must(t, s.Disable(t.Context()))
		must(t, s.Erase(t.Context()))
		must(t, s.Close())
		files, err := filepath.Glob(path + ".journal-*")
		must(t, err)
		if len(files) > 60 {
			t.Errorf("%d journals", len(files))
		}
		for _, f := range append(files, path, path+".warm") {
			if b, err := os.ReadFile(f); err == nil && strings.Contains(string(b), "secret") {
				t.Errorf("%s holds what was erased", filepath.Base(f))
			}
		}
	}
}

// TestRunsThatExitShareAJournal: also a program that never closes goes on with what the
// run before it left, and opens no mirror for it.
func TestRunsThatExitShareAJournal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "usage.db")
	first := program{Mirror: path}
	u, k := first.start()
	k.n.Inc()
	must(t, u.Close())
	was, err := os.Stat(path)
	must(t, err)
	const runs = 30
	for range runs {
		if out, err := (program{Job: "exit", Mirror: path}).command(t).CombinedOutput(); err != nil || len(out) > 0 {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	if is, err := os.Stat(path); err != nil || !is.ModTime().Equal(was.ModTime()) {
		t.Errorf("a run wrote the mirror: %v", err)
	}
	files, err := filepath.Glob(path + ".journal-*")
	must(t, err)
	if len(files) != 1 {
		t.Errorf("%d journals, want 1", len(files))
	}
	s, err := localstore.Open(path)
	must(t, err)
	defer s.Close()
	l, err := s.Balance(t.Context())
	must(t, err)
	for _, b := range l {
		if b.Name == "n" && b.Recorded.Int64() != runs+1 {
			t.Errorf("the mirror holds %d of %d", b.Recorded.Int64(), runs+1)
		}
	}
}

// runMany returns what the programs counted that closed, and those that were killed.
func runMany(t *testing.T, p program, phase, runs int) (want, killed int64) {
	t.Helper()
	var all sync.WaitGroup
	turns := make(chan struct{}, 8)
	for i := range runs {
		p := p
		n := rand.IntN(5) + 1
		p.End, p.State, p.Close = strconv.Itoa(n), fmt.Sprint("secret ", i), rand.IntN(10) > 0
		if p.Close {
			want += int64(n)
		} else {
			killed += int64(n)
		}
		p.Day = phase*3 + i*3/runs
		turns <- struct{}{}
		all.Go(func() {
			defer func() { <-turns }()
			out, err := p.command(t).CombinedOutput()
			if p.Close && err != nil {
				t.Error(err)
			}
			for _, text := range errorsIn(out) {
				// What is told of is tried again, or is a forwarder's end on a busy machine.
				if !strings.Contains(text, "mirror is busy") && !strings.Contains(text, "did not come back in time") {
					t.Errorf("a program said %v", text)
				}
			}
		})
		if i%25 == 24 {
			mode := []localstore.Mode{localstore.ModeOn, localstore.ModeLocal}[rand.IntN(2)]
			if _, err := localstore.Decide(context.Background(), p.Mirror, mode); err != nil {
				t.Error(err)
			}
		}
	}
	all.Wait()
	return want, killed
}
