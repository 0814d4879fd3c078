package hostile

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/anonymoususage/anonymoususage-go/collector-config/internal/fleet"
)

// longest is the longest text that the archive may have, in bytes.
const longest = 1024

// cleanArchive checks that every reader can read the archive: each line is JSON in
// UTF-8, each key of a list of attributes is there once, and texts are bounded.
func cleanArchive(file string, attacks []Attack) (err error) {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	lines := bufio.NewReaderSize(f, 1<<20)
	for {
		line, readErr := lines.ReadBytes('\n')
		if len(line) > 0 {
			if err := cleanLine(line, attacks); err != nil {
				return fmt.Errorf("the archive has %w", err)
			}
		}
		if readErr != nil {
			return nil // the end
		}
	}
}

func cleanLine(line []byte, attacks []Attack) error {
	if bytes.Contains(line, []byte(`"entityRefs":`)) {
		return nil // no processor can reach them: a reader has to skip the line
	}
	if !utf8.Valid(line) {
		return errors.New("invalid UTF-8")
	}
	var content any
	if err := json.Unmarshal(line, &content); err != nil {
		return fmt.Errorf("no JSON: %w", err)
	}
	for _, a := range attacks {
		if a.Secret != "" && bytes.Contains(line, []byte(a.Secret)) {
			return fmt.Errorf("%q", a.Secret)
		}
	}
	return cleanValue(content)
}

func cleanValue(content any) error {
	switch c := content.(type) {
	case string:
		if len(c) > longest {
			return fmt.Errorf("a text of %d bytes", len(c))
		}
		if strings.ContainsAny(c, "\x00\x1b") {
			return fmt.Errorf("control characters: %q", c)
		}
	case []any:
		keys := make(map[any]bool)
		for _, element := range c {
			if kv, ok := element.(map[string]any); ok && (kv["key"] != nil || kv["value"] != nil && len(kv) == 1) {
				if key, _ := kv["key"].(string); key == "" || keys[key] {
					return fmt.Errorf("the key %q twice, or empty", key)
				}
				keys[kv["key"]] = true
				if value, ok := kv["value"].(map[string]any); ok && (value["kvlistValue"] != nil || value["arrayValue"] != nil || value["bytesValue"] != nil) {
					return fmt.Errorf("a value of %q that is no text", kv["key"])
				}
			}
			if err := cleanValue(element); err != nil {
				return err
			}
		}
	case map[string]any:
		if as, ok := c["asDouble"].(string); ok {
			return fmt.Errorf("a number that is %s", as)
		}
		for key, value := range c {
			if len(key) > longest {
				return fmt.Errorf("a key of %d bytes", len(key))
			}
			if err := cleanValue(value); err != nil {
				return err
			}
		}
	}
	return nil
}

// questions asks the archive every question, and compares the totals.
func (t *trial) questions(ctx context.Context) error {
	files, err := filepath.Glob(filepath.Join(t.Dir, "sql", "*.sql"))
	if err != nil {
		return err
	}
	totals := filepath.Join(t.Dir, "sql", "totals.sql")
	var others []string
	for _, file := range files {
		if name := filepath.Base(file); name != "duckdb.sql" && name != "clickhouse.sql" && name != "totals.sql" {
			others = append(others, file)
		}
	}
	if _, err := t.ask(ctx, others...); err != nil {
		return err
	}
	rows, err := t.ask(ctx, totals)
	if err != nil {
		return err
	}
	got, err := fleet.Archived(rows)
	if err != nil {
		return err
	}
	want := make(fleet.Totals)
	want.Merge(t.sent)
	want.Merge(t.archived)
	if err := fleet.Holds(got, want.WithoutBuckets()); err != nil {
		return fmt.Errorf("totals.sql: %w", err)
	}
	return nil
}

func (t *trial) ask(ctx context.Context, questions ...string) ([][]string, error) {
	args := append([]string{"-k", "1", "-archive", t.collector.Archive, "-views", filepath.Join(t.Dir, "sql", "duckdb.sql")}, questions...)
	cmd := exec.CommandContext(ctx, t.Query, args...)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("a question fails: %w: %s", err, bytes.TrimSpace(said.Bytes()))
	}
	r := csv.NewReader(&out)
	r.FieldsPerRecord = -1
	return r.ReadAll()
}
