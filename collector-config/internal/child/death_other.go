//go:build !linux

package child

func followGo() {}
