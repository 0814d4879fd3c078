package otelcol

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/anonymoususage/anonymoususage-go/collector-config/internal/child"
)

// Ask runs one of the files in collector-config/sql over an archive, which is a
// file and those it was rotated to. It returns the rows; the first has the names
// of the columns. Values are shown however few installations told them. dir is collector-config. The first call builds DuckDB's driver,
// which needs a C++ compiler.
func Ask(ctx context.Context, dir, archive, question string) ([][]string, error) {
	archive, err := filepath.Abs(archive)
	if err != nil {
		return nil, fmt.Errorf("ask archive: %w", err)
	}
	ext := filepath.Ext(archive)
	var out, said bytes.Buffer
	cmd := child.Command(ctx, "go", "run", "-C", filepath.Join(dir, "cmd", "query"), ".",
		"-k", "1", "-archive", strings.TrimSuffix(archive, ext)+"*"+ext, filepath.Join("..", "..", "sql", question))
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := child.Run(ctx, cmd); err != nil {
		return nil, fmt.Errorf("ask archive %s: %w\n%s", question, err, said.Bytes())
	}
	rows, err := csv.NewReader(&out).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("ask archive %s: %w", question, err)
	}
	return rows, nil
}
