package place

import (
	"fmt"
	"os"
)

// Open opens a regular file for reading, and nothing else. What lies at a path
// may be another thing than a moment ago: a pipe would wait for its writer.
func Open(path string) (*os.File, os.FileInfo, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|NeverWait, 0)
	if err != nil {
		return nil, nil, err
	}
	file, err := f.Stat()
	if err == nil && !file.Mode().IsRegular() {
		err = fmt.Errorf("it is %s", Irregular(file.Mode()))
	}
	if err != nil {
		_ = f.Close() // nothing was read
		return nil, nil, err
	}
	return f, file, nil
}
