package localstore

import "github.com/anonymoususage/anonymoususage-go/localstore/snapshot"

// Query says what [Store.Snapshot] reads.
type Query = snapshot.Query

// Snapshot is what a mirror held at one moment.
type Snapshot = snapshot.Snapshot

// Order is that of the trackables in an export.
type Order = snapshot.Order

// The orders.
const (
	OrderByType = snapshot.OrderByType
	OrderByName = snapshot.OrderByName
)
