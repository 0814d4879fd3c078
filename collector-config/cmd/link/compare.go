package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/anonymoususage/anonymoususage-go/collector-config/internal/exposition"
	"github.com/anonymoususage/anonymoususage-go/collector-config/internal/linking"
	"github.com/anonymoususage/anonymoususage-go/collector-config/internal/otelcol"
)

// patience is how long the last batch may take to appear.
const patience = time.Minute

// compare sends all requests to a Collector, and compares what Prometheus and the
// archive's SQL say with what was counted.
func compare(ctx context.Context, out io.Writer, dir, way string, r *linking.Result) (err error) {
	program, err := otelcol.Build(ctx, filepath.Join(dir, "builder.yaml"))
	if err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "otelusage-link-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	at, err := otelcol.FreeAddresses(filepath.Join(work, "archive", "usage.jsonl"))
	if err != nil {
		return err
	}
	p, err := otelcol.Start(ctx, program, at, []string{filepath.Join(dir, "production.yaml")})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Stop()) }()
	for _, request := range r.Requests {
		if err := post(ctx, p.URL(), request.Body); err != nil {
			return err
		}
	}
	arrived, err := r.Arrived()
	if err != nil {
		return err
	}
	if err := awaitShown(ctx, p, arrived); err != nil {
		return fmt.Errorf("what arrived is not in Prometheus: %w", err)
	}
	archived, err := archived(ctx, dir, p.Archive)
	if err != nil {
		return err
	}
	if want := r.Truth.Archived(); !maps.Equal(archived, want) {
		return fmt.Errorf("the archive says %v, want %v", archived, want)
	}
	fmt.Fprintf(out, "%s: %d requests, Prometheus exact, archive exact: %v\n\n", way, len(r.Requests), archived)
	return nil
}

func post(ctx context.Context, url string, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-protobuf")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("send request: %w", err)
	}
	_, err = io.Copy(io.Discard, resp.Body)
	if err = errors.Join(err, resp.Body.Close()); err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("answered %d", resp.StatusCode)
	}
	return err
}

// awaitShown waits until Prometheus would scrape the sums.
func awaitShown(ctx context.Context, p *otelcol.Process, want map[string]int64) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		text, err := p.Scrape(ctx)
		if err != nil {
			return err
		}
		samples, err := exposition.Parse(text)
		if err != nil {
			return err
		}
		got := make(map[string]int64)
		for _, s := range samples {
			switch s.Name {
			case "searches_total":
				got["searches"] += int64(s.Value)
			case "units_occupancy":
				got["in "+s.Labels["state"]] += int64(s.Value)
			case "otelusage_erased_total":
				got["erased"] += int64(s.Value)
			}
		}
		if maps.Equal(got, want) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%v, want %v", got, want)
		case <-tick.C:
		}
	}
}

// archived asks the archive for the sums.
func archived(ctx context.Context, dir, archive string) (map[string]int64, error) {
	sums := make(map[string]int64)
	for question, row := range map[string]func([]string) (name, number string){
		"totals.sql": func(r []string) (string, string) {
			if r[3] == "searches" {
				return "searches", r[5]
			}
			return "", ""
		},
		"states.sql": func(r []string) (string, string) { return "in " + r[2], r[3] },
		"erased.sql": func(r []string) (string, string) { return "erased", "1" },
	} {
		rows, err := otelcol.Ask(ctx, dir, archive, question)
		if err != nil {
			return nil, err
		}
		for _, r := range rows[1:] {
			name, number := row(r)
			if name == "" {
				continue
			}
			n, err := strconv.ParseFloat(number, 64)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", question, err)
			}
			sums[name] += int64(n)
		}
	}
	maps.DeleteFunc(sums, func(_ string, n int64) bool { return n == 0 })
	return sums, nil
}
