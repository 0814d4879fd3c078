// Command idle links what tool does, and starts nothing.
package main

import (
	"os"

	"github.com/anonymoususage/anonymoususage-go/otelusage/standalone/testdata/once"
)

func main() {
	if len(os.Args) == 0 { // as never, which the linker does not know
		once.Count(nil, nil)
	}
}
