package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/anonymoususage/anonymoususage-go/collector-config/internal/exposition"
	"github.com/anonymoususage/anonymoususage-go/collector-config/internal/fleet"
	"github.com/anonymoususage/anonymoususage-go/collector-config/internal/otelcol"
)

// patience is how long the last batch may take to appear.
const patience = time.Minute

// report compares what was sent with what is shown and archived, and prints the
// costs.
func report(ctx context.Context, out io.Writer, o options, p *otelcol.Process, r *fleet.Result) error {
	all := r.Requests + r.Resent + r.Hostile
	fmt.Fprintf(out, "installations     %d\nrequests          %d, %d of them resends, %d hostile\nsent in           %v: %.0f requests a second\n",
		o.installations, all, r.Resent, r.Hostile, r.Took.Round(time.Millisecond), float64(all)/r.Took.Seconds())
	want := make(fleet.Totals)
	want.Merge(r.Sent)
	want.Merge(r.Excess)
	want = want.Plotted(time.Now())
	text, err := shown(ctx, p, want)
	if err != nil {
		return fmt.Errorf("what was sent is not in Prometheus: %w", err)
	}
	samples, err := exposition.Parse(text)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "Prometheus        exact: %d series of %d streams, %d bytes a scrape\n", len(samples), len(want), len(text))
	if memory, err := p.PeakMemory(); err == nil {
		fmt.Fprintf(out, "Collector         %d MiB of memory at most\n", memory>>20)
	}
	if o.archive != "" {
		return keep(filepath.Join(o.archive, "sent.csv"), r.Sent.WithoutBuckets())
	}
	size, files := archiveSize(p.Archive)
	began := time.Now()
	rows, err := otelcol.Ask(ctx, o.dir, p.Archive, "totals.sql")
	if err != nil {
		return err
	}
	got, err := fleet.Archived(rows)
	if err == nil {
		err = fleet.Compare(got, r.Sent.WithoutBuckets())
	}
	if err != nil {
		return fmt.Errorf("the archive does not have what was sent: %w", err)
	}
	fmt.Fprintf(out, "archive           exact: %d MiB in %d files, %d bytes a request, asked in %v\n",
		size>>20, files, size/int64(all), time.Since(began).Round(time.Millisecond))
	if excess := len(r.Excess.Plotted(time.Now())); excess > 0 {
		fmt.Fprintf(out, "resends           removed from the archive; Prometheus is too high in %d streams, by exactly the resends\n", excess)
	}
	return nil
}

// shown waits until the last batch is visible, and returns what is shown.
func shown(ctx context.Context, p *otelcol.Process, want fleet.Totals) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		text, err := p.Scrape(ctx)
		if err != nil {
			return nil, err
		}
		got, err := fleet.Shown(text)
		if err == nil {
			err = fleet.Compare(got, want)
		}
		if err == nil {
			return text, nil
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-tick.C:
		}
	}
}

func archiveSize(archive string) (size int64, files int) {
	entries, err := os.ReadDir(filepath.Dir(archive))
	if err != nil {
		return 0, 0
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil {
			size, files = size+info.Size(), files+1
		}
	}
	return size, files
}

// keep writes what sql/totals.sql has to answer, for the archive that is asked later.
func keep(file string, sent fleet.Totals) error {
	var rows []string
	for s, total := range sent {
		rows = append(rows, fmt.Sprintf("%s,%s,%s,%q,%s,%d\n", s.Application, s.Version, s.Metric, s.Attributes,
			strconv.FormatFloat(total.Sum, 'f', -1, 64), total.Count))
	}
	slices.Sort(rows)
	return os.WriteFile(file, []byte(strings.Join(rows, "")), 0o600)
}
