package clickhouse

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
)

// Server is the URL of ClickHouse's HTTP interface.
type Server string

// Query returns the rows of a query; the first has the names of the columns.
func (s Server) Query(ctx context.Context, query string) ([][]string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, string(s)+"/?default_format=CSVWithNames", strings.NewReader(query))
	if err != nil {
		return nil, fmt.Errorf("query ClickHouse: %w", err)
	}
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		return nil, fmt.Errorf("query ClickHouse: %w", err)
	}
	body, err := io.ReadAll(resp.Body)
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		return nil, fmt.Errorf("query ClickHouse: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("query ClickHouse: %s\n%s", resp.Status, body)
	}
	rows, err := csv.NewReader(strings.NewReader(string(body))).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("query ClickHouse: %w", err)
	}
	return rows, nil
}

// statementEnd is where a shipped statement ends.
var (
	statementEnd = regexp.MustCompile(`(?m);\s*$`)
	comment      = regexp.MustCompile(`(?m)^\s*--.*$`)
)

// Run runs the statements of a file in which texts are replaced. It returns the rows of
// the last.
func (s Server) Run(ctx context.Context, file string, replace ...string) (rows [][]string, err error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read statements: %w", err)
	}
	for i := 0; i < len(replace); i += 2 {
		if !strings.Contains(string(content), replace[i]) {
			return nil, fmt.Errorf("%s has no %q", file, replace[i])
		}
	}
	text := strings.NewReplacer(replace...).Replace(string(content))
	for _, statement := range statementEnd.Split(comment.ReplaceAllString(text, ""), -1) {
		if strings.TrimSpace(statement) == "" {
			continue
		}
		if rows, err = s.Query(ctx, statement); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
	}
	return rows, nil
}
