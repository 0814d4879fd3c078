// Package browsertest looks at the page with a real browser. It is a module of
// its own, so that nobody who uses the page depends on a browser's driver. Its
// tests run with OTELUSAGE_E2E=1 and need Chromium; with
// OTELUSAGE_SCREENSHOTS=DIRECTORY they leave pictures there.
package browsertest
