// Package prometheus runs Prometheus with the shipped configuration and sends it
// the dashboard's queries, for the tests and the simulation.
package prometheus

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/anonymoususage/anonymoususage-go/collector-config/internal/child"
)

const (
	// Program is the command in Debian's package prometheus.
	Program = "prometheus"

	// Rules is the file of the alerts, beside the configuration that loads it.
	Rules = "alerts.yml"

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

// Start runs Prometheus with a configuration in which texts are replaced, such as its
// targets, and with the alerts beside it, where it has them. dir holds its data.
func Start(ctx context.Context, config, dir string, replace map[string]string) (*Server, error) {
	file, missing := filepath.Join(dir, "prometheus.yml"), maps.Clone(replace)
	text, err := copyReplaced(config, file, replace, missing)
	if err == nil && strings.Contains(text, Rules) {
		_, err = copyReplaced(filepath.Join(filepath.Dir(config), Rules), filepath.Join(dir, Rules), replace, missing)
	}
	if err == nil && len(missing) > 0 {
		err = fmt.Errorf("%s does not have all of %q", config, slices.Collect(maps.Keys(missing)))
	}
	if err != nil {
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
	s.cmd = child.Command(context.Background(), Program, "--config.file="+file, "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+address)
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

// copyReplaced copies a file, and deletes from missing the texts that it replaced.
func copyReplaced(from, to string, replace, missing map[string]string) (text string, err error) {
	content, err := os.ReadFile(from)
	if err != nil {
		return "", err
	}
	text = string(content)
	for old, by := range replace {
		if strings.Contains(text, old) {
			text = strings.ReplaceAll(text, old, by)
			delete(missing, old)
		}
	}
	return text, os.WriteFile(to, []byte(text), 0o600)
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
