package setup

func okta() Product {
	return Product{
		Kind: "okta", Name: "Okta", About: "Workforce Identity Cloud", Admin: "an Okta administrator who may add applications (Super Administrator or Application Administrator)",
		SAML: &Guide{
			When:    "What most Okta organizations use for applications of other vendors.",
			Mapping: Mapping{Subject: "id", Email: "email", GivenName: "firstName", FamilyName: "lastName", Groups: "groups"},
			Steps: []Step{
				{
					ID: "application", Title: "Create the application",
					Do: []string{
						"Open the Okta Admin Console and choose **Applications** → **Applications** in the menu.",
						"Click **Create App Integration**.",
						"Choose **SAML 2.0**, then click **Next**.",
						"Under **General Settings**, enter an **App name** that your people will recognize on their dashboard. Click **Next**.",
					},
					Wrong: []Trouble{
						{"There is no Create App Integration button", "Your Okta role may look at applications and not add them. Ask for **Application Administrator**."},
					},
				},
				{
					ID: "values", Title: "Give Okta our values",
					Lead: "You are on the page **Configure SAML**, under **SAML Settings**.",
					Do:   []string{"Paste these two values into the fields of the same name."},
					Give: []Give{{"Single sign-on URL", ACS}, {"Audience URI (SP Entity ID)", EntityID}},
					After: []string{
						"Leave **Use this for Recipient URL and Destination URL** ticked.",
						"Leave **Default RelayState** empty.",
						"Set **Name ID format** to `EmailAddress` and **Application username** to `Email`.",
						"Stay on this page: the next step fills in its lower half.",
					},
					Wrong: []Trouble{
						{"The test ends with audience_mismatch", "**Audience URI (SP Entity ID)** holds something else than our entity ID. It is not the same as the **Single sign-on URL**."},
						{"The test ends with recipient_mismatch or destination_mismatch", "**Use this for Recipient URL and Destination URL** is not ticked, and the fields below it hold another address."},
					},
				},
				{
					ID: "attributes", Title: "Send who people are", Take: TakesMapping,
					Lead: "Further down the same page, under **Attribute Statements (optional)**.",
					Do:   []string{"Add one line for each of these. **Name format** stays `Unspecified`."},
					Sends: &Table{Columns: []string{"Name", "Value"}, Rows: [][]string{
						{"id", "user.id"}, {"email", "user.email"}, {"firstName", "user.firstName"}, {"lastName", "user.lastName"},
					}},
					After: []string{
						"For groups, add a line under **Group Attribute Statements (optional)**: **Name** `groups`, **Filter** `Matches regex`, and an expression for the groups that matter here, such as `gatehouse-.*`.",
						"Click **Next**, answer the question about your role with **I'm an Okta customer adding an internal app** or **This is an internal app that we have created**, and click **Finish**.",
					},
					Hint: "These are the names from the table. Change one only if you chose another name there.",
					Wrong: []Trouble{
						{"Some people arrive without groups", "Okta sends the groups that the filter matches. `.*` sends every group, which for some people is a long list."},
						{"The page looks different", "In newer organizations attribute statements are added after **Finish**: on the **Sign On** tab, **Show legacy configuration**, or **Attribute statements** → **Add expression**. Names and values are the same."},
					},
				},
				{
					ID: "metadata", Title: "Give us Okta's metadata", Take: TakesMetadata,
					Do: []string{
						"Open the **Sign On** tab of the application.",
						"Under **SAML 2.0**, find **Metadata details** and click **Copy** beside **Metadata URL**.",
						"Paste it here as the metadata address.",
					},
					Hint: "It looks like https://acme.okta.com/app/exk…/sso/saml/metadata.",
					Wrong: []Trouble{
						{"You only see View SAML setup instructions", "Open it: at its end stands the metadata as text, under **Optional**. Paste that here as metadata text."},
						{"That is a web page, it says here", "The address of the Okta page was copied instead of the **Metadata URL** on it."}, late,
					},
				},
				{
					ID: "people", Title: "Assign people",
					Lead: "Okta lets only those sign in who are assigned to the application, and that includes you.",
					Do: []string{
						"Open the **Assignments** tab.",
						"Click **Assign** → **Assign to People** for yourself, to begin with. Click **Assign** beside your name, then **Save and Go Back**, and **Done**.",
						"Click **Assign** → **Assign to Groups** for everybody else, now or after the test.",
					},
					Wrong: []Trouble{{"User is not assigned to this application", "Okta says so to whoever has no assignment. Assign the person, or a group that they are in."}},
				},
				domains(), test("Okta"),
			},
		},
		OIDC: oktaOIDC(),
	}
}

