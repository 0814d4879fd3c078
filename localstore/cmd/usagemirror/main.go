// Command usagemirror shows what an application recorded about its use, see
// package inspect.
package main

import (
	"context"
	"os"
	"os/signal"

	"github.com/anonymoususage/anonymoususage-go/localstore/inspect"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := inspect.Run(ctx, os.Args[1:], inspect.Options{})
	stop()
	os.Exit(code)
}
