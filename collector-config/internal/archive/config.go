package archive

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// keepStarts is how many of the files that aggregators start from are kept: a
// Collector that has just read the configuration before this one still finds its
// file.
const keepStarts = 2

// Configure writes a configuration for an aggregator that is started next, in
// addition to aggregator.yaml or production.yaml: it reads the sum of all
// checkpoints, and of the archives the files that have none. The file with the sum
// has a name of its own each time, so an aggregator that runs reads neither what
// is added up for the next one nor anything twice.
func (c Checkpoints) Configure(config string) (err error) {
	unlock, err := lock(filepath.Join(c.Dir, "lock"))
	if err != nil {
		return fmt.Errorf("write configuration: %w", err)
	}
	defer func() { err = errors.Join(err, unlock()) }()
	covered, err := filepath.Glob(filepath.Join(c.Dir, "*.jsonl"))
	if err != nil {
		return fmt.Errorf("find checkpoints: %w", err)
	}
	covered = slices.DeleteFunc(covered, func(file string) bool {
		_, ok := filled(file)
		return !ok
	})
	start, err := c.start(covered)
	if err != nil {
		return err
	}
	files, err := c.full()
	if err != nil {
		return err
	}
	exclude := slices.DeleteFunc(files, func(file string) bool { return !slices.Contains(covered, c.sumsOf(file)) })
	text, err := fragment([]string{c.Archives, start}, exclude)
	if err != nil {
		return fmt.Errorf("write configuration: %w", err)
	}
	if err := replace(config, func(f *os.File) error {
		_, err := f.Write(text)
		return err
	}); err != nil {
		return err
	}
	return c.tidy()
}

// start adds up checkpoints into the file that the next aggregator reads first.
func (c Checkpoints) start(covered []string) (string, error) {
	sums, err := Read(false, covered...)
	if err != nil {
		return "", err
	}
	if sums.Unread > 0 {
		return "", fmt.Errorf("read checkpoints: %d requests in %s cannot be read", sums.Unread, c.Dir)
	}
	hash := sha256.New()
	for _, file := range covered {
		_, _ = fmt.Fprintln(hash, filepath.Base(file)) // a hash never fails
	}
	name := "start-" + hex.EncodeToString(hash.Sum(nil)[:8]) + ".jsonl"
	file := filepath.Join(c.Dir, name)
	return file, replace(file, func(f *os.File) error { return sums.write(f, name) })
}

// fragment is a configuration in YAML, of which JSON is a part.
func fragment(include, exclude []string) ([]byte, error) {
	for _, list := range [][]string{include, exclude} {
		for i, file := range list {
			whole, err := filepath.Abs(file)
			if err != nil {
				return nil, err
			}
			list[i] = strings.ReplaceAll(whole, "$", "$$") // a $ begins a variable
		}
	}
	if exclude == nil {
		exclude = []string{}
	}
	text, err := json.MarshalIndent(map[string]any{"receivers": map[string]any{"otlp_json_file": map[string]any{
		"include": include, "exclude": exclude}}}, "", "  ")
	return append(text, '\n'), err
}

// tidy deletes the files that no aggregator starts from any more.
func (c Checkpoints) tidy() error {
	files, err := filepath.Glob(filepath.Join(c.Dir, "start-*.jsonl"))
	if err != nil {
		return fmt.Errorf("find checkpoints: %w", err)
	}
	infos := make(map[string]fs.FileInfo)
	for _, file := range files {
		if infos[file], err = os.Stat(file); err != nil {
			return fmt.Errorf("find checkpoints: %w", err)
		}
	}
	slices.SortFunc(files, func(a, b string) int { return infos[b].ModTime().Compare(infos[a].ModTime()) })
	for _, file := range files[min(keepStarts, len(files)):] {
		if err := os.Remove(file); err != nil {
			return fmt.Errorf("delete checkpoint: %w", err)
		}
	}
	return nil
}
