package access

import "slices"

// Plan is what an organization has bought; the operator sets it.
type Plan string

// The plans, the smallest first.
const (
	Starter    Plan = "starter"
	Standard   Plan = "standard"
	Enterprise Plan = "enterprise"
)

// Entitlement is a part of the product that not every plan has.
type Entitlement string

// The entitlements.
const (
	EntitledSSO             Entitlement = "sso"
	EntitledGranularKeys    Entitlement = "granular_keys"
	EntitledSCIM            Entitlement = "scim"
	EntitledAuditLog        Entitlement = "audit_log"
	EntitledServiceAccounts Entitlement = "service_accounts"
)

// plans is the one table of who has what. A plan that is not in it has nothing.
var plans = []struct {
	plan     Plan
	entitles []Entitlement
}{
	{Starter, nil},
	{Standard, []Entitlement{EntitledSSO, EntitledGranularKeys, EntitledServiceAccounts}},
	{Enterprise, Entitlements()},
}

// Plans lists all plans, the smallest first.
func Plans() []Plan {
	all := make([]Plan, len(plans))
	for i, row := range plans {
		all[i] = row.plan
	}
	return all
}

// Entitlements lists all entitlements.
func Entitlements() []Entitlement {
	return []Entitlement{EntitledSSO, EntitledGranularKeys, EntitledSCIM, EntitledAuditLog, EntitledServiceAccounts}
}

// Entitled says whether the plan has the entitlement.
func Entitled(plan Plan, to Entitlement) bool {
	for _, row := range plans {
		if row.plan == plan {
			return slices.Contains(row.entitles, to)
		}
	}
	return false
}
