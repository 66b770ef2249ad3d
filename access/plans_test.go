package access

import "testing"

func TestPlansAndEntitlements(t *testing.T) {
	want := map[Entitlement][3]bool{ // starter, standard, enterprise
		EntitledSSO:             {false, true, true},
		EntitledGranularKeys:    {false, true, true},
		EntitledSCIM:            {false, false, true},
		EntitledAuditLog:        {false, false, true},
		EntitledServiceAccounts: {false, true, true},
	}
	if len(want) != len(Entitlements()) || len(Plans()) != 3 {
		t.Fatalf("%d plans, %d entitlements", len(Plans()), len(Entitlements()))
	}
	for to, row := range want {
		for i, plan := range Plans() {
			if Entitled(plan, to) != row[i] {
				t.Errorf("%s has %s: %v, want %v", plan, to, !row[i], row[i])
			}
		}
		if Entitled("", to) || Entitled("ENTERPRISE", to) {
			t.Errorf("a plan that is none has %s", to)
		}
	}
	if Entitled(Enterprise, "") || Entitled(Enterprise, "everything") {
		t.Error("an entitlement that is none is had")
	}
}
