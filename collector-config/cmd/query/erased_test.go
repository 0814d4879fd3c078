package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// erasedArchive has one installation twice as two, the second of which was erased,
// and two unlinkable batches, one of which arrived twice.
func erasedArchive(t *testing.T) (glob string) {
	t.Helper()
	dir := t.TempDir()
	line, err := os.ReadFile("testdata/usage-1.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	one := strings.TrimSpace(string(line))
	of := func(installation, mirror string) string {
		return strings.NewReplacer(`"id-1"`, `"`+installation+`"`, `"mirror-1"`, `"`+mirror+`"`).Replace(one) + "\n"
	}
	const id = `{"key":"app.installation.id","value":{"stringValue":"id-1"}},`
	if !strings.Contains(one, id) {
		t.Fatal("the archive has another form")
	}
	unlinkable := func(batch string) string {
		return strings.Replace(strings.Replace(one, id, "", 1), `"mirror-1"`, `"`+batch+`"`, 1) + "\n"
	}
	const point = `{"startTimeUnixNano":"1","timeUnixNano":"2","asInt":"1"}`
	request := func(mirror string) string {
		return `{"resourceMetrics":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"game"}},` + id +
			`{"key":"service.instance.id","value":{"stringValue":"` + mirror + `"}},{"key":"otelusage.received","value":{"intValue":"1700000009000000000"}}]},` +
			`"scopeMetrics":[{"scope":{"name":"github.com/anonymoususage/anonymoususage-go/otelusage","version":"1.0.0"},` +
			`"metrics":[{"name":"otelusage.erased","sum":{"dataPoints":[` + point + `],"aggregationTemporality":1,"isMonotonic":true}}]}]}]}` + "\n"
	}
	for name, text := range map[string]string{
		"usage-1.jsonl": of("id-1", "mirror-1") + of("id-2", "mirror-2") + unlinkable("batch-1") + unlinkable("batch-2"),
		"usage.jsonl":   request("mirror-2") + request("") + unlinkable("batch-1") + of("id-2", "mirror-2") + request("mirror-2"),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "usage*.jsonl")
}

func asked(t *testing.T, archive, question string) string {
	t.Helper()
	var out bytes.Buffer
	if err := run(t.Context(), &out, archive, "../../sql/duckdb.sql", 1, []string{"../../sql/" + question}); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// TestErasedInstallationsAreLeftOut, resends of unlinkable batches are removed by the
// batch's id, and a request without an id deletes nothing. It is the same once the
// lines are deleted.
func TestErasedInstallationsAreLeftOut(t *testing.T) {
	archive := erasedArchive(t)
	check := func() {
		t.Helper()
		for question, want := range map[string]string{
			"totals.sql": "application,version,kind,metric,attributes,total,total_runs,installations\n" +
				"game,1.0.0,statistic,gold,,-1.5,0,1\ngame,1.0.0,statistic,quests,via=inn,15,0,1\n",
			"resends.sql": "application,kind,metric,attributes,excess,excess_runs,points\n" +
				"game,statistic,gold,,-0.5,0,1\ngame,statistic,quests,via=inn,5,0,1\n",
			"erased.sql": "mirror,application,received_seconds\nmirror-2,game,1700000009\n",
		} {
			got := asked(t, archive, question)
			got = strings.ReplaceAll(got, "game,,,otelusage.erased,,1,0,0\n", "") // what nobody sends
			got = strings.ReplaceAll(got, "game,,,otelusage.erased,,1,0,1\n", "")
			if got != want {
				t.Errorf("%s answers\n%swant\n%s", question, got, want)
			}
		}
		for _, question := range []string{"installations.sql", "trackables.sql", "applications.sql"} {
			if got := asked(t, archive, question); strings.Contains(got, "id-2") || strings.Contains(got, "batch") || !strings.Contains(got, "game") {
				t.Errorf("%s answers\n%s", question, got)
			}
		}
		if got := asked(t, archive, "applications.sql"); !strings.Contains(got, "game,1.0.0,1,3,") {
			t.Errorf("applications.sql answers\n%s", got)
		}
	}
	check()
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("there is no sh to delete lines with")
	}
	files, err := filepath.Glob(archive)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		cmd := exec.CommandContext(t.Context(), sh, append([]string{"../../delete-erased.sh"}, files...)...)
		cmd.Stdin = strings.NewReader(asked(t, archive, "erased.sql"))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		var left []byte
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			left = append(left, text...)
		}
		if bytes.Contains(left, []byte("id-2")) || bytes.Count(left, []byte("mirror-2")) != 2 || bytes.Count(left, []byte("\n")) != 7 {
			t.Errorf("left are\n%s", left)
		}
		check()
	}
	cmd := exec.CommandContext(t.Context(), sh, append([]string{"../../delete-erased.sh"}, files...)...)
	cmd.Stdin = strings.NewReader("mirror,application,received_seconds\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("with nothing to delete: %v: %s", err, out)
	}
	check()
}
