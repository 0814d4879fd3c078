// Package decision reads and writes the line of text beside a mirror that says
// what the person decided: usage.db.consent. It outlives the database, and a person
// or an administrator can write it.
//
// Of the file and the mirror the stricter holds. What others than this user and
// root could have written may forbid to send, and never allows it; what is not
// this user's to change is left as it is.
package decision
