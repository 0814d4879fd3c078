// Package prompt asks the person at the terminal of a process. It asks only where
// somebody can see the question and answer it, and it never waits longer than its
// context lasts.
package prompt
