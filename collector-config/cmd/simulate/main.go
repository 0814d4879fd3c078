// Command simulate sends a month of many installations to a Collector that runs
// production.yaml, and checks that Prometheus and the archive have exactly what was
// sent:
//
//	go run ./collector-config/cmd/simulate -installations 100000
//	go run ./collector-config/cmd/simulate -installations 100000 -resend 0.1
//	go run ./collector-config/cmd/simulate -archive DIR    # keep the archive; only Prometheus is checked
//	go run ./collector-config/cmd/simulate -dashboard      # the query and the result of each panel
//
// It builds the Collector if necessary. It needs g++ for DuckDB and, with
// -dashboard, Prometheus.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/anonymoususage/anonymoususage-go/collector-config/internal/child"
	"github.com/anonymoususage/anonymoususage-go/collector-config/internal/fleet"
	"github.com/anonymoususage/anonymoususage-go/collector-config/internal/otelcol"
	"github.com/anonymoususage/anonymoususage-go/collector-config/internal/prometheus"
)

type options struct {
	dir           string // collector-config
	installations int
	resend        float64
	seed          uint64
	dashboard     bool
	archive       string // a directory that is kept; empty means a temporary one
	draw          string // a file
}

func main() {
	var o options
	flag.StringVar(&o.dir, "dir", "collector-config", "where the configurations are")
	flag.IntVar(&o.installations, "installations", 5000, "number of simulated installations")
	flag.Float64Var(&o.resend, "resend", 0, "share of the batches that are sent twice")
	flag.Uint64Var(&o.seed, "seed", 1, "seed of the simulation")
	flag.BoolVar(&o.dashboard, "dashboard", false, "print what the dashboard shows")
	flag.StringVar(&o.archive, "archive", "", "keep the archive in this directory, with sent.csv beside it: the totals that were sent")
	flag.StringVar(&o.draw, "draw", "", "draw what the dashboard shows into this file, an SVG")
	flag.Parse()
	ctx, stop := child.Context()
	defer stop()
	if err := run(ctx, os.Stdout, o); err != nil {
		fmt.Fprintln(os.Stderr, "simulate:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, o options) (err error) {
	program, err := otelcol.Build(ctx, filepath.Join(o.dir, "builder.yaml"))
	if err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "otelusage-simulate-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	archive := o.archive
	if archive == "" {
		archive = filepath.Join(work, "archive")
	}
	at, err := otelcol.FreeAddresses(filepath.Join(archive, "usage.jsonl"))
	if err != nil {
		return err
	}
	p, err := otelcol.Start(ctx, program, at, []string{filepath.Join(o.dir, "production.yaml")})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Stop()) }()
	var server *prometheus.Server
	if o.dashboard || o.draw != "" {
		server, err = prometheus.Start(ctx, filepath.Join(o.dir, "prometheus.yml"), work, map[string]string{
			"localhost:8889": p.Prometheus, "localhost:8888": p.Telemetry, "scrape_interval: 15s": "scrape_interval: 1s"})
		if err != nil {
			return err
		}
		defer server.Stop()
	}
	r, err := fleet.Run(ctx, p.URL(), fleet.Config{Installations: o.installations, Seed: o.seed, Until: time.Now(),
		Resend: o.resend, Hostile: 0.01})
	if err != nil {
		return err
	}
	if err := report(ctx, out, o, p, r); err != nil {
		return err
	}
	if o.dashboard {
		if err := panels(ctx, out, o, server); err != nil {
			return err
		}
	}
	if o.draw != "" {
		return draw(ctx, o, server)
	}
	return nil
}
