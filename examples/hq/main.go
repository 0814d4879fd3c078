// Command hq is the game of example rpg. It uploads its usage to HQ, and does
// not ask first.
//
//	go run ./examples/hq
//	go run ./examples/hq -key wrong
//	go run ./examples/hq
//
// It needs nothing else: the example has its own HQ on loopback, which answers
// like the real one. It refuses a wrong key; the next run uploads the totals of
// all runs, including the refused one.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/anonymoususage/anonymoususage-go/examples/internal/game"
	"github.com/anonymoususage/anonymoususage-go/otelusage/setup"
)

// goodKey is the API key that the stand-in accepts.
const goodKey = "ldfhksg23542kj5g73kk3465j"

func main() {
	key := flag.String("key", goodKey, "the API key")
	version := flag.String("version", "1.0.0", "the game's version")
	file := flag.String("file", "", "the mirror (default: usage.db in the user's cache directory)")
	server := flag.String("server", "Avalon", "the server to play on")
	flag.Parse()
	if err := run(context.Background(), *key, *version, *file, *server, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "hq:", err)
		os.Exit(1)
	}
}

func config(file, version, host, key string) setup.Config {
	return setup.Config{
		FilePath: file, ApplicationName: "RPG", ApplicationVersion: version, SubmitInterval: time.Hour, DeclaredOnly: true,
		HQ: &setup.HQ{Host: host, APIKey: key}, // the only difference: the other example has OTLP: &setup.OTLP{...}
	}
}

func run(ctx context.Context, key, version, file, server string, out io.Writer) error {
	if file == "" {
		var err error
		if file, err = game.DefaultFile("hq"); err != nil {
			return err
		}
	}
	hq, err := startHQ(goodKey)
	if err != nil {
		return err
	}
	defer hq.close()
	session := game.Session{Server: server, Out: out, Config: config(file, version, hq.url, key)}
	if err := session.Run(ctx); err != nil {
		return err
	}
	return hq.report(out)
}
