package place

import "errors"

// Why a file is refused. Package localstore documents them for its callers.
var (
	ErrNotMirror = errors.New("localstore: not a mirror")
	ErrOptedOut  = errors.New("localstore: nothing is to be recorded")
	ErrUntrusted = errors.New("localstore: other users could have written the mirror")
)
