package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// syncTree writes everything below a directory to the disk, and returns its size.
func syncTree(dir string) (size int64, err error) {
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return syncDirectory(path)
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		size += info.Size()
		return syncFile(path)
	})
	return size, err
}

func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// syncDirectory writes the names in a directory to the disk. Windows does it by itself.
func syncDirectory(path string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// replace gives a file that was written beside another its name.
func replace(written, path string) error {
	if err := syncFile(written); err != nil {
		return err
	}
	if err := os.Rename(written, path); err != nil {
		return err
	}
	return syncDirectory(filepath.Dir(path))
}
