//go:build unix

package deaths

const hasSignals = true
