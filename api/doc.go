// Package api is the admin API for programs, under /api/v1: what the console does for people, done by service accounts. Each file is a noun;
// its operations stand in its first function, with the permission that each asks for.
//
// A request goes through one door, [api.admit], before anything of it is read: a service account's token and nothing else, of the organization
// that the path names, with the permission of the operation. Whatever is of another organization is answered exactly like what does not exist.
// The handlers behind the door call the same functions of the store as the console's, decide nothing about trust and know no HTTP: operations,
// checks of form and the OpenAPI document come from one source, the types of their input and output.
//
// The package reads no cookie, takes no API key, and shows a secret in the answer that makes it and in its repetition alone.
package api
