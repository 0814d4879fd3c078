// Package plan says in words what a program can record and what is sent of it, for
// a document that is published, a terminal and a page.
//
//	document := plan.Describe(tracker.Plan())
//	_, err := os.Stdout.WriteString(document.Markdown())
//
// A program's tests keep such a document in step with its code: see
// otelusagetest.Plan.
package plan
