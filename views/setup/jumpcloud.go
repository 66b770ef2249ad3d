package setup

func jumpCloud() Product {
	return Product{
		Kind: "jumpcloud", Name: "JumpCloud", About: "SSO applications", Admin: "a JumpCloud administrator (Administrator, or Manager)",
		SAML: &Guide{
			Mapping: Mapping{Email: "email", GivenName: "firstName", FamilyName: "lastName", Groups: "groups"},
			Steps: []Step{
				{
					ID: "application", Title: "Add the application",
					Do: []string{
						"In the JumpCloud Admin Portal choose **Access** → **SSO Applications** (in older menus **USER AUTHENTICATION** → **SSO Applications**) and click **+ Add New Application**.",
						"Choose **Custom Application** and click **Next**.",
						"Tick **Manage Single Sign-On (SSO)**, leave **Configure SSO with SAML** chosen, and click **Next**.",
						"Enter a **Display Label**, click **Save Application**, then **Configure Application**.",
					},
				},
				{
					ID: "values", Title: "Give JumpCloud our values",
					Lead: "You are on the **SSO** tab.",
					Do: []string{
						"As **IdP Entity ID**, which is yours to choose, enter something that no other application of yours has, such as `JumpCloud-Gatehouse`.",
						"Paste these into the fields of the same name.",
					},
					Give: []Give{{"SP Entity ID", EntityID}, {"ACS URLs, Default URL", ACS}, {"Login URL", StartURL}},
					After: []string{
						"Leave **SAMLSubject NameID** at `email`, and set **SAMLSubject NameID Format** to `urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress`.",
						"Leave **Signature Algorithm** at `RSA-SHA256`. Under **Sign**, choose **Assertion**.",
					},
					Wrong: []Trouble{
						{"The IdP Entity ID is taken", "Another application has the same. Choose another one, and import the metadata again here."},
						{"People are known by their address", "JumpCloud has no lasting ID to send as the NameID. Whoever is given somebody's old address would be taken for them: do not reuse addresses."},
					},
				},
				{
					ID: "attributes", Title: "Send who people are", Take: TakesMapping,
					Lead: "Further down, under **Attributes**.",
					Do:   []string{"Click **Add Attribute** under **User Attribute Mapping** for each of these lines."},
					Sends: &Table{Columns: []string{"Service Provider Attribute Name", "JumpCloud Attribute Name"}, Rows: [][]string{
						{"email", "email"}, {"firstName", "firstname"}, {"lastName", "lastname"},
					}},
					After: []string{
						"For groups, tick **include group attribute** under **Group Attributes** and enter `groups`.",
						"Click **Save**.",
					},
					Hint:  "These are the names from the table.",
					Wrong: []Trouble{{"Every group of a person arrives", "JumpCloud sends the groups that are bound to this application. Bind those that matter here."}},
				},
				{
					ID: "metadata", Title: "Give us JumpCloud's metadata", Take: TakesMetadata,
					Do: []string{
						"Open the application again, and the **SSO** tab.",
						"Under **JumpCloud Metadata**, click **Copy Metadata URL** and paste it here. Or click **Export Metadata** and give the file.",
					},
					Wrong: []Trouble{
						{"The address answers with an error", "The application was not saved yet, so it has no certificate and no metadata."},
						{"The test ends with issuer_mismatch", "**IdP Entity ID** was changed after we read the metadata. Import it again."},
					},
				},
				{
					ID: "people", Title: "Give groups access",
					Do:    []string{"On the **User Groups** tab, tick the groups whose people may use it, one of yours among them. Click **Save**."},
					Wrong: []Trouble{{"You do not have access to this application", "The person is in none of the groups that are ticked. JumpCloud gives access by groups alone."}},
				},
				domains(), test("JumpCloud"),
			},
		},
	}
}
