// Package ui holds the pieces every page of the console is built from: fields, buttons,
// badges, tables, copy fields, timelines and the frame's navigation.
//
// A piece takes strings and booleans that are ready to print and knows nothing of
// organizations, keys or requests. Pieces with many options are structs, used as
// components themselves (@ui.Field{Name: "email", Label: "Email"}); pieces with two or
// three are functions (@ui.Badge(ui.Working, "Active")); pieces that hold others take
// children (@ui.Section("Name", "") { … }).
//
// No piece writes a style, a script or an event attribute into the page: the
// content-security policy allows none, so looks live in static/console.css and behaviour
// in static/console.js, which only improves what already works without it.
// All of them are shown on one page, the story "pieces".
package ui
