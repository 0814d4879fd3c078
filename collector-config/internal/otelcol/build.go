// Package otelcol builds the Collector that the manifest in collector-config
// describes, and runs it: for the tests, the simulation and the example. It
// needs Go, and the module proxy the first time.
package otelcol

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"

	"github.com/anonymoususage/anonymoususage-go/collector-config/internal/child"
)

// builder is the module of the OpenTelemetry Collector Builder. It has the
// version of the Collector that it builds.
const builder = "go.opentelemetry.io/collector/cmd/builder"

var comments = regexp.MustCompile(`(?m)^\s*(#.*)?\n`)

var version = regexp.MustCompile(`(?m)^  version: ([0-9.]+)$`)

// Path returns where a manifest's Collector is kept after it was built: a
// directory in the user's cache that is named after the manifest's content, without
// its comments. Different manifests therefore have different Collectors.
func Path(manifest string) (string, error) {
	content, err := os.ReadFile(manifest)
	if err != nil {
		return "", fmt.Errorf("read manifest: %w", err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find cache: %w", err)
	}
	sum := sha256.Sum256(append(comments.ReplaceAll(content, nil), runtime.GOOS+runtime.GOARCH...))
	name := "otelcol"
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	return filepath.Join(cache, "anonymoususage-otelcol", hex.EncodeToString(sum[:6]), name), nil
}

// Build returns the path of the manifest's Collector, and builds it if necessary.
// That takes a few minutes. Of two concurrent builds the first to finish is kept.
func Build(ctx context.Context, manifest string) (path string, err error) {
	path, err = Path(manifest)
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	content, err := os.ReadFile(manifest)
	if err != nil {
		return "", fmt.Errorf("read manifest: %w", err)
	}
	found := version.FindSubmatch(content)
	if found == nil {
		return "", fmt.Errorf("build Collector: %s names no version", manifest)
	}
	work, err := os.MkdirTemp("", "otelcol-build-")
	if err != nil {
		return "", fmt.Errorf("build Collector: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	if err := os.WriteFile(filepath.Join(work, "builder.yaml"), content, 0o600); err != nil {
		return "", fmt.Errorf("build Collector: %w", err)
	}
	var said bytes.Buffer
	cmd := child.Command(ctx, "go", "run", builder+"@v"+string(found[1]), "--config", "builder.yaml")
	cmd.Dir, cmd.Stdout, cmd.Stderr = work, &said, &said
	// The module to build is not this one, and not in its workspace.
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=")
	if err := child.Run(ctx, cmd); err != nil {
		return "", fmt.Errorf("build Collector: %w\n%s", err, said.Bytes())
	}
	return path, install(filepath.Join(work, "build", filepath.Base(path)), path)
}

// install copies the program next to its destination and renames it: a program
// at the destination is always complete.
func install(built, path string) error {
	content, err := os.ReadFile(built)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(path), 0o700)
	}
	if err != nil {
		return fmt.Errorf("keep Collector: %w", err)
	}
	beside, err := os.CreateTemp(filepath.Dir(path), "otelcol-*")
	if err != nil {
		return fmt.Errorf("keep Collector: %w", err)
	}
	_, err = beside.Write(content)
	if err = errors.Join(err, beside.Chmod(0o700), beside.Close()); err == nil {
		err = os.Rename(beside.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("keep Collector: %w", errors.Join(err, os.Remove(beside.Name())))
	}
	return nil
}
