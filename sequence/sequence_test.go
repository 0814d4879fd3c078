package sequence

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
)

func mustNew(tb testing.TB, checkpoints ...string) *Sequence {
	tb.Helper()
	s, err := New(checkpoints...)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func TestReferenceTracesReplayExactly(t *testing.T) {
	f, err := os.Open("testdata/sequence-traces.json.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var traces struct {
		Cases []struct {
			Checkpoints []string
			Ops         []struct {
				Op, Arg, Error string
				Returns        *string
				Window         []string
				Checkpoint     *string
				Count          int64
			}
		}
	}
	if err := json.NewDecoder(z).Decode(&traces); err != nil {
		t.Fatal(err)
	}
	ops := 0
	for i, c := range traces.Cases {
		s := mustNew(t, c.Checkpoints...)
		for j, op := range c.Ops {
			ops++
			before := s.Completions()
			var err error
			var completed bool
			switch op.Op {
			case "hit":
				completed, err = s.Hit(op.Arg)
			case "advance_to":
				completed, err = s.AdvanceTo(op.Arg)
			case "remove_last":
				got, ok := s.RemoveLast()
				if ok != (op.Returns != nil) || ok && got != *op.Returns {
					t.Fatalf("case %d op %d: RemoveLast() = %q, %t", i, j, got, ok)
				}
			case "clear":
				s.Clear()
			default:
				t.Fatalf("case %d op %d: unknown operation %q", i, j, op.Op)
			}
			if errors.Is(err, ErrInvalidCheckpoint) != (op.Error == "invalid_checkpoint") || (err != nil) != (op.Error != "") {
				t.Fatalf("case %d op %d: error %v, want %q", i, j, err, op.Error)
			}
			if completed != (s.Completions() > before) {
				t.Fatalf("case %d op %d: completed = %t, %d completions before, %d after", i, j, completed, before, s.Completions())
			}
			if got := s.Reached(); !slices.Equal(got, op.Window) {
				t.Fatalf("case %d op %d: window %v, want %v", i, j, got, op.Window)
			}
			got, ok := s.Checkpoint()
			if ok != (op.Checkpoint != nil) || ok && got != *op.Checkpoint {
				t.Fatalf("case %d op %d: checkpoint %q, %t", i, j, got, ok)
			}
			if s.Completions() != op.Count {
				t.Fatalf("case %d op %d: %d completions, want %d", i, j, s.Completions(), op.Count)
			}
		}
	}
	if len(traces.Cases) != 200 || ops != 6826 {
		t.Fatalf("replayed %d runs with %d operations, want 200 with 6826", len(traces.Cases), ops)
	}
}

func TestNewRefusesAnEmptyPattern(t *testing.T) {
	if s, err := New(); !errors.Is(err, ErrNoCheckpoints) || s != nil {
		t.Fatalf("New() = %v, %v", s, err)
	}
}

func TestUnknownCheckpointChangesNothing(t *testing.T) {
	s := mustNew(t, "A", "B")
	if _, err := s.Hit("A"); err != nil {
		t.Fatal(err)
	}
	for name, f := range map[string]func() error{
		"Hit":       func() error { _, err := s.Hit("Z"); return err },
		"AdvanceTo": func() error { _, err := s.AdvanceTo("Z"); return err },
		"UpTo":      func() error { _, err := s.UpTo("Z"); return err },
	} {
		err := f()
		if !errors.Is(err, ErrInvalidCheckpoint) || !strings.Contains(err.Error(), `"Z"`) {
			t.Errorf("%s: %v", name, err)
		}
		if got := s.Reached(); !slices.Equal(got, []string{"A"}) {
			t.Errorf("%s: window %v", name, got)
		}
	}
}

func TestUpToEndsAtTheFirstOfThatName(t *testing.T) {
	s := mustNew(t, "A", "B", "A", "C")
	for target, want := range map[string]string{"A": "A", "B": "AB", "C": "ABAC"} {
		got, err := s.UpTo(target)
		if err != nil || strings.Join(got, "") != want {
			t.Errorf("UpTo(%s) = %v, %v", target, got, err)
		}
	}
}

func TestResultsAreCopies(t *testing.T) {
	in := []string{"A", "B"}
	s := mustNew(t, in...)
	in[0] = "X"
	s.Checkpoints()[0] = "X"
	upTo, _ := s.UpTo("B")
	upTo[0] = "X"
	if _, err := s.Hit("A"); err != nil {
		t.Fatal(err)
	}
	s.Reached()[0] = "X"
	if done, err := s.Hit("B"); err != nil || !done {
		t.Fatalf("Hit(B) = %t, %v", done, err)
	}
}

// A completion inside an AdvanceTo counts although the hits after it go on.
func TestAdvanceToReportsACompletionOnTheWay(t *testing.T) {
	s := mustNew(t, "A", "B", "A")
	_, _ = s.Hit("A")
	_, _ = s.Hit("B")
	done, err := s.AdvanceTo("B")
	if err != nil || !done || s.Completions() != 1 {
		t.Fatalf("AdvanceTo = %t, %v; %d completions", done, err, s.Completions())
	}
	if got := s.Reached(); !slices.Equal(got, []string{"B"}) {
		t.Fatalf("window %v", got)
	}
}

func TestConcurrentHitsAreAllTaken(t *testing.T) {
	s := mustNew(t, "A")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 1000 {
				_, _ = s.Hit("A")
				_, _ = s.Hit("B")
				s.Reached()
				s.Checkpoint()
				s.RemoveLast()
			}
		})
	}
	wg.Wait()
	if got := s.Completions(); got != 8000 {
		t.Fatalf("%d completions, want 8000", got)
	}
}

