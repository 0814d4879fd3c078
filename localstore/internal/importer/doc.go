// Package importer writes what the Python library recorded into the mirror, once.
//
// Totals that are imported count as sent: the library uploaded them. An import that
// fails is reported once and retried. Until it succeeds no lifetime totals are
// sent: they would replace a user's years with small numbers.
package importer
