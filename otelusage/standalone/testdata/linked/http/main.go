// Command http links the client of net/http, and starts nothing.
package main

import (
	"net/http"
	"os"
)

func main() {
	if len(os.Args) == 0 { // as never, which the linker does not know
		_, _ = http.Get("")
	}
}
