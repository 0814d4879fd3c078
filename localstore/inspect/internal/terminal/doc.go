// Package terminal prints for people and programs: numbers, times and tables as a
// person reads them, and nothing from a mirror that a terminal would interpret.
package terminal
