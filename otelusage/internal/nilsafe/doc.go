// Package nilsafe holds the test that everything exported can be called on nil,
// on a zero value and on what a failed constructor returned. An application that
// logs the error of a constructor and goes on must not crash by it.
package nilsafe
