package deaths

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/anonymoususage/anonymoususage-go/otelusage"
	"github.com/anonymoususage/anonymoususage-go/otelusage/standalone"
)

// ends are how a program may end.
var ends = []struct {
	name   string
	signal os.Signal // that is sent to it
	exit   int       // -1 for a signal
}{
	{"return", nil, 0},
	{"error", nil, 1},
	{"os.Exit", nil, 3},
	{"log.Fatal", nil, 1},
	{"panic", nil, 2},
	{"panic in another goroutine", nil, 2},
	{"SIGINT", os.Interrupt, -1},
	{"SIGTERM", syscall.SIGTERM, -1},
	{"SIGKILL", os.Kill, -1},
}

// runToEnd is a main function.
func runToEnd(p program) {
	if err := countAndEnd(p); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func countAndEnd(p program) error {
	u, k := p.start()
	if p.Close {
		defer u.Close()
	}
	ctx := context.Background()
	if p.Close {
		c, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
		defer stop()
		ctx = c
	}
	k.count(p.State)
	switch p.End {
	case "return":
		return nil
	case "error":
		return errors.New("an error")
	case "os.Exit":
		os.Exit(3)
	case "log.Fatal":
		log.Fatal("fatal")
	case "panic":
		panic("in main")
	case "panic in another goroutine":
		go panic("elsewhere")
	}
	fmt.Println("counted")
	select {
	case <-ctx.Done():
		return nil
	case <-time.After(time.Minute):
		return errors.New("nobody ended it")
	}
}

// TestEnds: however a program ends, at once after it counted, with or without a Close
// and with or without the database, the next start finds all of it.
func TestEnds(t *testing.T) {
	for _, end := range ends {
		for i := range 2 * len(modes) {
			mode, closes := modes[i/2], i%2 == 0
			t.Run(fmt.Sprintf("%s, closes %v, %s", end.name, closes, mode), func(t *testing.T) {
				t.Parallel()
				if end.signal != nil && !hasSignals && end.signal != os.Kill {
					t.Skip("there are no signals to send")
				}
				p := program{Job: "end", End: end.name, Close: closes, Mirror: filepath.Join(t.TempDir(), "usage.db"), URL: nowhere}
				total, good, runs := counts{}, 0, rounds(2)
				for i := range runs {
					p.State = fmt.Sprint("state ", i%3)
					check := mode.prepare(t, p.Mirror)
					code, err := p.runAndSignal(t, end.signal)
					must(t, err)
					check()
					exit := end.exit
					if end.signal == os.Kill && !hasSignals {
						exit = 1 // as TerminateProcess is told
					}
					if closes && end.signal != nil && end.signal != os.Kill {
						exit = 0 // it has a handler
					}
					if code != exit {
						t.Errorf("it ended with %d, want %d", code, exit)
					}
					total = total.plus(counted(p.State))
					if isFound(t, p.Mirror, total, p.State) {
						good++
					}
				}
				t.Logf("%d of %d", good, runs)
			})
		}
	}
}

// nowhere is a destination that nothing reaches.
const nowhere = "http://127.0.0.1:1"

// runAndSignal runs a program, which is sent a signal once it has counted.
func (p program) runAndSignal(t testing.TB, s os.Signal) (code int, err error) {
	cmd := p.command(t)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return 0, err
	}
	said := make([]byte, 0, 1000)
	for b := make([]byte, 1000); ; {
		n, err := out.Read(b)
		said = append(said, b[:n]...)
		if n > 0 && s != nil && string(said) == "counted\n" {
			must(t, cmd.Process.Signal(s))
		}
		if err != nil {
			break
		}
	}
	_ = cmd.Wait() // its code says it
	if list := errorsIn(said); len(list) > 0 {
		t.Errorf("the program said %v", list)
	}
	return cmd.ProcessState.ExitCode(), nil
}

// isFound starts the next run and checks what that finds, in the mirror and in its
// trackables.
func isFound(t testing.TB, mirror string, want counts, state string) bool {
	t.Helper()
	u := startHere(t, mirror)
	defer func() { must(t, u.Close()) }()
	k, err := declare(u.Tracker())
	must(t, err)
	recorded, pending := inMirror(t, u.Store())
	text, _ := k.s.Value()
	switch {
	case !recorded.equal(want) || !pending.equal(want):
		t.Errorf("recorded %v, to be sent %v, want %v", recorded, pending, want)
	case text != state:
		t.Errorf("the state is %q, want %q", text, state)
	case float64(k.n.Sum()) != want["n"]+want[`n{"format":"pdf"}`] || float64(k.t.Count()) != want["runs of t"] ||
		float64(k.q.Completions()) != want["q"] || k.f.Value() != want["f"]:
		t.Errorf("the lifetimes are %v %v %v %v, want %v", k.n, k.f, k.t, k.q, want)
	default:
		return true
	}
	return false
}

// startHere starts the next run in this process.
func startHere(t testing.TB, mirror string) *standalone.Usage {
	t.Helper()
	u, err := standalone.Start(t.Context(), standalone.Config{
		FilePath: mirror, ApplicationName: "game", Tracker: new(otelusage.Tracker), CheckInterval: standalone.NeverCheck,
		OnError: func(err error) { t.Errorf("the next run: %v", err) },
	})
	must(t, err)
	return u
}
