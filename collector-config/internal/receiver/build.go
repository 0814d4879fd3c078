package receiver

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"runtime"

	"github.com/anonymoususage/anonymoususage-go/collector-config/internal/child"
)

// Program is a command that the module proxy has.
type Program struct {
	Package, Version string
	Tags             string // build tags, separated by commas
}

// The receivers that are tested. Prometheus is built without its service discovery,
// which is most of what it links and of no use here.
var (
	Prometheus      = Program{Package: "github.com/prometheus/prometheus/cmd/prometheus", Version: "v0.316.0", Tags: "remove_all_sd"}
	VictoriaMetrics = Program{Package: "github.com/VictoriaMetrics/VictoriaMetrics/app/victoria-metrics", Version: "v1.151.0"}
)

// Build returns the path of the program, and builds it if necessary into a directory
// of the user's cache. That takes a few minutes.
func Build(ctx context.Context, p Program) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find cache: %w", err)
	}
	dir := filepath.Join(cache, "anonymoususage-receivers", path.Base(p.Package)+"-"+p.Version)
	program := filepath.Join(dir, path.Base(p.Package))
	if runtime.GOOS == "windows" {
		program += ".exe"
	}
	if _, err := os.Stat(program); err == nil {
		return program, nil
	}
	var said bytes.Buffer
	cmd := child.Command(ctx, "go", "install", "-tags", p.Tags, p.Package+"@"+p.Version)
	cmd.Stdout, cmd.Stderr = &said, &said
	cmd.Env = append(os.Environ(), "GOBIN="+dir, "GOWORK=off", "GOFLAGS=", "CGO_ENABLED=0")
	if err := child.Run(ctx, cmd); err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", p.Package, err, said.Bytes())
	}
	return program, nil
}
