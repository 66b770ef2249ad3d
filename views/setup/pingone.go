package setup

func pingOne() Product {
	return Product{
		Kind: "pingone", Name: "PingOne", About: "PingOne for Workforce and for Customers", Admin: "somebody with the role Client Application Developer or Environment Admin",
		SAML: &Guide{
			Mapping: Mapping{Email: "email", GivenName: "firstName", FamilyName: "lastName", Groups: "groups"},
			Steps: []Step{
				{
					ID: "application", Title: "Add the application",
					Do: []string{
						"In the environment of your people, choose **Applications** → **Applications** and click **+**.",
						"Enter an **Application Name**.",
						"As the **Application Type**, choose **SAML Application**, and click **Configure**.",
					},
				},
				{
					ID: "values", Title: "Give PingOne our values",
					Lead: "You are on **SAML Configuration**.",
					Do:   []string{"Choose **Manually Enter** and paste these."},
					Give: []Give{{"ACS URLs", ACS}, {"Entity ID", EntityID}},
					After: []string{
						"Click **Save**.",
						"On the **Configuration** tab, click the pencil. Leave **Sign Assertion** chosen and set **Subject NameID Format** to `urn:oasis:names:tc:SAML:2.0:nameid-format:persistent`. Click **Save**.",
					},
					Wrong: []Trouble{{"Request denied: Invalid SAML request", "**Entity ID** or **ACS URLs** are not ours letter by letter."}},
				},
				{
					ID: "attributes", Title: "Send who people are", Take: TakesMapping,
					Do: []string{"On the **Attribute Mappings** tab, click the pencil, then **+ Add** for each line but the first, which is there."},
					Sends: &Table{Columns: []string{"Attributes", "PingOne Mappings"}, Rows: [][]string{
						{"saml_subject", "User ID"}, {"email", "Email Address"}, {"firstName", "Given Name"}, {"lastName", "Family Name"}, {"groups", "Group Names"},
					}},
					After: []string{"Click **Save**."},
					Hint:  "These are the names from the table. saml_subject becomes the NameID.",
					Wrong: []Trouble{{"People are known by their user name", "`saml_subject` is mapped to **Username**. Map it to **User ID**, which never changes, before anybody signs in."}},
				},
				{
					ID: "metadata", Title: "Give us PingOne's metadata", Take: TakesMetadata,
					Do:   []string{"On the **Configuration** tab, copy **IDP Metadata URL**.", "Paste it here as the metadata address."},
					Hint: "It looks like https://auth.pingone.com/{environment}/saml20/metadata/{application}.", Wrong: []Trouble{late},
				},
				{
					ID: "people", Title: "Turn it on",
					Do: []string{
						"In the list of applications, switch the application on at the right of its line.",
						"On its **Access** tab, choose the groups whose people may use it, or none for everybody.",
					},
					Wrong: []Trouble{{"The application is disabled", "A new application is off until the switch beside its name is on."}},
				},
				domains(), test("PingOne"),
			},
		},
	}
}
