// Package setup holds the words in which a connection is set up: for each identity provider a guide of steps, in the names that its own console
// has for its own fields, in their order.
//
// The words are data, one file for each product. The wizard shows a step as a page, with the connection's own values in it, and
// docs/connections/ is written from the same steps, so that neither says what the other does not. Nothing here knows a connection, a person or an
// address of ours: what is ours stands in a step as the name of a value, which the reader of the step fills in.
//
// Text is plain but for two marks: **a label** as it stands on their page, and `a value` to type or to look for.
package setup
