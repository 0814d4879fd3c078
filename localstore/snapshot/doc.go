// Package snapshot shows people what is in a mirror: its totals and their history as
// [Snapshot], CSV, report or JSON; what was added day by day ([Added]) and how long runs
// took ([Distribution]); what the next submission would send ([Preview]) and what was sent
// ([SentPart]).
//
// A [Reader] reads one state of the file, whatever other processes write meanwhile, and
// of journals what is beyond it. What somebody wrote by hand is shown cut, and never loaded whole.
package snapshot
