// Command example shows a count going into a real OpenTelemetry Collector and
// coming out of the endpoint that Prometheus scrapes.
//
//	go run ./collector-config/example
//
// The Collector is the one of collector-config, run with quick.yaml on free
// ports of loopback. It is built first if necessary, which takes Go, the module
// proxy and some minutes; -build does only that, and prints where the Collector is.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/anonymoususage/anonymoususage-go/collector-config/internal/child"
	"github.com/anonymoususage/anonymoususage-go/collector-config/internal/otelcol"
)

func main() {
	dir := flag.String("config", "collector-config", "the directory of the manifest and quick.yaml")
	buildOnly := flag.Bool("build", false, "build the Collector if necessary, print its path, and do nothing else")
	flag.Parse()
	ctx, stop := child.Context()
	defer stop()
	if err := run(ctx, os.Stdout, *dir, *buildOnly); err != nil {
		fmt.Fprintln(os.Stderr, "example:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, dir string, buildOnly bool) (err error) {
	program, err := build(ctx, filepath.Join(dir, "builder.yaml"))
	if err == nil && buildOnly {
		_, err = fmt.Fprintln(out, program)
		return err
	}
	if err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "otelusage-collector-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	at, err := otelcol.FreeAddresses(filepath.Join(work, "archive", "usage.jsonl"))
	if err != nil {
		return err
	}
	collector, err := otelcol.Start(ctx, program, at, []string{filepath.Join(dir, "quick.yaml")})
	if err != nil {
		return err
	}
	return errors.Join(demonstrate(ctx, out, collector, filepath.Join(work, "usage.db")), collector.Stop())
}

// build builds the Collector, and says so because it takes minutes.
func build(ctx context.Context, manifest string) (string, error) {
	path, err := otelcol.Path(manifest)
	if err != nil {
		return "", fmt.Errorf("run this from the top of the repository, or set -config to collector-config: %w", err)
	}
	if _, err := os.Stat(path); err != nil {
		fmt.Fprintln(os.Stderr, "Building the Collector, which takes some minutes, into", path)
	}
	return otelcol.Build(ctx, manifest)
}
