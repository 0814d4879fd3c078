package place

import (
	"errors"
	"fmt"
	"syscall"
)

// OpenKeepsName: SQLite opens its files without sharing their deletion. While
// anybody has one open it can be neither renamed nor removed, and nothing else
// can take its place.
const OpenKeepsName = true

// IsHeld reports whether a file could not be touched because somebody has it
// open: another process of ours, or a virus scanner for a moment.
func IsHeld(err error) bool {
	const lockViolation, deletePending, userMapped = syscall.Errno(33), syscall.Errno(303), syscall.Errno(1224)
	for _, held := range [...]syscall.Errno{syscall.ERROR_ACCESS_DENIED, sharingViolation, lockViolation, deletePending, userMapped} {
		if errors.Is(err, held) {
			return true
		}
	}
	return false
}

const sharingViolation = syscall.Errno(32)

// FileID tells a file from any other that has or had its name, "" where that
// cannot be found out. It keeps nobody from renaming or removing the file.
func FileID(path string) string {
	name, err := syscall.UTF16PtrFromString(path)
	if err != nil {
		return ""
	}
	const share = syscall.FILE_SHARE_READ | syscall.FILE_SHARE_WRITE | syscall.FILE_SHARE_DELETE
	file, err := syscall.CreateFile(name, 0, share, nil, syscall.OPEN_EXISTING, 0, 0)
	if err != nil {
		return ""
	}
	defer func() { _ = syscall.CloseHandle(file) }() // nothing was written
	var info syscall.ByHandleFileInformation
	if err := syscall.GetFileInformationByHandle(file, &info); err != nil {
		return ""
	}
	return fmt.Sprintf("%x-%x-%x", info.VolumeSerialNumber, info.FileIndexHigh, info.FileIndexLow)
}
