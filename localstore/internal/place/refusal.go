package place

import "errors"

// The reasons for which a file is refused. Package localstore documents them.
var (
	ErrNotMirror = errors.New("localstore: not a mirror")
	ErrOptedOut  = errors.New("localstore: nothing is to be recorded")
	ErrUntrusted = errors.New("localstore: other users could have written the mirror")
)
