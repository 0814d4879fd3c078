// Command tool starts usage tracking in the directory given, counts once and closes.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/anonymoususage/anonymoususage-go/otelusage/standalone"
)

func main() {
	if err := count(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func count() error {
	usage, err := standalone.Start(context.Background(), standalone.Config{
		FilePath: filepath.Join(os.Args[1], "usage.db"), ApplicationName: "tool",
	})
	if err != nil {
		return err
	}
	runs, err := usage.Tracker().Statistic("runs")
	if err != nil {
		return err
	}
	runs.Inc()
	return usage.Close()
}
