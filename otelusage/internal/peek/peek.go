// Package peek lets otelusagetest see every series of a tracker without an
// exported method for it.
package peek

// Values returns the values of an *otelusage.Tracker by name and attributes.
// Package otelusage sets it.
var Values func(tracker any) map[string]string
