package series

import "errors"

// ErrUnreadable is met where a sound database holds what this package never
// wrote: a value or payload that does not decode.
var ErrUnreadable = errors.New("localstore: unreadable content")
