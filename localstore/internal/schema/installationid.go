package schema

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

var ErrInvalidID = errors.New("localstore: invalid installation id")

// maxInstallationID is how many characters HQ keeps of an identifier.
const maxInstallationID = 255

func CheckInstallationID(id string) error {
	if n := utf8.RuneCountInString(id); n == 0 || n > maxInstallationID {
		return fmt.Errorf("%w: %d characters, want 1 to %d", ErrInvalidID, n, maxInstallationID)
	}
	if !utf8.ValidString(id) || strings.ContainsFunc(id, unicode.IsControl) {
		return fmt.Errorf("%w: only UTF-8 text without control characters is allowed", ErrInvalidID)
	}
	return nil
}
