package mirrordb

import "github.com/anonymoususage/anonymoususage-go/localstore/internal/sqlitedb"

// Tx is a transaction, and what it knows of the file.
type Tx struct {
	*sqlitedb.Conn
	Header
	Now         int64
	SeriesCount int64 // -1: not counted yet
}
