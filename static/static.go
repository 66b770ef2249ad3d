// Package static embeds the console's stylesheet, its few small scripts and its mark.
//
// All of it is written by hand and served as it stands; names get a hash of the content from
// whoever serves them, so files never refer to each other by name.
package static

import "embed"

// Files are the assets, by file name.
//
//go:embed *.css *.js *.svg
var Files embed.FS
