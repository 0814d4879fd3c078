package otelusage

import (
	"fmt"
	"path"
	"runtime"
	"strings"
)

// callSite is where something was declared: the callers of this package, looked up
// only when somebody wants to know.
type callSite struct {
	callers [callSiteDepth]uintptr
	n       int
}

// placeDepth reaches the application from the innermost function that declares.
const callSiteDepth = 8

// here returns the call site that a declaration comes from.
func here() (p callSite) {
	p.n = runtime.Callers(2, p.callers[:])
	return p
}

// String returns the package and file and the line, as in
// "example.com/app/search/index.go:12". The directory that it was built in is
// nobody's business.
func (p callSite) String() string {
	frames := runtime.CallersFrames(p.callers[:p.n])
	for {
		frame, more := frames.Next()
		pkg := packageOf(frame.Function)
		if pkg != "" && (pkg != ScopeName || strings.HasSuffix(frame.File, "_test.go")) {
			return fmt.Sprintf("%s/%s:%d", pkg, path.Base(frame.File), frame.Line)
		}
		if !more {
			return "an unknown call site"
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
