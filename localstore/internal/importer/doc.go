// Package importer writes what the Python library recorded into the mirror, once.
//
// Totals that are imported count as sent: the library uploaded them. An import that
// fails is reported once and tried again, and until then no lifetime totals are
// sent: a user's years would be replaced with small numbers.
package importer
