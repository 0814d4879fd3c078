package nilsafe

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// module is the path of the module's root from here.
const module = "../../.."

// exported are the functions of the module's packages, and the types with
// exported methods, each as "path/to/package.Name", as the source declares them.
type exported struct {
	functions, types map[string]bool
}

func parseModule(t *testing.T) exported {
	t.Helper()
	found := exported{make(map[string]bool), make(map[string]bool)}
	root := os.DirFS(module)
	for _, top := range []string{"otelusage", "exporter", "localstore", "sequence"} {
		err := fs.WalkDir(root, top, func(name string, d fs.DirEntry, err error) error {
			switch base := path.Base(name); {
			case err != nil:
				return err
			case d.IsDir() && (base == "internal" || base == "testdata" || base == "cmd" || hasModule(root, name)):
				return fs.SkipDir
			case d.IsDir() || path.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go"):
				return nil
			}
			return found.parse(name)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return found
}

func hasModule(root fs.FS, name string) bool {
	_, err := fs.Stat(root, path.Join(name, "go.mod"))
	return err == nil
}

func (e exported) parse(name string) error {
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(module, filepath.FromSlash(name)), nil, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	for _, d := range file.Decls {
		f, ok := d.(*ast.FuncDecl)
		switch {
		case !ok || !f.Name.IsExported():
		case f.Recv == nil:
			e.functions[path.Dir(name)+"."+f.Name.Name] = true
		case ast.IsExported(receiver(f)):
			e.types[path.Dir(name)+"."+receiver(f)] = true
		}
	}
	return nil
}

func receiver(f *ast.FuncDecl) string {
	of := f.Recv.List[0].Type
	if star, ok := of.(*ast.StarExpr); ok {
		of = star.X
	}
	if generic, ok := of.(*ast.IndexExpr); ok {
		of = generic.X
	}
	if generic, ok := of.(*ast.IndexListExpr); ok {
		of = generic.X
	}
	return of.(*ast.Ident).Name
}

// sameNames fails the test for each name that is in one of the sets only.
func sameNames(t *testing.T, what string, declared, covered map[string]bool) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(declared)) {
		if !covered[name] {
			t.Errorf("%s %s is not tried: add it to the table", what, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(covered)) {
		if !declared[name] {
			t.Errorf("%s %s is tried and not exported", what, name)
		}
	}
}
