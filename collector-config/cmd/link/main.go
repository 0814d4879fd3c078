// Command link simulates installations over some weeks, and prints how many of their
// submissions a receiver can link, with an installation id, with one that changes,
// and with unlinkable submissions:
//
//	go run ./collector-config/cmd/link -installations 200 -days 60
//	go run ./collector-config/cmd/link -collector    # also whether the sums are exact
//
// With -collector it sends everything to a Collector that runs production.yaml, and
// compares Prometheus and the archive's SQL with what was counted. It builds the
// Collector if necessary, and needs g++ for DuckDB.
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
	"github.com/anonymoususage/anonymoususage-go/collector-config/internal/linking"
)

type options struct {
	dir                 string // collector-config
	installations, days int
	seed                uint64
	collector           bool
}

func main() {
	var o options
	flag.StringVar(&o.dir, "dir", "collector-config", "where the configurations are")
	flag.IntVar(&o.installations, "installations", 200, "number of simulated installations")
	flag.IntVar(&o.days, "days", 60, "how long they are used")
	flag.Uint64Var(&o.seed, "seed", 1, "seed of the simulation")
	flag.BoolVar(&o.collector, "collector", false, "send everything to a Collector, and compare the sums")
	flag.Parse()
	ctx, stop := child.Context()
	defer stop()
	if err := run(ctx, os.Stdout, o); err != nil {
		fmt.Fprintln(os.Stderr, "link:", err)
		os.Exit(1)
	}
}

// ways are the ways to send that are compared.
func ways(c linking.Config) (names []string, configs []linking.Config) {
	rotating, unlinkable := c, c
	rotating.Rotation, unlinkable.Unlinkable = 7*24*time.Hour, true
	return []string{"an installation id", "ids that change each week", "unlinkable"}, []linking.Config{c, rotating, unlinkable}
}

func run(ctx context.Context, out io.Writer, o options) (err error) {
	work, err := os.MkdirTemp("", "otelusage-link-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	names, configs := ways(linking.Config{Installations: o.installations, Days: o.days, Until: time.Now().Add(-time.Hour), Seed: o.seed,
		Erasing: 0.2, Lost: 0.05})
	var all, first []map[string]linking.Hits
	for i, c := range configs {
		r, err := linking.Run(ctx, filepath.Join(work, fmt.Sprint(i)), c)
		if err != nil {
			return err
		}
		found, err := linking.Attack(r)
		if err != nil {
			return err
		}
		all, first = append(all, found.All), append(first, found.First)
		if o.collector {
			if err := compare(ctx, out, o.dir, names[i], r); err != nil {
				return fmt.Errorf("%s: %w", names[i], err)
			}
		}
	}
	if err := linking.WriteTable(out, names, all); err != nil {
		return err
	}
	fmt.Fprint(out, "\nOf these, the first ones under other ids:\n\n")
	return linking.WriteTable(out, names, first)
}
