// Command archive keeps the archive: it makes Parquet of the files that the Collector
// has finished, compresses them, and deletes what is too old or what somebody asks to
// be deleted. The file that the Collector writes is not touched.
//
//	go run -C collector-config/cmd/query ./archive -archive "$PWD/archive/usage*.jsonl"
//
// See ARCHIVE.md. It may be killed at any time and run again.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

type settings struct {
	archive, views string
	toParquet      bool
	json           string
	checkpoints    string
	memory         string
	threads        uint
	days           uint
	delete         []string
	erased         bool
	stopped        bool
	every          time.Duration
}

func main() {
	var s settings
	flag.StringVar(&s.archive, "archive", "../../archive/usage*.jsonl", "the archive's files")
	flag.StringVar(&s.views, "views", "../../sql/duckdb.sql", "the statements that create the views")
	flag.BoolVar(&s.toParquet, "parquet", true, "make Parquet of rotated files")
	flag.StringVar(&s.json, "json", keepJSON, "what becomes of the JSON of rotated files: keep, remove (what is Parquet), gzip, zstd")
	flag.StringVar(&s.checkpoints, "checkpoints", "", "the directory of cmd/checkpoint: JSON without a checkpoint there stays as it is, because an aggregator that starts needs it")
	flag.StringVar(&s.memory, "memory", "1GB", "memory of DuckDB; what does not fit is written to the disk")
	flag.UintVar(&s.threads, "threads", 1, "processors to use")
	flag.UintVar(&s.days, "days", 0, "delete what was received earlier than this many days ago; 0 deletes nothing")
	ids := flag.String("delete", "", "delete what these installations sent: values of app.installation.id, with commas")
	flag.BoolVar(&s.erased, "erased", false, "delete what installations sent that asked for their deletion")
	flag.BoolVar(&s.stopped, "stopped", false, "the Collector is stopped: delete from the file that it writes, too")
	flag.DurationVar(&s.every, "every", 0, "run again and again, with this pause")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	err := s.check(*ids)
	if err == nil {
		err = run(ctx, os.Stdout, s)
	}
	if err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, "archive:", err)
		os.Exit(1)
	}
}

// check refuses settings that would lose data.
func (s *settings) check(ids string) error {
	switch s.json {
	case keepJSON, gzipJSON, zstdJSON:
	case removeJSON:
		if !s.toParquet {
			return errors.New("-json remove needs -parquet: nothing would be left")
		}
	default:
		return fmt.Errorf("-json is keep, remove, gzip or zstd, not %q", s.json)
	}
	if ids == "" {
		return nil
	}
	for id := range strings.SplitSeq(ids, ",") {
		if id = strings.TrimSpace(id); id == "" {
			return errors.New("-delete has an empty id: unlinkable submissions would be deleted")
		}
		s.delete = append(s.delete, id)
	}
	return nil
}

func run(ctx context.Context, out io.Writer, s settings) error {
	for {
		if err := once(ctx, out, s); err != nil || s.every <= 0 {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(s.every):
		}
	}
}

// once does everything one time.
func once(ctx context.Context, out io.Writer, s settings) (err error) {
	k, err := open(ctx, out, s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, k.close()) }()
	return k.run(ctx)
}
