package inspect

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// endGrace is how long an interrupted command may take to end by itself, which
// it does at once but for a file system that does not answer, and the page,
// which lets requests finish.
const endGrace = 3 * time.Second

var errInterrupted = errors.New("interrupted")

// outputs are what a command writes to. Nothing writes to them any more once it
// was left behind.
type outputs struct {
	mu   sync.Mutex
	shut atomic.Bool
}

// of returns a writer to one of them.
func (o *outputs) of(w io.Writer) io.Writer { return output{o, w} }

type output struct {
	*outputs
	w io.Writer
}

func (o output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.shut.Load() {
		return 0, errInterrupted
	}
	return o.w.Write(p)
}

// close shuts them, after a last text to one of them unless a write is under
// way that nobody reads.
func (o *outputs) close(w io.Writer, text string) {
	if !o.mu.TryLock() {
		o.shut.Store(true)
		return
	}
	defer o.mu.Unlock()
	if !o.shut.Swap(true) {
		_, _ = io.WriteString(w, text) // there is nobody left to tell
	}
}

// interruptible runs a command and returns its exit code. One that does not end
// with its context is left behind.
func (s *session) interruptible(ctx context.Context, run func() int) int {
	ended := make(chan int, 1)
	go func() { ended <- run() }()
	select {
	case code := <-ended:
		return code
	case <-ctx.Done():
	}
	late := make(chan struct{})
	defer s.after(s.opts.endGrace, func() { close(late) })()
	select {
	case code := <-ended:
		return code
	case <-late:
	}
	s.outputs.close(s.stderr, fmt.Sprintf("%s: %v\n", s.opts.Name, errInterrupted))
	return exitFailed
}
