package mirrordb

import "errors"

// What callers may test for. Package localstore documents them.
var (
	ErrClosed       = errors.New("localstore: store is closed")
	ErrReadOnly     = errors.New("localstore: store is read-only")
	ErrDamaged      = errors.New("localstore: mirror is damaged")
	ErrBusy         = errors.New("localstore: mirror is busy")
	ErrEmpty        = errors.New("localstore: the file is empty")
	ErrErasePending = errors.New("localstore: erased content may still be in the file")
	ErrNotOpen      = errors.New("localstore: there is no mirror: it was not opened")
)
