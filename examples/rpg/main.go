// Command rpg is a role-playing game that is configured by a file and asks
// before it sends anything.
//
//	go run ./examples/rpg
//	go run ./examples/rpg -consent yes
//
// It needs nothing else. It asks only on the first run, and only on a terminal: the
// mirror remembers the answer, and the hero's quests. It sends to its own receiver on loopback instead
// of the Collector that the file names: values in code override the file.
package main

import (
	"context"
	_ "embed"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/anonymoususage/anonymoususage-go/examples/internal/game"
	"github.com/anonymoususage/anonymoususage-go/examples/internal/receiver"
	"github.com/anonymoususage/anonymoususage-go/examples/internal/table"
	"github.com/anonymoususage/anonymoususage-go/otelusage/setup"
)

//go:embed usage.ini
var configuration []byte

func main() {
	config := flag.String("config", "", "the configuration file (default: the example's usage.ini)")
	file := flag.String("file", "", "the mirror (default: usage.db in the user's cache directory)")
	server := flag.String("server", "Avalon", "the server to play on")
	answer := flag.String("consent", "", "yes or no: decides without a question")
	flag.Parse()
	if err := run(context.Background(), *config, *file, *server, *answer, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "rpg:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, config, file, server, answer string, out io.Writer) error {
	cfg, err := load(config)
	if err != nil {
		return err
	}
	if file == "" {
		if file, err = game.DefaultFile("rpg"); err != nil {
			return err
		}
	}
	collector, err := receiver.Start()
	if err != nil {
		return err
	}
	defer collector.Close()
	cfg.FilePath = file
	if cfg.OTLP != nil {
		cfg.OTLP.Endpoint = collector.URL()
	}
	session := game.Session{Config: cfg, Server: server, Answer: answer, Out: out}
	if err := session.Run(ctx); err != nil {
		return err
	}
	return received(out, collector)
}

// load reads the configuration file, by default a copy of the example's. Whatever it
// says, nothing is sent before the player agrees.
func load(path string) (cfg setup.Config, err error) {
	defer func() { cfg.RequireConsent = true }()
	if path != "" {
		return setup.LoadFile(path)
	}
	dir, err := os.MkdirTemp("", "rpg")
	if err != nil {
		return setup.Config{}, err
	}
	defer os.RemoveAll(dir)
	path = filepath.Join(dir, "usage.ini")
	if err := os.WriteFile(path, configuration, 0o600); err != nil {
		return setup.Config{}, err
	}
	return setup.LoadFile(path)
}

func received(out io.Writer, collector *receiver.Receiver) error {
	points := collector.Points()
	fmt.Fprintf(out, "\nWhat the receiver got: %d points\n", len(points))
	if len(points) == 0 {
		return nil
	}
	t := &table.Table{Header: []string{"metric", "attributes", "value"}}
	for _, p := range points {
		t.Add(p.Metric, p.Attributes, p.Value())
	}
	return t.Print(out)
}
