package store

import (
	"errors"
	"strings"
)

var (
	// ErrNotFound says that there is no such record, or none that this organization may know of.
	ErrNotFound = errors.New("not found")
	// ErrConflict says that the record has changed, or was spent, since it was read.
	ErrConflict = errors.New("changed by somebody else in the meantime")
	// ErrLastOwner says that the organization would be left without an owner who can sign in.
	ErrLastOwner = errors.New("an organization keeps at least one owner who can sign in")
	// ErrLastCredential says that the person would be left without a way to sign in.
	ErrLastCredential = errors.New("a person keeps at least one way to sign in")
	// ErrCopied says that a passkey's count of its signatures does not grow: there may be a copy of it.
	ErrCopied = errors.New("the passkey may have been copied")
	// ErrLastBreakGlass says that single sign-on is required and no break-glass owner would be left who can get in without the identity provider.
	ErrLastBreakGlass = errors.New("while single sign-on is required, at least one break-glass owner keeps a way in")
	// ErrRolesFromIDP says that roles are not given by hand here: the identity provider is where they come from.
	ErrRolesFromIDP = errors.New("roles come from the identity provider in this organization")
)

// FieldProblem is what is wrong with one value that a person gave, in words that fit beside its field.
type FieldProblem struct{ Field, Problem string }

// Invalid lists everything that is wrong with a request, all fields at once.
type Invalid struct{ Fields []FieldProblem }

func (i *Invalid) Error() string {
	words := make([]string, len(i.Fields))
	for n, f := range i.Fields {
		words[n] = f.Field + ": " + f.Problem
	}
	return strings.Join(words, "; ")
}

// Add notes a problem with a field.
func (i *Invalid) Add(field, problem string) {
	i.Fields = append(i.Fields, FieldProblem{field, problem})
}

// Err is nil as long as nothing was added.
func (i *Invalid) Err() error {
	if len(i.Fields) == 0 {
		return nil
	}
	return i
}

// invalid is an [Invalid] of one field.
func invalid(field, problem string) error {
	return &Invalid{Fields: []FieldProblem{{field, problem}}}
}
