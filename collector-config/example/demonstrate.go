package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/anonymoususage/anonymoususage-go/collector-config/internal/exposition"
	"github.com/anonymoususage/anonymoususage-go/collector-config/internal/otelcol"
	"github.com/anonymoususage/anonymoususage-go/exporter/otlp"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
	"github.com/anonymoususage/anonymoususage-go/otelusage/standalone"
)

// demonstrate runs the application twice, the second time in a newer version,
// and prints its lifetimes next to what the Collector shows.
func demonstrate(ctx context.Context, out io.Writer, collector *otelcol.Process, file string) error {
	for i, version := range []string{"1.0.0", "1.1.0"} {
		said, err := application(ctx, file, version, collector.URL())
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "\nRun %d, version %s: what the application counted in all runs\n", i+1, version)
		for _, line := range said {
			fmt.Fprintln(out, "  "+line)
		}
		text, err := collector.Scrape(ctx)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "\nWhat %s shows, added up over versions\n", collector.MetricsURL())
		if err := show(out, text); err != nil {
			return err
		}
	}
	return nil
}

// application is a program that counts and submits, and then ends.
func application(ctx context.Context, file, version, url string) (said []string, err error) {
	forwarder, err := otlp.New(ctx, otlp.WithEndpointURL(url))
	if err != nil {
		return nil, err
	}
	usage, err := standalone.Start(ctx, standalone.Config{
		FilePath: file, ApplicationName: "mygame", ApplicationVersion: version, Forwarder: forwarder,
		Tracker: new(otelusage.Tracker), // one per run: all runs are in this process
	})
	defer func() { err = errors.Join(err, usage.Close()) }()
	if err != nil {
		return nil, err
	}
	tracker := usage.Tracker()
	quests, err1 := tracker.Statistic("quests_complete")
	server, err2 := tracker.State("server", otelusage.NoState)
	playTime, err3 := tracker.Timer("play_time")
	roundTrip, err4 := tracker.Sequence("round_trip", []string{"town", "forest", "town"})
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return nil, err
	}
	quests.Add(2)
	server.Set("Avalon " + version)
	playTime.Record(ctx, 45*time.Minute)
	for _, checkpoint := range roundTrip.Checkpoints() {
		roundTrip.Hit(checkpoint)
	}
	if err := usage.Submit(ctx); err != nil { // now, to see it; otherwise it happens once an hour
		return nil, err
	}
	for t := range tracker.All() {
		said = append(said, t.String())
	}
	return said, nil
}

// show prints the samples of our instruments, except for the buckets.
func show(out io.Writer, text []byte) error {
	samples, err := exposition.Parse(text)
	if err != nil {
		return err
	}
	samples = slices.DeleteFunc(samples, func(s exposition.Sample) bool {
		return s.Labels["otel_scope_name"] == "" || strings.HasSuffix(s.Name, "_bucket")
	})
	sums := exposition.By(samples, "state", "checkpoint", "period", "date")
	aligned := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(aligned, "  metric\tvalue")
	for _, name := range slices.Sorted(maps.Keys(sums)) {
		fmt.Fprintf(aligned, "  %s\t%s\n", name, strconv.FormatFloat(sums[name], 'g', -1, 64))
	}
	return aligned.Flush()
}
