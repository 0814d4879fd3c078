// Package linking tries to find out which submissions are one installation's. It
// simulates installations with the real mirror and exporter, over weeks, with
// upgrades, erasures, changes of ids and lost answers, and is then the receiver that
// has every request, without addresses.
//
// For each batch an attacker picks one of those that came before, and is right if it
// is the same installation's. What it goes by is a [Clue].
package linking
