package view

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/anonymoususage/anonymoususage-go/localstore"
)

// TestThePageSaysWhatHoldsForItsProcess in each of its documents.
func TestThePageSaysWhatHoldsForItsProcess(t *testing.T) {
	env := func(name string) func(string) string {
		return func(asked string) string {
			if asked == name {
				return "true"
			}
			return ""
		}
	}
	for _, tt := range []struct {
		name   string
		around *localstore.Circumstances // of the application's Store
		opts   []Option
		sends  bool
		says   string
	}{
		{"a viewer", nil, nil, false, "no program with a destination has recorded here"},
		{"an application without a destination", &localstore.Circumstances{Getenv: env("")}, nil, false, "there is no destination"},
		{"one with a destination", &localstore.Circumstances{Getenv: env(""), Destination: true}, nil, true, "consent is not required"},
		{"do not track", &localstore.Circumstances{Getenv: env("DO_NOT_TRACK"), Destination: true}, nil, false, "DO_NOT_TRACK is set"},
		{"disabled for the viewer", nil, []Option{WithCircumstances(localstore.Circumstances{Getenv: env("OTEL_SDK_DISABLED"), Viewer: true})}, false, "OTEL_SDK_DISABLED is set in this environment"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv("DO_NOT_TRACK", "")
			t.Setenv("OTEL_SDK_DISABLED", "")
			store, err := localstore.Open(filepath.Join(t.TempDir(), "usage.db"))
			if err != nil {
				t.Fatal(err)
			}
			defer store.Close()
			if tt.around != nil {
				store.SetCircumstances(*tt.around)
			}
			h, err := New(store, tt.opts...)
			if err != nil {
				t.Fatal(err)
			}
			defer h.Close()
			for _, path := range []string{"/data", "/preview", "/usage.json"} {
				r := httptest.NewRequest(http.MethodGet, "http://localhost"+path, nil)
				w := httptest.NewRecorder()
				h.ServeHTTP(w, r)
				body := strings.ReplaceAll(w.Body.String(), " ", "")
				if sends := strings.Contains(body, `"sending":true`); w.Code != http.StatusOK || sends != tt.sends ||
					!strings.Contains(w.Body.String(), tt.says) {
					t.Errorf("%s answers %d\n%s", path, w.Code, w.Body)
				}
			}
		})
	}
}