func TestHitDoesNotAllocate(t *testing.T) {
	s := mustNew(t, "A", "B", "A", "C")
	checkpoints := s.Checkpoints()
	i := 0
	if n := testing.AllocsPerRun(1000, func() {
		_, _ = s.Hit(checkpoints[i%4])
		i++
	}); n != 0 {
		t.Fatalf("%v allocations per hit", n)
	}
}

// model is the Python library's window as a plain slice.
type model struct {
	pattern, window []string
	count           int64
}

func (m *model) hit(c string) {
	m.window = append(m.window, c)
	if len(m.window) > len(m.pattern) {
		m.window = m.window[1:]
	}
	if slices.Equal(m.window, m.pattern) {
		m.window = nil
		m.count++
	}
}

func FuzzAgainstASlice(f *testing.F) {
	f.Add([]byte("\x02ABC"), []byte("ABCABAC"))
	f.Add([]byte("ABAB"), []byte("ABABAB\x00\x01AB"))
	f.Fuzz(func(t *testing.T, pattern, ops []byte) {
		if len(pattern) == 0 || len(pattern) > 50 || len(ops) > 500 {
			return
		}
		names := make([]string, len(pattern))
		for i, b := range pattern {
			names[i] = string('A' + rune(b%4))
		}
		s := mustNew(t, names...)
		m := &model{pattern: names}
		for _, op := range ops {
			name := string('A' + rune(op%4))
			known := slices.Contains(names, name)
			switch op / 4 % 8 {
			case 0:
				s.Clear()
				m.window = nil
			case 1:
				s.RemoveLast()
				m.window = m.window[:max(0, len(m.window)-1)]
			case 2:
				_, err := s.AdvanceTo(name)
				if (err == nil) != known {
					t.Fatalf("AdvanceTo(%s): %v", name, err)
				}
				for i := 0; known; i++ {
					m.hit(names[i])
					if names[i] == name {
						break
					}
				}
			default:
				_, err := s.Hit(name)
				if (err == nil) != known {
					t.Fatalf("Hit(%s): %v", name, err)
				}
				if known {
					m.hit(name)
				}
			}
			if !slices.Equal(s.Reached(), m.window) || s.Completions() != m.count {
				t.Fatalf("window %v, %d completions; want %v, %d", s.Reached(), s.Completions(), m.window, m.count)
			}
		}
	})
}

func BenchmarkHit(b *testing.B) {
	s := mustNew(b, "A", "B", "C", "D")
	checkpoints := s.Checkpoints()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		_, _ = s.Hit(checkpoints[i&3])
	}
}
