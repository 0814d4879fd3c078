package hostile

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
)

// BuildQuery builds the program in cmd/query, which takes a C++ compiler.
func BuildQuery(ctx context.Context, dir, program string) error {
	program, err := filepath.Abs(program)
	if err != nil {
		return fmt.Errorf("build query: %w", err)
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-C", filepath.Join(dir, "cmd", "query"), "-o", program, ".")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build query: %w\n%s", err, out)
	}
	return nil
}
