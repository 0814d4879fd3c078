// Package health checks a mirror: whether its file is sound ([Health]), and whether
// the counts of each series are where they should be ([Balance]).
package health
