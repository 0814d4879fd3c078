// Command inspect is a tool that also has the commands of usagemirror.
package main

import (
	"context"
	"os"

	"github.com/anonymoususage/anonymoususage-go/localstore/inspect"
	"github.com/anonymoususage/anonymoususage-go/otelusage/standalone/testdata/once"
)

func main() {
	if os.Args[1] == "usage" {
		os.Exit(inspect.Run(context.Background(), os.Args[2:], inspect.Options{Name: "tool usage", Application: "tool"}))
	}
	once.Count(nil, nil)
}
