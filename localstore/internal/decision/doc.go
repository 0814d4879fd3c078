// Package decision reads and writes the line of text beside a mirror that says
// what the person decided: usage.db.consent. It outlives the database, and a person
// or an administrator can write it.
//
// The stricter of file and mirror applies. A file that others than this user and
// root could have written may forbid sending and never allows it. A file that this
// user may not change is left as it is.
package decision
