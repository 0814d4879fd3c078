package inspect_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/anonymoususage/anonymoususage-go/localstore"
	"github.com/anonymoususage/anonymoususage-go/localstore/inspect"
)

// An application offers the commands as its own: mytool usage show, and so on.
func ExampleRun() {
	dir, err := os.MkdirTemp("", "usage")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "usage.db")
	code := inspect.Run(context.Background(), []string{"consent", "off"}, inspect.Options{
		Name:   "mytool usage",
		File:   path,       // or Application: "mytool"
		Stdout: io.Discard, // without one it is the program's own
	})
	decided, err := localstore.Decided(path)
	fmt.Println(code, decided.Mode, err)
	// Output:
	// 0 off <nil>
}
