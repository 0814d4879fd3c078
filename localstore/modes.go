package localstore

import "github.com/anonymoususage/anonymoususage-go/localstore/consent"

// Mode is what the person at this installation decided.
type Mode = consent.Mode

// The modes.
const (
	ModeUnset = consent.ModeUnset // nobody was asked, or nobody answered
	ModeOff   = consent.ModeOff   // record nothing
	ModeLocal = consent.ModeLocal // record, send nothing
	ModeOn    = consent.ModeOn    // record and send
)

// Consent says what holds for this installation, and why.
type Consent = consent.Consent

// Circumstances are what a process knows beside the mirror about whether
// anything is recorded and sent.
type Circumstances = consent.Circumstances
