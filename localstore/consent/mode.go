package consent

import (
	"fmt"
	"slices"
)

// Mode is what the person at this installation decided. In text and JSON it is
// its name.
type Mode int

// The modes.
const (
	ModeUnset Mode = iota // nobody was asked, or nobody answered
	ModeOff               // record nothing
	ModeLocal             // record, send nothing
	ModeOn                // record and send
)

var modeNames = [...]string{"unset", "off", "local", "on"}

// String returns the mode in lower case.
func (m Mode) String() string {
	if m < 0 || int(m) >= len(modeNames) {
		return fmt.Sprintf("mode(%d)", int(m))
	}
	return modeNames[m]
}

// MarshalText returns the mode's name. It fails for what is no mode.
func (m Mode) MarshalText() ([]byte, error) {
	if m < 0 || int(m) >= len(modeNames) {
		return nil, fmt.Errorf("write mode: unknown %v", m)
	}
	return []byte(modeNames[m]), nil
}

// UnmarshalText takes a mode's name as String returns it.
func (m *Mode) UnmarshalText(text []byte) error {
	i := slices.Index(modeNames[:], string(text))
	if i < 0 {
		return fmt.Errorf("read mode: %.20q is none of unset, off, local and on", text)
	}
	*m = Mode(i)
	return nil
}
