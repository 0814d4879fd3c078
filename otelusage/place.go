package otelusage

import (
	"fmt"
	"path"
	"runtime"
	"strings"
)

// place is where something was declared: the callers of this package, looked up
// only when somebody wants to know.
type place struct {
	callers [placeDepth]uintptr
	n       int
}

// placeDepth reaches the application from the innermost function that declares.
const placeDepth = 8

// here returns the place that a declaration comes from.
func here() (p place) {
	p.n = runtime.Callers(2, p.callers[:])
	return p
}

// String returns the package and file and the line, as in
// "example.com/app/search/index.go:12". The directory that it was built in is
// nobody's business.
func (p place) String() string {
	frames := runtime.CallersFrames(p.callers[:p.n])
	for {
		frame, more := frames.Next()
		pkg := packageOf(frame.Function)
		if pkg != "" && (pkg != ScopeName || strings.HasSuffix(frame.File, "_test.go")) {
			return fmt.Sprintf("%s/%s:%d", pkg, path.Base(frame.File), frame.Line)
		}
		if !more {
			return "a place that is not known"
		}
	}
}

// packageOf returns the import path of a function's package: "main.run" is of
// "main", "example.com/a%2eb.(*T).M" of "example.com/a.b".
func packageOf(function string) string {
	slash := strings.LastIndexByte(function, '/') + 1
	name, _, _ := strings.Cut(function[slash:], ".")
	return function[:slash] + strings.ReplaceAll(name, "%2e", ".")
}
