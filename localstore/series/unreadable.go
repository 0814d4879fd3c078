package series

import "errors"

// ErrUnreadable is returned for a value or payload that does not decode, in a
// database that is sound otherwise: this package never wrote it.
var ErrUnreadable = errors.New("localstore: unreadable content")
