package setup

func oneLogin() Product {
	return Product{
		Kind: "onelogin", Name: "OneLogin", About: "By One Identity", Admin: "a OneLogin account owner or super user",
		SAML: &Guide{
			Mapping: Mapping{Subject: "id", Email: "email", GivenName: "firstName", FamilyName: "lastName", Groups: "groups"},
			Steps: []Step{
				{
					ID: "application", Title: "Add the application",
					Do: []string{
						"Open **Administration** and choose **Applications** → **Applications**, then **Add App**.",
						"Search for `SAML Custom Connector (Advanced)` and choose it.",
						"Enter a **Display Name** and click **Save**.",
					},
					Wrong: []Trouble{{"There are several connectors of that name", "Take the one that ends in **(Advanced)**: the others lack fields."}},
				},
				{
					ID: "values", Title: "Give OneLogin our values",
					Do: []string{"Choose **Configuration** on the left and paste these."},
					Give: []Give{
						{"Audience (EntityID)", EntityID}, {"Recipient", ACS}, {"ACS (Consumer) URL Validator", ACSPattern}, {"ACS (Consumer) URL", ACS}, {"Login URL", StartURL},
					},
					After: []string{
						"Leave **RelayState** and **Single Logout URL** empty.",
						"Set **SAML initiator** to **Service Provider** and **SAML nameID format** to **Email**.",
						"Set **SAML signature element** to **Both**.",
						"Click **Save**.",
					},
					Wrong: []Trouble{
						{"The ACS URL does not match the validator", "**ACS (Consumer) URL Validator** is a regular expression: paste ours, with its backslashes."},
					},
				},
				{
					ID: "attributes", Title: "Send who people are", Take: TakesMapping,
					Do: []string{
						"Choose **Parameters** on the left and click **+** for each of these lines.",
						"Enter the **Field name**, tick **Include in SAML assertion**, click **Save**, choose the **Value**, and click **Save** again.",
					},
					Sends: &Table{Columns: []string{"Field name", "Value"}, Rows: [][]string{
						{"id", "UUID"}, {"email", "Email"}, {"firstName", "First Name"}, {"lastName", "Last Name"},
					}},
					After: []string{"For groups, add `groups` with the value **User Roles** and **Multi-value parameter** ticked. Click **Save** at the top right."},
					Hint:  "These are the names from the table.",
					Wrong: []Trouble{{"A value does not arrive", "**Include in SAML assertion** is not ticked for it, or the page was left without the **Save** at the top right."}},
				},
				{
					ID: "metadata", Title: "Give us OneLogin's metadata", Take: TakesMetadata,
					Do: []string{
						"Choose **SSO** on the left and set **SAML Signature Algorithm** to `SHA-256`. Click **Save**.",
						"Copy **Issuer URL** and paste it here as the metadata address. Or choose **More Actions** → **SAML Metadata** and give the file.",
					},
					Hint:  "It looks like https://app.onelogin.com/saml/metadata/….",
					Wrong: []Trouble{{"The test ends with signature_algorithm", "**SAML Signature Algorithm** is still `SHA-1`, which is what new applications begin with."}, late},
				},
				{
					ID: "people", Title: "Give people access",
					Do: []string{
						"Choose **Access** on the left and tick the **Roles** whose people may use it, one of yours among them. Click **Save**.",
						"For a single person: **Users** → **Users**, the person, **Applications**, **+**.",
					},
					Wrong: []Trouble{{"You do not have access to this application", "OneLogin says so to whoever has it by no role and not by themselves."}},
				},
				domains(), test("OneLogin"),
			},
		},
	}
}