func oktaOIDC() *Guide {
	return &Guide{
		When: "Nothing to paste but an ID and a secret, and no certificate that expires.",
		Steps: []Step{
			{
				ID: "application", Title: "Create the application",
				Do: []string{
					"Open the Okta Admin Console and choose **Applications** → **Applications** in the menu.",
					"Click **Create App Integration**.",
					"Choose **OIDC - OpenID Connect** as the **Sign-in method** and **Web Application** as the **Application type**, then click **Next**.",
					"Enter an **App integration name**. Leave **Authorization Code** as the only **Grant type** that is ticked.",
				},
			},
			{
				ID: "values", Title: "Give Okta our values",
				Lead: "On the same page, **New Web App Integration**.",
				Do:   []string{"Put these addresses under **Sign-in redirect URIs** and **Sign-out redirect URIs**, in place of the examples that stand there."},
				Give: []Give{{"Sign-in redirect URIs", Callback}, {"Sign-out redirect URIs", SignedOut}},
				After: []string{
					"Under **Assignments**, choose who may use it: **Allow everyone in your organization to access**, or **Limit access to selected groups**.",
					"Click **Save**.",
					"For a tile on the Okta dashboard: on the **General** tab, **Edit** under **General Settings**, set **Login initiated by** to **Either Okta or App** and paste this as **Initiate login URI**.",
				},
				Wrong: []Trouble{
					{"The 'redirect_uri' parameter must be a Login redirect URI in the client app settings", "**Sign-in redirect URIs** does not hold our address letter by letter. A final slash matters."},
				},
			},
			{
				ID: "client", Title: "Give us the client", Take: TakesClient,
				Do: []string{
					"On the **General** tab, under **Client Credentials**, copy the **Client ID**.",
					"Under **CLIENT SECRETS**, copy the secret.",
					"The issuer is the address of your Okta organization as people sign in there, without `-admin`: such as `https://acme.okta.com`.",
				},
				Hint: "On the **Sign On** tab, under **OpenID Connect ID Token**, **Issuer** should say the same address, or `Dynamic`.",
				Wrong: []Trouble{
					{"The issuer is refused", "You gave the address of the Admin Console (`acme-admin.okta.com`), or that of a custom authorization server. Use the organization's own."},
					{"The test ends with token_refused", "The secret was copied without its last characters, or was made inactive under **CLIENT SECRETS**."},
				},
			},
			{
				ID: "attributes", Title: "Check who people are", Take: TakesMapping,
				Lead: "Okta sends address and name by itself. Groups need a claim.",
				Do: []string{
					"For groups: on the **Sign On** tab, **Edit** under **OpenID Connect ID Token**.",
					"Set **Group claims filter** to `groups`, **Matches regex**, and an expression such as `gatehouse-.*`. Click **Save**.",
					"Enter `groups` as the claim of groups here.",
				},
				Hint:  "Empty fields mean the standard claims, which is right for Okta.",
				Wrong: []Trouble{{"The test shows no groups", "The filter matches none of your own groups, or the scope `groups` is missing: add it under Options, Scopes."}},
			},
			{
				ID: "people", Title: "Assign people",
				Do: []string{
					"Open the **Assignments** tab and look whether you are on it, by yourself or by a group.",
					"If not: **Assign** → **Assign to People** or **Assign to Groups**.",
				},
				Wrong: []Trouble{{"User is not assigned to the client application", "Okta says so to whoever has no assignment. Assign the person, or a group that they are in."}},
			},
			domains(), test("Okta"),
		},
	}
}
