// Package python reads the databases of the Python library that this module
// replaces: NAME.db with everything that it uploaded, and NAME.part.db with what it
// did not upload yet.
//
// The originals are never changed. They are read as they lie there; where a killed
// program left a journal to be rolled back, that happens in a private copy. What
// strangers could have written is not looked at.
package python
