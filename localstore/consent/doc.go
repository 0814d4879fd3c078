// Package consent says what may be recorded and sent: what the person decided
// ([Mode]), what follows from it ([Consent]), and what a process knows beside it
// ([Circumstances]). Package localstore has the same types under its own names.
package consent
