// Package consent has the types that say what may be recorded and sent: what the
// person decided ([Mode]), what follows from it ([Consent]), and what the
// environment and configuration of a process add ([Circumstances]). Package
// localstore has the same types under its own names.
package consent
