package localstore

import "github.com/anonymoususage/anonymoususage-go/localstore/snapshot"

// Order is that of the trackables in an export.
type Order = snapshot.Order

// The orders.
const (
	OrderByType = snapshot.OrderByType
	OrderByName = snapshot.OrderByName
)
