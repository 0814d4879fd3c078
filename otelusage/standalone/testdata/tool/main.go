// Command tool is a command-line tool that counts once and ends: what usage
// tracking costs a program that runs for milliseconds.
package main

import "github.com/anonymoususage/anonymoususage-go/otelusage/standalone/testdata/once"

func main() { once.Count(nil, nil) }
