// Command hourly is one run of the tool whose mirror is old: it counts, records,
// submits and ends.
package main

import (
	"fmt"
	"os"
	"time"

	"github.com/anonymoususage/anonymoususage-go/otelusage/internal/yearold"
)

func main() {
	if err := yearold.Once(os.Args[1], yearold.Hours, time.Now()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
