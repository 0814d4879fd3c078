//go:build !unix

package setup

// neverWait: there are no pipes in directories here.
const neverWait = 0
