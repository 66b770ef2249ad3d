package access

import (
	"errors"
	"fmt"
	"slices"
)

// Level is how far somebody reaches into one plane of a project.
type Level string

// The levels, from nothing up.
const (
	None      Level = "None"
	ReadOnly  Level = "ReadOnly"
	ReadWrite Level = "ReadWrite"
)

// ProjectKind decides which key permissions a project offers.
type ProjectKind string

// The kinds of projects.
const (
	Serverless ProjectKind = "serverless"
	Pod        ProjectKind = "pod"
)

// Why a choice of key permissions is refused, in words for whoever chose.
var (
	ErrNoKeyRoles = errors.New("a key needs at least one permission")
	ErrPodData    = errors.New("a pod project's keys always read and write data: choose All, or ReadWrite for the data plane")
)

// RolesOf turns the console's choice for a key, all or a level per plane, into roles.
func RolesOf(all bool, control, data Level) ([]Role, error) {
	if all {
		return []Role{ProjectEditor}, nil
	}
	var roles []Role
	for _, plane := range [...]struct {
		name           string
		level          Level
		editor, viewer Role
	}{
		{"control", control, ControlPlaneEditor, ControlPlaneViewer},
		{"data", data, DataPlaneEditor, DataPlaneViewer},
	} {
		switch plane.level {
		case ReadWrite:
			roles = append(roles, plane.editor)
		case ReadOnly:
			roles = append(roles, plane.viewer)
		case None:
		default:
			return nil, fmt.Errorf("%s plane: choose ReadWrite, ReadOnly or None, not %q", plane.name, plane.level)
		}
	}
	if len(roles) == 0 {
		return nil, ErrNoKeyRoles
	}
	return roles, nil
}

// LevelsOf is the way back: the levels that roles reach together, and whether they are All.
func LevelsOf(roles []Role) (all bool, control, data Level) {
	control, data = None, None
	for _, role := range roles {
		w, _ := role.word()
		control, data = higher(control, w.control), higher(data, w.data)
	}
	return slices.Contains(roles, ProjectEditor), control, data
}

// ValidKeyRoles says why a key in a project of this kind may not hold these roles, or nil.
func ValidKeyRoles(kind ProjectKind, roles []Role) error {
	if len(roles) == 0 {
		return ErrNoKeyRoles
	}
	for _, role := range roles {
		if !slices.Contains(KeyRoles(), role) {
			return fmt.Errorf("an API key may not hold the role %q", role)
		}
	}
	if _, _, data := LevelsOf(roles); kind == Pod && data != ReadWrite {
		return ErrPodData
	}
	return nil
}

func higher(a, b Level) Level {
	if a == ReadWrite || b == ReadWrite {
		return ReadWrite
	}
	if a == ReadOnly || b == ReadOnly {
		return ReadOnly
	}
	return None
}
