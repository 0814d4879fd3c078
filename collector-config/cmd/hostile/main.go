// Command hostile sends what somebody might send to harm others, each to a
// Collector of its own with a configuration, and prints what it did:
//
//	go run ./collector-config/cmd/hostile -config collector-config/production.yaml
//
// It takes about three seconds for each, and needs Prometheus and a C++ compiler.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	"github.com/anonymoususage/anonymoususage-go/collector-config/internal/hostile"
	"github.com/anonymoususage/anonymoususage-go/collector-config/internal/otelcol"
)

type options struct {
	dir, config, only string
	patience          time.Duration
}

func main() {
	var o options
	flag.StringVar(&o.dir, "dir", "collector-config", "where the Collector's manifest and the SQL are")
	flag.StringVar(&o.config, "config", "", "the configurations, separated by commas; production.yaml in dir if it is empty")
	flag.StringVar(&o.only, "only", "", "only what has this text in its name")
	flag.DurationVar(&o.patience, "patience", 15*time.Second, "how long honest totals may take to be seen")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout, o); err != nil {
		fmt.Fprintln(os.Stderr, "hostile:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, o options) (err error) {
	program, err := otelcol.Build(ctx, filepath.Join(o.dir, "builder.yaml"))
	if err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "otelusage-query-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	s := hostile.Setup{Dir: o.dir, Program: program, Query: filepath.Join(work, "query"), Patience: o.patience}
	configs := []string{filepath.Join(o.dir, "production.yaml")}
	if o.config != "" {
		configs = strings.Split(o.config, ",")
	}
	if err := hostile.BuildQuery(ctx, o.dir, s.Query); err != nil {
		return err
	}
	lab, err := hostile.Open(ctx, s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lab.Close()) }()
	fmt.Fprintln(out, "| sent | honest totals | scrape | memory | archive | questions |\n| --- | --- | --- | --- | --- | --- |")
	harmed := 0
	for _, a := range hostile.Attacks() {
		if !strings.Contains(a.Name, o.only) {
			continue
		}
		harm, err := lab.Try(ctx, configs, a)
		if err != nil {
			return fmt.Errorf("%s: %w", a.Name, err)
		}
		if harm.Any() {
			harmed++
		}
		totals := harm.Honest + harm.Totals
		fmt.Fprintf(out, "| %s | %s | %s | %d MiB %s | %d kB %s | %s |\n", a.Name, cell(totals, "exact"), cell(harm.Scrape, "ok"),
			harm.Peak>>20, cell(harm.Memory, ""), harm.Archived>>10, cell(harm.Archive, ""), cell(harm.Questions, "answered"))
	}
	_, err = fmt.Fprintf(out, "\n%d do harm\n", harmed)
	return err
}

// cell is a text that fits into a table, or what stands for none.
func cell(text, none string) string {
	const most = 120
	if text == "" {
		return none
	}
	text = strings.NewReplacer("|", "\\|", "\n", " ").Replace(text)
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "..."
	}
	return "**" + text + "**"
}
