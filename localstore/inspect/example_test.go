package inspect_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/anonymoususage/anonymoususage-go/localstore"
	"github.com/anonymoususage/anonymoususage-go/localstore/inspect"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
	"github.com/anonymoususage/anonymoususage-go/otelusage/standalone"
)

// An application offers the commands as its own, such as mytool usage consent off.
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

// The commands show what an application recorded, also while it runs.
func ExampleRun_export() {
	dir, err := os.MkdirTemp("", "usage")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "usage.db")
	ctx := context.Background()
	usage, err := standalone.Start(ctx, standalone.Config{FilePath: path, ApplicationName: "mytool", Tracker: new(otelusage.Tracker)})
	if err != nil {
		fmt.Println(err)
	}
	quests, err := usage.Tracker().Statistic("quests_complete", otelusage.WithDescription("Quests handed in"))
	if err != nil {
		fmt.Println(err)
	}
	quests.Add(2)
	if err := usage.Close(); err != nil {
		fmt.Println(err)
	}

	var out strings.Builder // without one the program's own standard output
	code := inspect.Run(ctx, []string{"export", "csv"}, inspect.Options{File: path, Stdout: &out})
	fmt.Print(strings.ReplaceAll(out.String(), "\r\n", "\n"))
	fmt.Println("exit code", code)
	// Output:
	// Name,Type,Value,Description
	// quests_complete,Statistic,2,Quests handed in
	// exit code 0
}
