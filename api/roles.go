package api

import (
	"github.com/danielgtaylor/huma/v2"

	"github.com/gatehouse-sso/gatehouse/access"
)

// The roles that a request may name, each kind with its own list in the document.
type (
	OrganizationRole access.Role
	DefaultRole      access.Role
	ProjectRole      access.Role
	KeyRole          access.Role
)

// Schema lists them.
func (OrganizationRole) Schema(huma.Registry) *huma.Schema { return oneOf(access.OrganizationRoles()) }

// Schema lists them.
func (DefaultRole) Schema(huma.Registry) *huma.Schema { return oneOf(access.DefaultRoles()) }

// Schema lists them.
func (ProjectRole) Schema(huma.Registry) *huma.Schema { return oneOf(access.ProjectRoles()) }

// Schema lists them.
func (KeyRole) Schema(huma.Registry) *huma.Schema { return oneOf(access.KeyRoles()) }

func oneOf[T ~string](all []T) *huma.Schema {
	s := &huma.Schema{Type: huma.TypeString}
	for _, one := range all {
		s.Enum = append(s.Enum, string(one))
	}
	return s
}

// as gives a list of texts another type.
func as[To, From ~string](list []From) []To {
	out := make([]To, len(list))
	for i, text := range list {
		out[i] = To(text)
	}
	return out
}

// ProjectKind decides which permissions the keys of a project may have.
type ProjectKind access.ProjectKind

// Schema lists them.
func (ProjectKind) Schema(huma.Registry) *huma.Schema {
	return oneOf([]access.ProjectKind{access.Serverless, access.Pod})
}

// AnyRole is one in the organization or in a project.
type AnyRole access.Role

// Schema lists them.
func (AnyRole) Schema(huma.Registry) *huma.Schema {
	return oneOf(append(access.OrganizationRoles(), access.ProjectRoles()...))
}

// EnforcementScope says of whom single sign-on can be required.
type EnforcementScope access.Scope

// Schema lists them.
func (EnforcementScope) Schema(huma.Registry) *huma.Schema {
	return oneOf([]access.Scope{access.EnforceDomain, access.EnforceAll})
}
