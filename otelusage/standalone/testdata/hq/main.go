// Command hq is a tool that forwards to HQ.
package main

import (
	"github.com/anonymoususage/anonymoususage-go/exporter/hq"
	"github.com/anonymoususage/anonymoususage-go/otelusage/standalone/testdata/once"
)

func main() { once.Count(hq.New(hq.Config{Host: "https://usage.example.com", APIKey: "key"})) }
