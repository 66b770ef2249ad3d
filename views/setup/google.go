package setup

func google() Product {
	return Product{
		Kind: "google", Name: "Google Workspace", About: "Also Cloud Identity", Admin: "a Google Workspace super administrator",
		SAML: &Guide{
			When:    "Chosen per organizational unit in the Admin console, with a tile in the app launcher. The certificate lasts five years.",
			Mapping: Mapping{Email: "email", GivenName: "firstName", FamilyName: "lastName", Groups: "groups"},
			Steps: []Step{
				{
					ID: "application", Title: "Create the app",
					Do: []string{
						"Open the Google Admin console and choose **Apps** → **Web and mobile apps** in the menu.",
						"Click **Add app** → **Add custom SAML app**.",
						"On **App details**, enter an **App name**. Click **Continue**.",
					},
					Wrong: []Trouble{{"Web and mobile apps is missing", "You are signed in without the privileges of a super administrator, or with a personal account."}},
				},
				{
					ID: "metadata", Title: "Give us Google's metadata", Take: TakesMetadata,
					Lead: "You are on the page **Google Identity Provider details**. Google has no metadata address, only a file.",
					Do: []string{
						"Under **Option 1: Download IdP metadata**, click **Download metadata**.",
						"Choose the file `GoogleIDPMetadata.xml` here as the metadata file.",
						"There, click **Continue**.",
					},
					Hint: "Nothing tells us when Google's certificate changes, since there is no address to look at: note when it expires.",
					Wrong: []Trouble{
						{"You have closed that page", "Open the app under **Web and mobile apps** and click **Download metadata** in its overview."},
						{"The test ends with signature_invalid", "The account has two certificates and the app uses the other one. Look under **Security** → **Authentication** → **SSO with SAML applications**, and download the metadata of the app itself."},
					},
				},
				{
					ID: "values", Title: "Give Google our values",
					Lead: "You are on the page **Service provider details**.",
					Do:   []string{"Paste these into the fields of the same name."},
					Give: []Give{{"ACS URL", ACS}, {"Entity ID", EntityID}, {"Start URL (optional)", StartURL}},
					After: []string{
						"Tick **Signed response**.",
						"Set **Name ID format** to `EMAIL` and leave **Name ID** at **Basic Information > Primary email**.",
						"Click **Continue**.",
					},
					Wrong: []Trouble{
						{"403 app_not_configured, or app_not_configured_for_user", "The **Entity ID** there is not ours letter by letter, blanks and case included."},
						{"400 duplicate entity id", "There is an app with our entity ID already. Use that one."},
						{"People are known by their address", "Google has no lasting ID to send as the Name ID. Whoever is given somebody's old address would be taken for them: do not reuse addresses."},
					},
				},
				{
					ID: "attributes", Title: "Send who people are", Take: TakesMapping,
					Lead: "You are on the page **Attribute mapping**.",
					Do:   []string{"Click **Add mapping** for each of these lines."},
					Sends: &Table{Columns: []string{"Google Directory attributes", "App attributes"}, Rows: [][]string{
						{"Primary email", "email"}, {"First name", "firstName"}, {"Last name", "lastName"},
					}},
					After: []string{
						"For groups, search for them under **Group membership (optional)**, at most 75, and enter `groups` as the **App attribute**.",
						"Click **Finish**.",
					},
					Hint: "These are the names from the table.",
					Wrong: []Trouble{
						{"Groups are missing", "Google sends the groups that were chosen one by one under **Group membership (optional)**, and no others; nested ones only if the person is a member of the chosen one."},
					},
				},
				{
					ID: "people", Title: "Turn it on for people",
					Lead: "A new app is off for everyone.",
					Do: []string{
						"In the app's overview, click **User access**.",
						"Choose **ON for everyone**, or on the left an organizational unit or a group, and **On**. Click **Save**.",
					},
					Wrong: []Trouble{
						{"403 app_not_enabled_for_user", "The app is off for the person's organizational unit, or was turned on a moment ago. It mostly takes minutes, and can take up to 24 hours."},
						{"You are signed in with another Google account", "Google uses the account that the browser chose last. Test in a private window."},
					},
				},
				domains(), test("Google"),
			},
		},
		OIDC: googleOIDC(),
	}
}

func googleOIDC() *Guide {
	return &Guide{
		When: "Made in the Google Cloud console. People are known by an ID that never changes. It sends no groups.",
		Steps: []Step{
			{
				ID: "application", Title: "Prepare a project",
				Do: []string{
					"Open the Google Cloud console with an account of your organization and choose or create a project that belongs to the organization.",
					"Open **Google Auth Platform**. If it is not configured yet, click **Get started** and enter an **App name** and a **User support email**.",
					"As the **Audience**, choose **Internal**: people of your organization alone. Finish with **Create**.",
				},
				Wrong: []Trouble{
					{"Internal cannot be chosen", "The project belongs to no organization. Create it under your organization, or move it there."},
				},
			},
			{
				ID: "values", Title: "Create the client",
				Do: []string{
					"Under **Clients**, click **Create client**.",
					"As the **Application type**, choose **Web application**, and enter a **Name**.",
					"Under **Authorized redirect URIs**, click **Add URI** and paste this.",
				},
				Give:  []Give{{"Authorized redirect URIs", Callback}},
				After: []string{"Leave **Authorized JavaScript origins** empty.", "Click **Create**."},
				Wrong: []Trouble{
					{"Error 400: redirect_uri_mismatch", "The address there is not ours letter by letter, or it was saved less than some minutes ago."},
					{"Error 403: org_internal", "The person's account is not in the organization that the project belongs to."},
				},
			},
			{
				ID: "client", Title: "Give us the client", Take: TakesClient,
				Do: []string{
					"Copy the **Client ID** and the **Client secret** from the window that says that the OAuth client is created.",
					"The issuer is always `https://accounts.google.com`.",
					"Enter your primary domain as the Google Workspace domain: people of other domains, and of none, are then refused.",
				},
				Hint: "The secret is shown once. A lost one is replaced by **Add secret** on the client's page.",
				Wrong: []Trouble{
					{"The test ends with tenant_mismatch", "The Google Workspace domain is not the one that the account is in. Secondary domains come with the primary one as `hd`."},
				},
			},
			{
				ID: "attributes", Title: "Check who people are", Take: TakesMapping,
				Lead: "Google sends the standard claims. There is nothing to set up there.",
				Do:   []string{"Leave all fields empty."},
				Hint: "Google sends no groups over OpenID Connect. If roles are to follow groups, connect by SAML.",
			},
			domains(), test("Google"),
		},
	}
}
