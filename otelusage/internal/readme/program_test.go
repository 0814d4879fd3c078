package readme

import (
	"encoding/json"
	"fmt"
	"go/format"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	// What the snippets import, so that a change there runs the test again.
	_ "github.com/anonymoususage/anonymoususage-go/exporter/otlp"
	_ "github.com/anonymoususage/anonymoususage-go/localstore/inspect"
	_ "github.com/anonymoususage/anonymoususage-go/localstore/view"
	_ "github.com/anonymoususage/anonymoususage-go/otelusage/standalone"
)

// snippet is what stands around a document's snippet in a reader's program.
type snippet struct {
	name   string
	marker string // by which it is found
	whole  bool   // it is a file and has functions of its own
	before string // what it takes for granted
	after  string // that the program goes on, and what it prints
}

var snippets = []snippet{
	{name: "plan", marker: "func config() ", whole: true},
	{name: "quickstart", marker: "func main() {", whole: true},
	{name: "command", marker: "inspect.Run", before: `ctx, config := context.Background(), standalone.Config{ApplicationName: "mytool"}`},
	{name: "ask", marker: "usage.Ask",
		before: `ctx := context.Background()
			forwarder, _ := otlp.New(ctx, otlp.WithEndpointURL("https://usage.example.com/v1/metrics"))`,
		after: `otelusage.NewStatistic("runs").Inc()`},
	{name: "page", marker: "view.New",
		before: `ctx, mux := context.Background(), http.NewServeMux()
			signedIn := func(r *http.Request) bool { return r.Header.Get("Authorization") != "" }`,
		after: `otelusage.NewStatistic("looked").Inc()
			for _, authorization := range []string{"", "Bearer x"} {
				r := httptest.NewRequest("GET", "/usage/", nil)
				r.Host = "localhost"
				r.Header.Set("Authorization", authorization)
				w := httptest.NewRecorder()
				mux.ServeHTTP(w, r)
				fmt.Println("status", w.Code)
			}`},
	{name: "beside", marker: "sdkmetric.NewMeterProvider",
		before: `ctx, appReader := context.Background(), sdkmetric.NewManualReader()
			forwarder, err := otlp.New(ctx, otlp.WithEndpointURL("https://usage.example.com/v1/metrics"))
			if err != nil {
				log.Print(err)
			}`,
		after: `n, err := tracker.Statistic("searches")
			if err != nil {
				log.Print(err)
			}
			n.Add(2)
			t, _ := tracker.Timer("open")
			t.Start()
			fmt.Println("counted", n.Value())`},
}

const modulePath = "github.com/anonymoususage/anonymoususage-go/"

// imports are the packages of the snippets, by the names they have there.
var imports = map[string]string{
	"context": "context", "errors": "errors", "fmt": "fmt", "http": "net/http", "httptest": "net/http/httptest", "log": "log", "os": "os", "time": "time",
	"attribute": "go.opentelemetry.io/otel/attribute", "sdkmetric": "go.opentelemetry.io/otel/sdk/metric",
	"exporter": modulePath + "exporter", "otlp": modulePath + "exporter/otlp",
	"localstore": modulePath + "localstore", "inspect": modulePath + "localstore/inspect", "view": modulePath + "localstore/view",
	"otelusage": modulePath + "otelusage", "standalone": modulePath + "otelusage/standalone",
}

// documents are those with Go snippets. No other document may have one.
var documents = []string{"README.md", "localstore/inspect/README.md", "localstore/view/README.md", "otelusage/PLAN.md", "localstore/CONSENT.md"}

var fence = regexp.MustCompile("(?s)\n```go\n(.*?)\n```\n")

// documentsOf returns the module's documents by their names.
func documentsOf(t *testing.T) map[string]string {
	t.Helper()
	all := make(map[string]string)
	must(t, filepath.WalkDir(root(t), func(path string, _ os.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".md") {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root(t), path)
		all[filepath.ToSlash(name)] = string(content)
		return err
	}))
	return all
}

// contents returns what the documents with snippets say.
func contents(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for name, content := range documentsOf(t) {
		if slices.Contains(documents, name) {
			all.WriteString(content)
		} else if strings.Contains(content, "```go") {
			t.Errorf("%s has snippets that nobody runs", name)
		}
	}
	return all.String()
}

// goSnippets returns the documents' snippets by their names.
func goSnippets(t *testing.T) map[string]string {
	t.Helper()
	text := contents(t)
	found := make(map[string]string)
	for _, m := range fence.FindAllStringSubmatch(text, -1) {
		i := slices.IndexFunc(snippets, func(s snippet) bool { return strings.Contains(m[1], s.marker) && found[s.name] == "" })
		if i < 0 {
			t.Fatalf("nobody knows what this snippet needs:\n%s", m[1])
		}
		found[snippets[i].name] = m[1]
	}
	if len(found) != len(snippets) || strings.Count(text, "```go") != len(snippets) {
		t.Fatalf("found %d snippets, want %d", len(found), len(snippets))
	}
	return found
}

// file returns the source of a package with the snippet in it.
func (s *snippet) file(t *testing.T, text string) []byte {
	t.Helper()
	body := text + "\n"
	switch {
	case s.whole:
		body += "func Main() { main() }\n"
	default:
		body = "func Main() {\n" + s.before + "\n{\n" + text + "\n" + s.after + "\n}\n}\n"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "package %s\n\nimport (\n", s.name)
	for name, from := range imports {
		if regexp.MustCompile(`\b` + name + `\.[A-Z]`).MatchString(body) {
			fmt.Fprintf(&b, "%s %q\n", name, from)
		}
	}
	source, err := format.Source([]byte(b.String() + ")\n\n" + body))
	if err != nil {
		t.Fatalf("%s: %v\n%s", s.name, err, b.String()+body)
	}
	return source
}

// build builds a program that runs the snippet it is told. Its source lies
// beside the module for the compiler alone.
func build(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("there is no compiler here:", err)
	}
	dir := t.TempDir()
	const programs = "otelusage/internal/readme/programs"
	overlay := make(map[string]string)
	add := func(name string, source []byte) {
		file := filepath.Join(dir, strings.ReplaceAll(name, "/", "_"))
		must(t, os.WriteFile(file, source, 0o600))
		overlay[filepath.Join(root(t), programs, filepath.FromSlash(name))] = file
	}
	found := goSnippets(t)
	main := "package main\n\nimport (\n\"os\"\n"
	cases := ""
	for _, s := range snippets {
		add(path.Join(s.name, "snippet.go"), s.file(t, found[s.name]))
		main += fmt.Sprintf("%q\n", modulePath+programs+"/"+s.name)
		cases += fmt.Sprintf("case %q:\n%s.Main()\n", s.name, s.name)
	}
	// The program's own arguments are those that follow the snippet's name.
	add("main.go", []byte(main+")\n\nfunc main() {\nname := os.Args[1]\nos.Args = append(os.Args[:1], os.Args[2:]...)\nswitch name {\n"+cases+"}\n}\n"))
	replace, err := json.Marshal(map[string]any{"Replace": overlay})
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, "overlay.json"), replace, 0o600))
	binary := filepath.Join(dir, "readme.exe")
	cmd := exec.Command("go", "build", "-overlay", filepath.Join(dir, "overlay.json"), "-o", binary, "./"+programs)
	cmd.Dir = root(t)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("the snippets do not compile: %v\n%s", err, out)
	}
	return binary
}

func root(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs("../../..")
	must(t, err)
	return path
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
