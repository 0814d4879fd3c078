//go:build !unix && !windows

package warm

import "os"

// identify tells no files apart.
func identify(os.FileInfo) (first, second uint64) { return 0, 0 }
