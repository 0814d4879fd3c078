// Command quickstart tracks a session of a game and shows where its counts go.
//
//	go run ./examples/quickstart
//	go run ./examples/quickstart -server Camelot
//
// It needs nothing else: it sends to its own receiver on loopback. Run it more
// than once. The mirror, a SQLite file, remembers all runs; the
// receiver of each run gets what that run added.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"

	"github.com/anonymoususage/anonymoususage-go/examples/internal/receiver"
	"github.com/anonymoususage/anonymoususage-go/exporter/otlp"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
	"github.com/anonymoususage/anonymoususage-go/otelusage/standalone"
)

// What is tracked may be declared anywhere, in any package.
var (
	quests    = otelusage.NewStatistic("quests_complete", otelusage.WithDescription("Quests handed in"))
	server    = otelusage.NewState("server", otelusage.NoState, otelusage.WithDescription("Where the game was played last"), otelusage.WithStates("Avalon", "Camelot"))
	playTime  = otelusage.NewTimer("play_time", otelusage.WithDescription("Length of a session"))
	roundTrip = otelusage.NewSequence("round_trip", []string{"town", "forest", "town"}, otelusage.WithDescription("Out and home again"))
)

// play is the application. It does not depend on mirrors and receivers.
func play(ctx context.Context, world string) {
	server.Set(world)
	roundTrip.Hit("town")
	roundTrip.Hit("forest")
	quests.Add(2)
	roundTrip.Hit("town")
	playTime.Record(ctx, 45*time.Minute) // or: defer playTime.Begin().Stop()
}

// config says what is recorded: USAGE.md has all of it in words.
func config(file string, forwarder sdkmetric.Exporter) standalone.Config {
	return standalone.Config{
		FilePath:           file,
		ApplicationName:    "quickstart",
		ApplicationVersion: "1.0.0",
		DeclaredOnly:       true, // no free text
		Forwarder:          forwarder,
	}
}

// run is the main function of an application, with a report.
func run(ctx context.Context, out io.Writer, file, world string) error {
	collector, err := receiver.Start()
	if err != nil {
		return err
	}
	defer collector.Close()

	forwarder, err := otlp.New(ctx, otlp.WithEndpointURL(collector.URL()))
	if err != nil {
		return err
	}
	usage, err := standalone.Start(ctx, config(file, forwarder))
	if err != nil {
		return err
	}
	defer usage.Close()

	before := lifetimes()
	play(ctx, world)
	if err := usage.Submit(ctx); err != nil { // now, for the report; otherwise once an hour
		fmt.Fprintf(out, "Nothing was sent: %v\n\n", err)
	}
	return report(ctx, out, usage.Store(), before, collector)
}

func main() {
	file := flag.String("file", "", "the mirror (default: usage.db in the user's cache directory)")
	world := flag.String("server", "Avalon", "the server to play on: Avalon or Camelot, any other is recorded as other")
	flag.Parse()
	if err := start(*file, *world); err != nil {
		fmt.Fprintln(os.Stderr, "quickstart:", err)
		os.Exit(1)
	}
}

func start(file, world string) error {
	if file == "" {
		dir, err := os.UserCacheDir()
		if err != nil {
			return fmt.Errorf("find a directory for the mirror, which -file can name: %w", err)
		}
		file = filepath.Join(dir, "anonymoususage-quickstart", "usage.db")
	}
	return run(context.Background(), os.Stdout, file, world)
}
