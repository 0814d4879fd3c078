// Package health checks a mirror: whether its file is sound ([Health]), and whether
// the counts of each series are where they should be ([Balance]). It also lists the
// journals in which counts wait to be recorded ([Journal]).
package health
