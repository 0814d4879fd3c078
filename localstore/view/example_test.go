package view_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"

	"github.com/anonymoususage/anonymoususage-go/localstore/view"
	"github.com/anonymoususage/anonymoususage-go/otelusage"
	"github.com/anonymoususage/anonymoususage-go/otelusage/standalone"
)

// An application mounts the page in its own server and decides who may look.
func ExampleNew() {
	dir, err := os.MkdirTemp("", "usage")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	usage, err := standalone.Start(context.Background(), standalone.Config{
		FilePath: filepath.Join(dir, "usage.db"), ApplicationName: "mygame", Tracker: new(otelusage.Tracker)})
	if err != nil {
		fmt.Println(err) // counting continues
	}
	defer usage.Close() // last

	signedIn := func(r *http.Request) bool { return r.Header.Get("Authorization") != "" }
	page, err := view.New(usage.Store(), view.WithControls(usage), view.WithAuthorization(signedIn))
	if err != nil {
		fmt.Println(err) // the page answers 503 and says why
	}
	defer page.Close()
	mux := http.NewServeMux()
	mux.Handle("/usage/", http.StripPrefix("/usage", page))

	for _, authorization := range []string{"", "Bearer token"} {
		r := httptest.NewRequest(http.MethodGet, "http://localhost/usage/", nil)
		r.Header.Set("Authorization", authorization)
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		fmt.Println(w.Code)
	}
	// Output:
	// 403
	// 200
}
