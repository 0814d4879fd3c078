package localstore

import "errors"

// What callers may test for. Package localstore documents them.
var (
	errClosed       = errors.New("localstore: store is closed")
	errReadOnly     = errors.New("localstore: store is read-only")
	errDamaged      = errors.New("localstore: mirror is damaged")
	errBusy         = errors.New("localstore: mirror is busy")
	errEmpty        = errors.New("localstore: the file is empty")
	errErasePending = errors.New("localstore: erased content may still be in the file")
	errNotOpen      = errors.New("localstore: there is no mirror: it was not opened")
)
