package readme

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	link     = regexp.MustCompile(`\]\(([^)\s]*)\)|<img src="([^"]*)"`)
	heading  = regexp.MustCompile(`(?m)^#+ (.*)$`)
	noAnchor = regexp.MustCompile(`[^a-z0-9 _-]`)
)

// anchors returns what a document's headings are called in its URL.
func anchors(t *testing.T, path string) (names []string) {
	t.Helper()
	content, err := os.ReadFile(path)
	must(t, err)
	for _, m := range heading.FindAllStringSubmatch(string(content), -1) {
		name := noAnchor.ReplaceAllString(strings.ToLower(m[1]), "")
		names = append(names, strings.ReplaceAll(name, " ", "-"))
	}
	return names
}

// TestLinksLeadSomewhere: every link of a document to another place of the
// module leads to a file, and to a heading of it.
func TestLinksLeadSomewhere(t *testing.T) {
	for name, content := range documentsOf(t) {
		for _, m := range link.FindAllStringSubmatch(content, -1) {
			to, anchor, _ := strings.Cut(m[1]+m[2], "#")
			if strings.Contains(to, "://") {
				continue
			}
			path := filepath.Join(root(t), filepath.FromSlash(name))
			if to != "" {
				path = filepath.Join(filepath.Dir(path), filepath.FromSlash(to))
			}
			if _, err := os.Stat(path); err != nil {
				t.Errorf("%s links %s: %v", name, to, err)
				continue
			}
			if anchor != "" && !slices.Contains(anchors(t, path), anchor) {
				t.Errorf("%s links %s, where no heading is called %s", name, to, anchor)
			}
		}
	}
}
