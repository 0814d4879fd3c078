// Command tool is a command-line tool that counts once and ends: what usage
// tracking costs a program that runs for milliseconds.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/anonymoususage/anonymoususage-go/otelusage/standalone"
)

func main() {
	usage, err := standalone.Start(context.Background(), standalone.Config{FilePath: os.Args[1], ApplicationName: "tool"})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	runs, err := usage.Tracker().Statistic("runs")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	runs.Inc()
	if err := usage.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
