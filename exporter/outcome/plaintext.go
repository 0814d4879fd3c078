package outcome

import "errors"

// ErrPlainText is reported to the handler of package exporter, once, where usage is sent
// over plain http:// to another machine: everybody on the way can read and change it.
// It is sent all the same.
var ErrPlainText = errors.New("usage is sent without encryption, use https://")
