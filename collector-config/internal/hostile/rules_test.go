package hostile

import (
	"os"
	"slices"
	"strings"
	"testing"
)

func production(t *testing.T) string {
	t.Helper()
	content, err := os.ReadFile("../../production.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// TestEachRuleHasAnAttack that it is against, and each attack names rules that
// there are. That the attack does harm without the rule is tested with a Collector.
func TestEachRuleHasAnAttack(t *testing.T) {
	config := production(t)
	rules := Rules(config)
	if len(rules) < 60 {
		t.Fatalf("%d rules were found", len(rules))
	}
	for _, r := range rules {
		if len(r.Against()) == 0 {
			t.Errorf("no attack is what this is against: %v", r)
		}
	}
	for _, a := range Attacks() {
		for _, part := range a.Rules {
			if !slices.ContainsFunc(rules, func(r Rule) bool { return strings.Contains(r.Text, part) }) {
				t.Errorf("%s: production.yaml has no rule with %q", a.Name, part)
			}
		}
	}
}

// TestAttacks can be made, and have names of their own.
func TestAttacks(t *testing.T) {
	seen := make(map[string]bool)
	for _, a := range Attacks() {
		if seen[a.Name] {
			t.Errorf("two attacks are called %s", a.Name)
		}
		seen[a.Name] = true
		bodies, err := a.Bodies()
		if err != nil || len(bodies) == 0 {
			t.Errorf("%s has %d bodies: %v", a.Name, len(bodies), err)
		}
	}
}
