package hostile

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// protecting are the parts of production.yaml whose every line keeps something out.
var protecting = []string{"transform/anonymous:", "filter/ours:", "filter/sane:", "transform/names:"}

// single are further lines that do.
var single = []string{"max_request_body_size:", "max_streams:", "compression_algorithms:", `- set(scope.version, "")`, "Double(datapoint.value_int)"}

// Rule is a line of a configuration that keeps something out.
type Rule struct {
	Number int // of the line
	Text   string
}

// Rules returns those of a configuration.
func Rules(config string) []Rule {
	var found []Rule
	inside := false
	for number, line := range strings.Split(config, "\n") {
		text := strings.TrimSpace(line)
		if strings.HasPrefix(line, "  ") && !strings.HasPrefix(line, "   ") && !strings.HasPrefix(text, "#") {
			inside = slices.Contains(protecting, text)
		}
		listed := strings.HasPrefix(text, "- ") || strings.HasPrefix(text, `'`)
		if inside && listed && !strings.HasPrefix(text, "- context:") && text != `- metric.unit != ""` && !strings.HasPrefix(text, `- IsMatch(metric.unit`) ||
			!strings.HasPrefix(text, "#") && slices.ContainsFunc(single, func(s string) bool { return strings.Contains(text, s) }) {
			found = append(found, Rule{number, text})
		}
	}
	return found
}

// Without returns a configuration without a rule.
func (r Rule) Without(config string) string {
	lines := strings.Split(config, "\n")
	return strings.Join(slices.Delete(lines, r.Number, r.Number+1), "\n")
}

// Against returns the attacks that the rule is against.
func (r Rule) Against() []Attack {
	return slices.DeleteFunc(Attacks(), func(a Attack) bool {
		return !slices.ContainsFunc(a.Rules, func(part string) bool { return strings.Contains(r.Text, part) })
	})
}

func (r Rule) String() string { return fmt.Sprintf("line %d: %s", r.Number+1, r.Text) }

// Matches reports whether the rule's text matches.
func (r Rule) Matches(only *regexp.Regexp) bool { return only.MatchString(r.Text) }
