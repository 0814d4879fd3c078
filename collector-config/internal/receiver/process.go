package receiver

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os/exec"
	"sync"

	"github.com/anonymoususage/anonymoususage-go/collector-config/internal/child"
)

// FreeAddress returns a host:port of loopback that is free now.
func FreeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	return l.Addr().String(), l.Close()
}

// Process is a running program.
type Process struct {
	cmd  *exec.Cmd
	done chan struct{}

	mu  sync.Mutex
	log bytes.Buffer
}

// Start runs a program and returns when the URL is answered with 200. The context
// limits only the start.
func Start(ctx context.Context, ready, program string, args ...string) (*Process, error) {
	p := &Process{cmd: child.Command(context.Background(), program, args...), done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = p, p
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", program, err)
	}
	go func() {
		_ = p.cmd.Wait() // it is killed
		close(p.done)
	}()
	if err := child.Await(ctx, ready, p.done); err != nil {
		p.Kill()
		return nil, fmt.Errorf("start %s: %w\n%s", program, err, p.Log())
	}
	return p, nil
}

// Kill ends it like a crash.
func (p *Process) Kill() {
	child.Kill(p.cmd)
	<-p.done
}

// Log returns what it wrote.
func (p *Process) Log() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.String()
}

// Write takes what it writes.
func (p *Process) Write(text []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.Write(text)
}
