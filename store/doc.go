// Package store keeps everything Gatehouse remembers, on SQLite or PostgreSQL: every query, every transaction and every rule about a record
// is here, one file for each noun, and nothing outside knows that gorm exists.
//
// Three things hold everywhere. What belongs to an organization is reached through [Store.In] and nothing else, so an id of another
// organization answers exactly like an id that does not exist ([ErrNotFound]). What somebody does takes the [audit.Actor] who wants it and is
// recorded as an event of the hash chain in the same transaction ([Store.write] refuses to commit without one); the steps of a login under
// way, letters on their way out and the removal of what has run out are not ([Store.unrecorded]). A write that another node may hold in memory leaves a row in the
// change table, which every node follows ([Store.Follow]).
//
// The package decides nothing about trust: it hands a kept [trust.Identity] back (logins.go) but never makes one. Times come from one
// clock, in UTC, cut to microseconds so that both databases give back what they were given.
package store
