package archive

import (
	"slices"
	"strings"
	"testing"
)

const one = begins + `{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"a \"{\\\"resourceMetrics\\\":[ b"}}]}}]}`

func TestRequestsAreFoundBehindCutOnes(t *testing.T) {
	for _, c := range []struct {
		name, archive string
		requests      int
	}{
		{"nothing", "", 0},
		{"a line each", one + "\n" + one + "\n", 2},
		{"no end of line", one + "\n" + one, 2},
		{"no line between", one + one, 2},
		{"an empty line first", "\n" + one, 1},
		{"cut, then whole", one[:40] + one + "\n", 1},
		{"cut in the beginning", one[:5] + one + "\n", 1},
		{"cut after a whole one", one + "\n" + one[:5] + one, 2},
		{"cut at the end", one + "\n" + one[:len(one)-1], 1},
		{"something else", "no request\n{}\n" + one, 1},
	} {
		found := 0
		for text, err := range texts(strings.NewReader(c.archive)) {
			if err != nil {
				t.Fatal(err)
			}
			if _, ok := parse(text); ok {
				found++
			}
		}
		if found != c.requests {
			t.Errorf("%s: %d requests, want %d", c.name, found, c.requests)
		}
	}
}

func TestKeyIgnoresTheOrderOfAttributes(t *testing.T) {
	a := attributes{{"a", []byte(`{"intValue":"1"}`)}, {"b", []byte(`{"stringValue":"2"}`)}}
	b := slices.Clone(a)
	slices.Reverse(b)
	if newKey().attributes(a) != newKey().attributes(b) {
		t.Error("another order is another point")
	}
	b[0].Value = []byte(`{"stringValue":"3"}`)
	if newKey().attributes(a) == newKey().attributes(b) {
		t.Error("another value is the same point")
	}
	if newKey().text("ab").text("c") == newKey().text("a").text("bc") {
		t.Error("other texts are the same")
	}
}
