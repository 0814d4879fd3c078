// Package journalpool finds the journals of a mirror, says how they stand and reads them.
// It takes no lock and writes nothing. Package journal writes them.
package journalpool

// Size is how many journals a mirror has at most. It bounds the disk that dead
// processes take and the time that looking for journals takes, without a scan of
// a directory that may hold anything. More processes than that at a time count as
// they would without a journal.
const Size = 256

// Path returns the name of one of a mirror's journals.
func Path(mirror string, index int) string {
	return mirror + infix + string([]byte{digits[index>>4&15], digits[index&15]})
}

const (
	infix  = ".journal-"
	digits = "0123456789abcdef"
)
