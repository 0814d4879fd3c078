// Command empty does nothing: what every Go program weighs and takes.
package main

func main() {}
