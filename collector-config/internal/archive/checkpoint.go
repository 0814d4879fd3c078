package archive

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Checkpoints are the sums of archive files that are full. Each is made once, in a
// file of its own, with each point counted once: a resend is left out, also if the
// first one is in another file. A checkpoint has no ids and stays when its archive
// file is deleted.
type Checkpoints struct {
	Dir      string        // of the checkpoints; it is made
	Archives string        // the pattern of the archives, OTELUSAGE_ARCHIVES
	Window   time.Duration // for how long before a file resends are looked for
}

// Made says what is in a new checkpoint.
type Made struct {
	File string
	*Sums
}

// rotated is the end of the name of a file that is full: the file exporter has
// renamed it, and writes into it no more. Somebody may have compressed it since.
var rotated = regexp.MustCompile(`-(\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3})-(?:size|time)\.jsonl(?:\.gz|\.zst)?$`)

const gzipped = ".gz"

// endings are those that compression adds.
var endings = []string{gzipped, ".zst"}

// name is a file's without the directory and without an ending of compression.
func name(file string) string {
	base := filepath.Base(file)
	for _, ending := range endings {
		base = strings.TrimSuffix(base, ending)
	}
	return base
}

// filled returns when a file was full.
func filled(file string) (time.Time, bool) {
	match := rotated.FindStringSubmatch(file)
	if match == nil {
		return time.Time{}, false
	}
	at, err := time.Parse("2006-01-02T15-04-05.000", match[1])
	return at, err == nil
}

// full returns the archive files that are full, the oldest first. One that is there
// compressed, too, is returned as it was written.
func (c Checkpoints) full() ([]string, error) {
	var files []string
	for _, ending := range append([]string{""}, endings...) {
		found, err := filepath.Glob(c.Archives + ending)
		if err != nil {
			return nil, fmt.Errorf("find archives: %w", err)
		}
		for _, file := range found {
			if ending == "" || !slices.Contains(files, strings.TrimSuffix(file, ending)) {
				files = append(files, file)
			}
		}
	}
	files = slices.DeleteFunc(files, func(file string) bool {
		_, ok := filled(file)
		return !ok
	})
	slices.SortFunc(files, func(a, b string) int {
		first, _ := filled(a)
		second, _ := filled(b)
		if first.Equal(second) {
			return strings.Compare(a, b)
		}
		return first.Compare(second)
	})
	names := make(map[string]string)
	for _, file := range files {
		if other, ok := names[name(file)]; ok {
			return nil, fmt.Errorf("find archives: %s and %s have one name: give each gateway another OTELUSAGE_ARCHIVE", other, file)
		}
		names[name(file)] = file
	}
	return files, nil
}

// sumsOf is where an archive file's checkpoint is.
func (c Checkpoints) sumsOf(file string) string { return filepath.Join(c.Dir, name(file)) }

// keysOf is where the keys of its points are, by which resends are found.
func (c Checkpoints) keysOf(file string) string { return c.sumsOf(file) + ".keys" }

// Update makes the checkpoints that are missing, and tells each.
func (c Checkpoints) Update(ctx context.Context, tell func(Made)) (err error) {
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return fmt.Errorf("make checkpoints: %w", err)
	}
	unlock, err := lock(filepath.Join(c.Dir, "lock"))
	if err != nil {
		return fmt.Errorf("make checkpoints: %w", err)
	}
	defer func() { err = errors.Join(err, unlock()) }()
	files, err := c.full()
	if err != nil {
		return err
	}
	for _, file := range files {
		if _, err := os.Stat(c.sumsOf(file)); err == nil {
			continue
		}
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("make checkpoints: %w", err)
		}
		sums, err := c.make(file)
		if err != nil {
			return err
		}
		tell(Made{file, sums})
	}
	return c.forget(files)
}

// make adds up a file. The keys of what it counts are kept before its sums: they
// hold for a file that has sums.
func (c Checkpoints) make(file string) (*Sums, error) {
	sums, counted := new(Sums), make(keys)
	if err := sums.read(file, counted.add); err != nil {
		return nil, err
	}
	before, err := c.among(counted, file)
	if err != nil {
		return nil, err
	}
	if len(before) > 0 { // again, without what came before
		sums, counted = new(Sums), make(keys)
		if err := sums.read(file, func(k key) bool {
			_, known := before[k]
			return !known && counted.add(k)
		}); err != nil {
			return nil, err
		}
	}
	if err := replace(c.keysOf(file), counted.write); err != nil {
		return nil, err
	}
	return sums, replace(c.sumsOf(file), func(f *os.File) error { return sums.write(f, name(file)) })
}

// among returns which of the keys are in the checkpoints of other files.
func (c Checkpoints) among(counted keys, file string) (keys, error) {
	others, err := filepath.Glob(filepath.Join(c.Dir, "*.keys"))
	if err != nil {
		return nil, fmt.Errorf("find keys: %w", err)
	}
	at, _ := filled(file)
	before := make(keys)
	for _, other := range others {
		sums := strings.TrimSuffix(other, ".keys")
		if _, err := os.Stat(sums); err != nil || sums == c.sumsOf(file) {
			continue // a run was ended before it wrote the sums
		}
		if then, ok := filled(sums); !ok || then.Before(at.Add(-c.Window)) {
			continue
		}
		if err := counted.common(other, before); err != nil {
			return nil, err
		}
	}
	return before, nil
}

// forget deletes keys that are older than the window before the newest file.
func (c Checkpoints) forget(files []string) error {
	if len(files) == 0 {
		return nil
	}
	newest, _ := filled(files[len(files)-1])
	old, err := filepath.Glob(filepath.Join(c.Dir, "*.keys"))
	if err != nil {
		return fmt.Errorf("find keys: %w", err)
	}
	for _, file := range old {
		at, ok := filled(strings.TrimSuffix(file, ".keys"))
		if !ok || !at.Before(newest.Add(-c.Window)) {
			continue
		}
		if err := os.Remove(file); err != nil {
			return fmt.Errorf("delete keys: %w", err)
		}
	}
	return nil
}

// replace writes a file that is complete or not there, whatever happens.
func replace(file string, write func(*os.File) error) (err error) {
	beside, err := os.CreateTemp(filepath.Dir(file), "writing-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("write %s: %w", file, errors.Join(err, os.Remove(beside.Name())))
		}
	}()
	if err := errors.Join(write(beside), beside.Sync(), beside.Close()); err != nil {
		return err
	}
	return os.Rename(beside.Name(), file)
}
