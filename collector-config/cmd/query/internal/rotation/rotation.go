// Package rotation finds the files of an archive that the Collector has finished.
package rotation

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"time"
)

// File is a file that was rotated: the Collector renamed it when it was full, and
// writes to another one since.
type File struct {
	Path string
	Name string    // without the directory and the ending
	At   time.Time // when it was renamed
}

// Compressed is how the names of compressed files end.
var Compressed = []string{".gz", ".zst"}

// The file exporter writes NAME-TIME-REASON.jsonl, older ones no reason.
var rotated = regexp.MustCompile(`^(.*-(\d{4}-\d{2}-\d{2}T\d{2}-\d{2}-\d{2}\.\d{3})(?:-[a-z]+)?)\.jsonl(?:\.gz|\.zst)?$`)

// Find returns the rotated files, oldest first. pattern is that of the archive's JSON
// files; compressed ones are found too. live are the other files.
func Find(pattern string) (files []File, live []string, err error) {
	var paths []string
	for _, ending := range append([]string{""}, Compressed...) {
		found, err := filepath.Glob(pattern + ending)
		if err != nil {
			return nil, nil, fmt.Errorf("find files: %w", err)
		}
		paths = append(paths, found...)
	}
	for _, path := range paths {
		if f, ok := parse(path); ok {
			files = append(files, f)
			continue
		}
		live = append(live, path)
	}
	slices.SortStableFunc(files, func(a, b File) int { return a.At.Compare(b.At) })
	return files, live, nil
}

func parse(path string) (File, bool) {
	part := rotated.FindStringSubmatch(filepath.Base(path))
	if part == nil {
		return File{}, false
	}
	at, err := time.Parse("2006-01-02T15-04-05.000", part[2])
	if err != nil {
		return File{}, false
	}
	return File{Path: path, Name: part[1], At: at}, true
}
