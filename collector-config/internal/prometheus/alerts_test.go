package prometheus

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// TestAlertsFireWhenTheyShould: each in a case of alerts_test.yml, and in no other.
func TestAlertsFireWhenTheyShould(t *testing.T) {
	tool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("needs Prometheus: apt-get install prometheus")
	}
	cmd := exec.CommandContext(t.Context(), tool, "test", "rules", "alerts_test.yml")
	cmd.Dir = "../.."
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestEveryAlertIsTestedAndExplained: in alerts_test.yml, and in the README.
func TestEveryAlertIsTestedAndExplained(t *testing.T) {
	read := func(name string) string {
		content, err := os.ReadFile("../../" + name)
		if err != nil {
			t.Fatal(err)
		}
		return string(content)
	}
	rules, tests, readme := read(Rules), read("alerts_test.yml"), read("README.md")
	alerts := regexp.MustCompile(`- alert: (\w+)`).FindAllStringSubmatch(rules, -1)
	if len(alerts) < 5 {
		t.Errorf("there are %d alerts", len(alerts))
	}
	for _, alert := range alerts {
		if !strings.Contains(tests, `ALERTS{alertname="`+alert[1]+`",alertstate="firing"`) {
			t.Errorf("%s fires in no test", alert[1])
		}
		if !strings.Contains(readme, "| `"+alert[1]+"` |") {
			t.Errorf("README.md does not explain %s", alert[1])
		}
	}
	for _, word := range []string{"summary:", "description:", "severity:"} {
		if n := strings.Count(rules, word); n != len(alerts) {
			t.Errorf("%d alerts of %d have a %s", n, len(alerts), word)
		}
	}
}
