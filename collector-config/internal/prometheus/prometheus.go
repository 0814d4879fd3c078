// Package prometheus runs Prometheus with the shipped configuration and sends it
// the dashboard's queries, for the tests and the simulation.
package prometheus

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

const (
	// Program is the command in Debian's package prometheus.
	Program = "prometheus"

	startPatience = time.Minute
	pollInterval  = 20 * time.Millisecond
)

// Server is a running Prometheus.
type Server struct {
	API
	cmd  *exec.Cmd
	log  bytes.Buffer
	done chan struct{}
}

// Start runs Prometheus with a configuration in which texts are replaced, such
// as its targets. dir holds its data.
func Start(ctx context.Context, config, dir string, replace map[string]string) (*Server, error) {
	content, err := os.ReadFile(config)
	if err != nil {
		return nil, fmt.Errorf("start Prometheus: %w", err)
	}
	text := string(content)
	for old, to := range replace {
		if !strings.Contains(text, old) {
			return nil, fmt.Errorf("start Prometheus: %s has no %q", config, old)
		}
		text = strings.ReplaceAll(text, old, to)
	}
	file := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return nil, fmt.Errorf("start Prometheus: %w", err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start Prometheus: %w", err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		return nil, fmt.Errorf("start Prometheus: %w", err)
	}
	s := &Server{API: API("http://" + address), done: make(chan struct{})}
	s.cmd = exec.Command(Program, "--config.file="+file, "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+address)
	s.cmd.Stdout, s.cmd.Stderr = &s.log, &s.log
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start Prometheus: %w", err)
	}
	go func() {
		_ = s.cmd.Wait() // it is killed
		close(s.done)
	}()
	if err := s.ready(ctx); err != nil {
		s.Stop()
		return nil, fmt.Errorf("start Prometheus: %w\n%s", err, &s.log)
	}
	return s, nil
}

func (s *Server) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		_, status, err := get(ctx, string(s.API)+"/-/ready")
		if err == nil && status == http.StatusOK {
			return nil
		}
		select {
		case <-s.done:
			return errors.New("it ended")
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-tick.C:
		}
	}
}

// Stop kills it.
func (s *Server) Stop() {
	_ = s.cmd.Process.Kill() // or it has exited
	<-s.done
}
