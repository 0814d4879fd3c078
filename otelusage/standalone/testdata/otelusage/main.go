// Command otelusage counts once in memory.
package main

import "github.com/anonymoususage/anonymoususage-go/otelusage"

func main() { otelusage.NewStatistic("runs").Inc() }
