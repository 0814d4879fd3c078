// Package show prints what a snapshot of a mirror holds: all trackables as a table
// per kind, or one with its history, distribution and series.
package show
