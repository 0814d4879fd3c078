// Command checkpoint adds up each archive file that is full, so that an aggregator
// that starts reads the sum instead of the file. In the sum each point counts once:
// resends are left out, also those of a point that is in another file. Run it
// before each start of the aggregator, and once a day:
//
//	checkpoint -archives 'archive/usage*.jsonl' -dir checkpoints -config checkpoints/config.yaml
//	otelcol --config aggregator.yaml --config checkpoints/config.yaml
//
// It can be ended at any time and run beside everything else.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/anonymoususage/anonymoususage-go/collector-config/internal/archive"
	"github.com/anonymoususage/anonymoususage-go/collector-config/internal/child"
)

func main() {
	var c archive.Checkpoints
	flag.StringVar(&c.Archives, "archives", "archive/usage*.jsonl", "the archives, OTELUSAGE_ARCHIVES")
	flag.StringVar(&c.Dir, "dir", "checkpoints", "where the checkpoints are, which must not match -archives")
	flag.DurationVar(&c.Window, "window", 30*24*time.Hour, "for how long before a file resends are looked for")
	config := flag.String("config", "", "write a configuration for the next start of the aggregator")
	flag.Parse()
	ctx, stop := child.Context()
	defer stop()
	if err := run(ctx, os.Stdout, c, *config); err != nil {
		fmt.Fprintln(os.Stderr, "checkpoint:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, c archive.Checkpoints, config string) error {
	err := c.Update(ctx, func(m archive.Made) {
		fmt.Fprintf(out, "%s: %d requests, %d streams, %d points left out that came before, %d requests cut\n",
			m.File, m.Requests, len(m.Totals()), m.Resends, m.Unread)
	})
	if err != nil || config == "" {
		return err
	}
	return c.Configure(config)
}
