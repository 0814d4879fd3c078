// Command idle links what tool does, and does nothing.
package main

import (
	"context"
	"os"

	"github.com/anonymoususage/anonymoususage-go/otelusage/standalone"
)

func main() {
	if len(os.Args) > 2 { // never: the linker must not know
		_, _ = standalone.Start(context.Background(), standalone.Config{})
	}
}
