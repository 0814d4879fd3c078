// Package sequence recognises checkpoints that are hit in exactly a given
// order.
//
// A [Sequence] keeps a window of the latest hits, as long as its pattern. A hit
// that makes the window equal the pattern completes the sequence: one is
// counted and the window is empty again. A pattern may name a checkpoint more
// than once (A, B, A, C). Hits that do not fit are not refused: they push the
// oldest hit out of the window, so that the pattern is found wherever it
// begins.
//
// The semantics are those of the Sequence of the Python package
// anonymoususage 1.14; recorded runs of it are replayed by the tests.
//
// The package uses the standard library alone and knows nothing of telemetry;
// package otelusage counts what it recognises.
package sequence
