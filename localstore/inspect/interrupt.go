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

// endGrace is how long an interrupted command may take to end. It takes that long
// only if a file system does not answer, or while the page finishes requests.
const endGrace = 3 * time.Second

var errInterrupted = errors.New("interrupted")

// outputs are what a command writes to. A command that was abandoned cannot write
// to them any more.
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

// close closes them. It first writes a last text to one of them, unless a write is
// blocked because nobody reads.
func (o *outputs) close(w io.Writer, text string) {
	if !o.mu.TryLock() {
		o.shut.Store(true)
		return
	}
	defer o.mu.Unlock()
	if !o.shut.Swap(true) {
		_, _ = io.WriteString(w, text) // there is nobody to report to
	}
}

// interruptible runs a command and returns its exit code. A command
// that does not end with its context is abandoned.
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
