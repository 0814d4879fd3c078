package main

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestQuestionsTolerateAnyLine: whatever a line of the archive is, every question
// has an answer, which is that of the other lines, and of the line what can be read.
func TestQuestionsTolerateAnyLine(t *testing.T) {
	good, err := os.ReadFile("testdata/usage-1.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	line := strings.TrimSpace(string(good))
	// The bad line is of another installation, or it would be a resend.
	other := strings.ReplaceAll(line, "mirror-1", "mirror-2")
	change := func(from, to string) string {
		if !strings.Contains(other, from) {
			t.Fatalf("the archive has no %s", from)
		}
		return strings.ReplaceAll(other, from, to)
	}
	const five, via, inn = `"asInt":"5"`, `{"key":"via"`, `"stringValue":"inn"`
	alone, both := "5", "10"
	cases := map[string]struct {
		line   string
		quests string // the total of the series that is in each
	}{
		"none":                         {"", alone},
		"a cut line":                   {other[:len(other)/2], alone},
		"a line cut in a text":         {other[:strings.Index(other, "inn")+1], alone},
		"a cut line without an end":    {other[:len(other)/3] + line, alone},
		"binary":                       {"\x00\x01\xff\xfe{[", alone},
		"text":                         {"no JSON", alone},
		"a number":                     {"7", alone},
		"null":                         {"null", alone},
		"a list":                       {"[1,2]", alone},
		"an empty object":              {"{}", alone},
		"resources of a wrong type":    {`{"resourceMetrics":[7,"x",null,[],{"resource":7,"scopeMetrics":"x"}]}`, alone},
		"a key of an object twice":     {change(`{"resourceMetrics":[`, `{"resourceMetrics":[],"resourceMetrics":[`), ""},
		"an attribute twice":           {change(via, `{"key":"via","value":{"stringValue":"x"}},`+via), both},
		"a resource attribute twice":   {change(`{"key":"service.name"`, `{"key":"service.name","value":{"stringValue":"x"}},{"key":"service.name"`), both},
		"an attribute without a key":   {change(via, `{"value":{"stringValue":"x"}},{"key":null},null,7,`+via), ""},
		"an attribute with no value":   {change(via, `{"key":"x"},`+via), alone},
		"a value of a wrong type":      {change(inn, `"stringValue":{"a":[1]}`), ""},
		"invalid UTF-8":                {change("inn", "i\xff\xfen"), alone},
		"half of a surrogate pair":     {change("inn", `i\ud800n`), alone},
		"a NUL":                        {change("inn", `i\u0000n`), alone},
		"a number that is a text":      {change(five, `"asInt":"five"`), alone},
		"a number that is an object":   {change(five, `"asInt":{"a":1}`), alone},
		"a number beyond 2^63":         {change(five, `"asInt":"99999999999999999999999"`), alone},
		"no number":                    {change(five, `"x":1`), alone},
		"NaN":                          {change(`"asDouble":-0.5`, `"asDouble":"NaN"`), both},
		"infinity":                     {change(`"asDouble":-0.5`, `"asDouble":"Infinity"`), both},
		"10^308":                       {change(`"asDouble":-0.5`, `"asDouble":1e308`), both},
		"a time that is a text":        {change(`"1700000000000000000"`, `"x"`), both},
		"a time beyond 2^63":           {change(`"1700000000000000000"`, `"99999999999999999999999"`), both},
		"a flag of a wrong type":       {change(`"isMonotonic":true`, `"isMonotonic":"maybe"`), both},
		"a name of a wrong type":       {change(`"name":"quests"`, `"name":["quests"]`), alone},
		"a metric without a name":      {change(`"name":"quests",`, ``), alone},
		"a histogram of 2^64-1 runs":   {strings.Replace(other, `{"name":"quests"`, `{"name":"play","histogram":{"dataPoints":[{"count":"18446744073709551615","sum":1,"bucketCounts":["18446744073709551615"]}]}},{"name":"quests"`, 1), both},
		"a state of 10^14 of us":       {strings.ReplaceAll(change(`"name":"quests"`, `"name":"x.occupancy"`), five, `"asInt":"100000000000000"`), alone},
		"a line of a hundred thousand": {strings.Repeat("x", 100_000), alone},
	}
	// All of them are in one archive, each with an application of its own.
	var archive strings.Builder
	names := slices.Sorted(maps.Keys(cases))
	for i, name := range names {
		of := strings.NewReplacer(`"game"`, fmt.Sprintf(`"game-%d"`, i), "mirror-", fmt.Sprintf("mirror-%d-", i))
		bad := of.Replace(cases[name].line)
		archive.WriteString(bad + "\n" + of.Replace(line) + "\n" + bad + "\n")
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "usage.jsonl"), []byte(archive.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	questions, err := filepath.Glob("../../sql/*.sql")
	if err != nil || len(questions) < 9 {
		t.Fatalf("%d questions: %v", len(questions), err)
	}
	asked := slices.DeleteFunc(questions, func(q string) bool {
		return filepath.Base(q) == "duckdb.sql" || filepath.Base(q) == "clickhouse.sql"
	})
	var out bytes.Buffer
	if err := run(t.Context(), &out, filepath.Join(dir, "usage*.jsonl"), "../../sql/duckdb.sql", 1, asked); err != nil {
		t.Fatal(err)
	}
	for i, name := range names {
		want := fmt.Sprintf("game-%d,1.0.0,statistic,quests,via=inn,%s", i, cases[name].quests)
		if cases[name].quests != "" {
			want += ",0,"
		}
		if !strings.Contains(out.String(), want) {
			t.Errorf("beside %s the questions do not answer %s", name, want)
		}
	}
	if text := out.String(); strings.Contains(text, "NaN") || strings.Contains(text, "Inf") {
		t.Errorf("a sum is lost:\n%s", text)
	}
}
