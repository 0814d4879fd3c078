package clickhouse

import (
	"bytes"
	"context"
	_ "embed" // the engine's server
	"fmt"
	"net"
	"os"
	"path/filepath"

	"github.com/anonymoususage/anonymoususage-go/collector-config/internal/child"
	"github.com/anonymoususage/anonymoususage-go/collector-config/internal/receiver"
)

// engine is the version of chDB, which has ClickHouse 26.7.
const engine = "chdb@3.4.0"

//go:embed engine.js
var server []byte

// Install brings the engine into the user's cache if it is not there: half a gigabyte.
// It returns the directory of its packages.
func Install(ctx context.Context) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find cache: %w", err)
	}
	dir := filepath.Join(cache, "anonymoususage-"+engine)
	modules := filepath.Join(dir, "node_modules")
	if _, err := os.Stat(filepath.Join(modules, "chdb", "package.json")); err == nil {
		return modules, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("install ClickHouse: %w", err)
	}
	var said bytes.Buffer
	cmd := child.Command(ctx, "npm", "install", "--no-save", "--ignore-scripts", "--prefix", dir, engine)
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := child.Run(ctx, cmd); err != nil {
		return "", fmt.Errorf("install ClickHouse: %w\n%s", err, said.Bytes())
	}
	return modules, nil
}

// Engine is a running ClickHouse.
type Engine struct {
	Server
	process *receiver.Process
}

// Start runs an engine on an address, with data in a directory that stays.
func Start(ctx context.Context, address, dir string) (*Engine, error) {
	modules, err := Install(ctx)
	if err != nil {
		return nil, err
	}
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("start ClickHouse: %w", err)
	}
	script := filepath.Join(dir, "engine.js")
	if err := os.WriteFile(script, server, 0o600); err != nil {
		return nil, fmt.Errorf("start ClickHouse: %w", err)
	}
	s := Server("http://" + address)
	p, err := receiver.Start(ctx, string(s)+"/ping", "env", "NODE_PATH="+modules, "node", script, port, dir)
	if err != nil {
		return nil, fmt.Errorf("start ClickHouse: %w", err)
	}
	return &Engine{Server: s, process: p}, nil
}

// Kill ends it like a crash.
func (e *Engine) Kill() { e.process.Kill() }

// Log returns what it wrote.
func (e *Engine) Log() string { return e.process.Log() }
