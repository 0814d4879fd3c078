// Package forward holds what the forwarders have in common: they take turns and
// end ([Turns]), they make each request over a connection of its own ([Link]),
// and they say in the same words why no answer came ([Unreachable]) and what
// they are ([Format], [Log]). What an answer means is the forwarder's own.
package forward
