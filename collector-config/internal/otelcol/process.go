package otelcol

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/anonymoususage/anonymoususage-go/collector-config/internal/child"
)

// stopPatience is how long a Collector may take to stop.
const stopPatience = 30 * time.Second

// Addresses are where a Collector with a shipped configuration listens, each a
// host:port of loopback, and where it keeps the archive.
type Addresses struct {
	OTLP, Prometheus, Health, Telemetry string
	Archive                             string // a file; the directory is made
}

// Archives is the pattern of the archive and the files that it was rotated to.
func (a Addresses) Archives() string {
	ext := filepath.Ext(a.Archive)
	return strings.TrimSuffix(a.Archive, ext) + "*" + ext
}

// FreeAddresses returns addresses on ports that are free now.
func FreeAddresses(archive string) (Addresses, error) {
	var ports [4]string
	for i := range ports {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return Addresses{}, fmt.Errorf("find a free port: %w", err)
		}
		defer l.Close() // only now: otherwise one port might be found twice
		ports[i] = l.Addr().String()
	}
	return Addresses{ports[0], ports[1], ports[2], ports[3], archive}, nil
}

// URL is where metrics are sent.
func (a Addresses) URL() string { return "http://" + a.OTLP + "/v1/metrics" }

// MetricsURL is what Prometheus scrapes.
func (a Addresses) MetricsURL() string { return "http://" + a.Prometheus + "/metrics" }

// environment returns the variables that set the addresses of a shipped
// configuration.
func (a Addresses) environment() []string {
	_, telemetry, _ := net.SplitHostPort(a.Telemetry)
	return append(os.Environ(),
		"OTELUSAGE_OTLP="+a.OTLP, "OTELUSAGE_PROMETHEUS="+a.Prometheus, "OTELUSAGE_HEALTH="+a.Health,
		"OTELUSAGE_TELEMETRY_PORT="+telemetry, "OTELUSAGE_ARCHIVE="+a.Archive, "OTELUSAGE_ARCHIVES="+a.Archives())
}

// Process is a running Collector.
type Process struct {
	Addresses
	cmd  *exec.Cmd
	log  *log
	done chan struct{}
	err  error // once done is closed
}

// Start runs a Collector and returns when it is ready. The context limits only
// the start. env has further environment variables.
func Start(ctx context.Context, program string, at Addresses, configs []string, env ...string) (*Process, error) {
	p := &Process{Addresses: at, log: new(log), done: make(chan struct{})}
	args := make([]string, len(configs))
	for i, c := range configs {
		args[i] = "--config=" + c
	}
	p.cmd = child.Command(context.Background(), program, args...)
	p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = append(at.environment(), env...), p.log, p.log
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start Collector: %w", err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	if err := p.ready(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("start Collector: %w\n%s", err, p.Log()), p.Kill())
	}
	return p, nil
}

// ready waits until the health check responds.
func (p *Process) ready(ctx context.Context) error {
	err := child.Await(ctx, "http://"+p.Health, p.done)
	if errors.Is(err, child.ErrEnded) {
		return fmt.Errorf("%w: %w", err, p.err)
	}
	return err
}

// Stop asks the Collector to exit, and waits for it. The Collector first sends
// what it holds.
func (p *Process) Stop() error {
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return errors.Join(err, p.Kill()) // this system has no signals
	}
	select {
	case <-p.done:
		return p.err
	case <-time.After(stopPatience):
		return errors.Join(errors.New("the Collector does not exit"), p.Kill())
	}
}

// Kill ends the Collector like a crash.
func (p *Process) Kill() error {
	err := p.cmd.Process.Kill()
	<-p.done
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}

// PeakMemory returns the peak memory of the Collector in bytes. It works only on
// Linux.
func (p *Process) PeakMemory() (int64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, fmt.Errorf("read memory: %w", err)
	}
	_, after, _ := strings.Cut(string(status), "VmHWM:")
	var kilobytes int64
	if _, err := fmt.Sscan(after, &kilobytes); err != nil {
		return 0, fmt.Errorf("read memory: %w", err)
	}
	return kilobytes << 10, nil
}

// Log returns the end of what the Collector wrote.
func (p *Process) Log() string { return p.log.String() }

// Validate returns the errors that the Collector finds in configurations.
func Validate(ctx context.Context, program string, at Addresses, configs ...string) error {
	args := []string{"validate"}
	for _, c := range configs {
		args = append(args, "--config="+c)
	}
	cmd := child.Command(ctx, program, args...)
	cmd.Env = at.environment()
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("validate %v: %w\n%s", configs, err, out)
	}
	return nil
}

// Scrape returns what Prometheus would read.
func (p *Process) Scrape(ctx context.Context) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.MetricsURL(), nil)
	if err != nil {
		return nil, fmt.Errorf("scrape Collector: %w", err)
	}
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		return nil, fmt.Errorf("scrape Collector: %w", err)
	}
	body, err := io.ReadAll(resp.Body)
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		return nil, fmt.Errorf("scrape Collector: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("scrape Collector: %s", resp.Status)
	}
	return body, nil
}

// log keeps the end of what is written.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

const keepLog = 64 << 10

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if over := l.text.Len() + len(p) - keepLog; over > 0 {
		l.text.Next(over)
	}
	return l.text.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
