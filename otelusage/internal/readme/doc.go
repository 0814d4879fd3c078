// Package readme holds the test that builds and runs every Go snippet of the
// module's README and of the documents that it links, as a reader would: in a
// sound environment, and in those in which nothing can be recorded.
package readme
