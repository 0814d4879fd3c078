// Command inspect shows the page on which a user looks at their own usage. Its
// application has a year of made-up data and continues to count.
//
//	go run ./examples/inspect
//
// It prints the URL. It needs nothing else: it sends to its own receiver on
// loopback. The mirror is a temporary file unless -file names one. An interrupt
// ends it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"

	"github.com/anonymoususage/anonymoususage-go/examples/internal/receiver"
	"github.com/anonymoususage/anonymoususage-go/exporter/otlp"
	"github.com/anonymoususage/anonymoususage-go/localstore/view"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
	"github.com/anonymoususage/anonymoususage-go/otelusage/standalone"
)

const (
	name           = "Quill"
	version        = "2.1.0"
	recordInterval = 2 * time.Second
	workInterval   = time.Second
	headerTimeout  = 10 * time.Second
)

// config says what is recorded: USAGE.md has all of it in words.
func config(file string, forwarder sdkmetric.Exporter, tracker *otelusage.Tracker) standalone.Config {
	return standalone.Config{
		FilePath: file, ApplicationName: name, ApplicationVersion: version, DeclaredOnly: true,
		Forwarder: forwarder, Tracker: tracker, RecordInterval: recordInterval,
	}
}

// run is the application: it counts, and serves its own pages. The one at
// /usage/ is the view.
func run(ctx context.Context, out io.Writer, file, address string) (err error) {
	collector, err := receiver.Start()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, collector.Close()) }()
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		fmt.Fprintln(out, "Making up a year of use ...")
		if err := makeYear(ctx, file, collector.URL(), time.Now()); err != nil {
			return err
		}
	}
	forwarder, err := otlp.New(ctx, otlp.WithEndpointURL(collector.URL()))
	if err != nil {
		return err
	}
	tracker := new(otelusage.Tracker)
	app := declare(tracker)
	cfg := config(file, forwarder, tracker)
	usage, err := standalone.Start(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, usage.Close()) }()

	person := newSession()
	page, err := view.New(usage.Store(), view.WithControls(usage), view.WithAuthorization(person.signedIn),
		view.WithTitle(name), view.WithPlan(cfg), view.WithRecordInterval(recordInterval))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, page.Close()) }()
	mux := http.NewServeMux()
	mux.Handle("/usage/", http.StripPrefix("/usage", page))
	mux.HandleFunc("/signin", person.signIn)

	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: mux, ReadHeaderTimeout: headerTimeout}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	fmt.Fprintf(out, "Look at %s\nThe mirror is %s\nInterrupt to end.\n", person.link(listener.Addr().String()), file)

	app.run(ctx)
	err = server.Close()
	<-ended
	return err
}

// run uses the application until the context ends.
func (a *application) run(ctx context.Context) {
	random := rand.New(rand.NewPCG(1, 5))
	tick := time.NewTicker(workInterval)
	defer tick.Stop()
	for {
		a.work(ctx, random, 0.02)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func main() {
	file := flag.String("file", "", "the mirror (default: a temporary file)")
	listen := flag.String("listen", view.DefaultAddress, "where the page is served")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := start(ctx, *file, *listen); err != nil {
		fmt.Fprintln(os.Stderr, "inspect:", err)
		os.Exit(1)
	}
}

func start(ctx context.Context, file, listen string) (err error) {
	if file == "" {
		dir, err := os.MkdirTemp("", "anonymoususage-inspect-")
		if err != nil {
			return err
		}
		defer func() { _ = os.RemoveAll(dir) }() // the system's temporary directory is cleaned in any case
		file = filepath.Join(dir, "usage.db")
	}
	return run(ctx, os.Stdout, file, listen)
}
