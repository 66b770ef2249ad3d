package setup

// What Entra and AD FS call their claims.
const (
	claims      = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"
	claimEmail  = claims + "emailaddress"
	claimGiven  = claims + "givenname"
	claimFamily = claims + "surname"
	claimName   = claims + "name"
	entraName   = "http://schemas.microsoft.com/identity/claims/displayname"
	entraGroups = "http://schemas.microsoft.com/ws/2008/06/identity/claims/groups"
)

func entra() Product {
	return Product{
		Kind: "entra", Name: "Microsoft Entra ID", About: "Formerly Azure Active Directory", Admin: "a Cloud Application Administrator, an Application Administrator, or the owner of the enterprise application",
		SAML: &Guide{
			When:    "An enterprise application with a tile in My Apps. The certificate lasts three years.",
			Mapping: Mapping{Email: claimEmail, Name: entraName, GivenName: claimGiven, FamilyName: claimFamily, Groups: entraGroups},
			Steps: []Step{
				{
					ID: "application", Title: "Create the enterprise application",
					Do: []string{
						"Open the Microsoft Entra admin center and choose **Entra ID** → **Enterprise apps**, which some menus call **Enterprise applications**.",
						"Click **New application**, then **Create your own application**.",
						"Enter a name, choose **Integrate any other application you don't find in the gallery (Non-gallery)**, and click **Create**.",
						"In the menu of the application choose **Single sign-on**, then **SAML**.",
					},
					Wrong: []Trouble{{"New application is greyed out", "Your account may not register applications. Ask for the role **Cloud Application Administrator**."}},
				},
				{
					ID: "values", Title: "Give Entra our values",
					Lead: "You are on the page **Set up Single Sign-On with SAML**.",
					Do: []string{
						"In box 1, **Basic SAML Configuration**, click **Edit**.",
						"Click **Add identifier** and **Add reply URL**, and paste these.",
					},
					Give:  []Give{{"Identifier (Entity ID)", EntityID}, {"Reply URL (Assertion Consumer Service URL)", ACS}, {"Sign on URL (Optional)", StartURL}},
					After: []string{"Leave **Relay State** and **Logout Url** empty.", "Click **Save**, and close the panel. If it offers a test, choose **No, I'll test later**."},
					Wrong: []Trouble{
						{"AADSTS700016", "Entra finds no application with our identifier: **Identifier (Entity ID)** is not ours letter by letter, or you are in another tenant."},
						{"AADSTS50011 or AADSTS500113", "**Reply URL (Assertion Consumer Service URL)** is missing or not ours letter by letter."},
					},
				},
				{
					ID: "attributes", Title: "Send who people are", Take: TakesMapping,
					Do: []string{
						"In box 2, **Attributes & Claims**, click **Edit**.",
						"Open **Unique User Identifier (Name ID)**. Set **Name identifier format** to `Persistent` and **Source attribute** to `user.objectid`, and click **Save**.",
						"Keep the additional claims that stand there, and add the last line by **Add new claim**: **Name** `displayname`, **Namespace** `http://schemas.microsoft.com/identity/claims`, **Source attribute** `user.displayname`.",
					},
					Sends: &Table{Columns: []string{"Claim name", "Value"}, Rows: [][]string{
						{claimEmail, "user.mail"}, {claimGiven, "user.givenname"}, {claimFamily, "user.surname"}, {entraName, "user.displayname"},
					}},
					After: []string{
						"For groups, click **Add a group claim** and choose **Groups assigned to the application**. Leave **Source attribute** at **Group ID**.",
					},
					Hint: "These are Entra's own names, in full.",
					Wrong: []Trouble{
						{"The test ends with email_missing", "The person has no **Email** in their profile, so `user.mail` is empty. Fill it in, or use `user.userprincipalname` where that is their address."},
						{"Groups are missing for some people", "With more than 150 groups Entra sends a link to Microsoft Graph in place of the groups. **Groups assigned to the application** keeps the list short."},
						{"Groups arrive as long IDs", "These are the object IDs of the groups, which never change. Write rules for roles with them."},
					},
				},
				{
					ID: "metadata", Title: "Give us Entra's metadata", Take: TakesMetadata,
					Do: []string{
						"In box 3, **SAML Certificates**, copy **App Federation Metadata Url**.",
						"Paste it here as the metadata address.",
					},
					Hint: "It looks like https://login.microsoftonline.com/{tenant}/federationmetadata/2007-06/federationmetadata.xml?appid={application}. The part after the question mark matters.",
					Wrong: []Trouble{
						{"The test ends with signature_invalid", "The address was given without `?appid=…`: it then holds the keys of the tenant, not those of the application."},
						{"The box says that there is no active certificate", "Click **Edit**, then **New Certificate**, **Save**, and in its menu **Make certificate active**."},
					},
				},
				entraPeople(),
				domains(), test("Microsoft"),
			},
		},
		OIDC: entraOIDC(),
	}
}

func entraPeople() Step {
	return Step{
		ID: "people", Title: "Assign people",
		Lead: "Unless you say otherwise, Entra lets only those sign in who are assigned, and that includes you.",
		Do: []string{
			"Under **Enterprise apps**, open the application and choose **Users and groups**.",
			"Click **Add user/group**, click **None Selected** under **Users**, choose yourself, and click **Select**, then **Assign**.",
			"Add the groups of everybody else now or after the test. Or, under **Properties**, set **Assignment required?** to **No**.",
		},
		Wrong: []Trouble{
			{"AADSTS50105", "The person is not assigned to the application, neither by themselves nor by a group."},
			{"A group was assigned and its people are refused", "Entra counts direct members alone: groups within groups do not count. Assigning groups needs Entra ID P1."},
		},
	}
}

func entraOIDC() *Guide {
	return &Guide{
		When: "An app registration. No certificate, but a secret that expires after at most 24 months, unless we use our own key.",
		Steps: []Step{
			{
				ID: "application", Title: "Register the application",
				Do: []string{
					"Open the Microsoft Entra admin center and choose **Entra ID** → **App registrations**.",
					"Click **New registration** and enter a **Name**.",
					"Under **Supported account types**, choose **Accounts in this organizational directory only (Single tenant)**.",
					"Under **Redirect URI (optional)**, choose the platform **Web** and paste this.",
				},
				Give:  []Give{{"Redirect URI", Callback}},
				After: []string{"Click **Register**."},
				Wrong: []Trouble{
					{"AADSTS50011", "The redirect URI is not ours letter by letter, or stands under another platform than **Web** (see **Authentication**)."},
					{"AADSTS50020 or AADSTS50194", "The account is in another tenant. That is right with **Single tenant**: sign in with an account of this one."},
				},
			},
			{
				ID: "client", Title: "Give us the client", Take: TakesClient,
				Do: []string{
					"On the **Overview** of the registration, copy **Application (client) ID** and **Directory (tenant) ID**.",
					"The issuer is `https://login.microsoftonline.com/{Directory (tenant) ID}/v2.0`, with the ID in place of the braces.",
					"Under **Certificates & secrets** → **Client secrets**, click **New client secret**, choose when it **Expires**, and click **Add**.",
					"Copy the **Value**. It is shown now and never again.",
				},
				Hint: "Note when the secret expires: on that day nobody can sign in any more.",
				Wrong: []Trouble{
					{"The test ends with token_refused and AADSTS7000215", "The **Secret ID** was copied in place of the **Value**."},
					{"The test ends with token_refused and AADSTS7000222", "The secret has expired. Make another one and enter it here."},
					{"The issuer is Microsoft's for every organization, it says here", "`common` or `organizations` stands where your Directory (tenant) ID belongs."},
				},
			},
			{
				ID: "attributes", Title: "Send who people are", Take: TakesMapping,
				Do: []string{
					"Under **Token configuration**, click **Add optional claim**, choose **ID**, tick `email`, `family_name` and `given_name`, and click **Add**.",
					"If it asks, tick **Turn on the Microsoft Graph email permission** and click **Add** again.",
					"For groups: **Add groups claim**, tick **Groups assigned to the application**, and click **Add**. Enter `groups` here.",
				},
				Hint: "Empty fields mean the standard claims, which is right for Entra. It does not send email_verified: addresses count because their domain is proved.",
				Wrong: []Trouble{
					{"The test ends with email_missing", "The person has no **Email** in their profile, or the optional claim `email` was not added."},
					{"Groups are missing for some people", "With more than 200 groups Entra sends a link to Microsoft Graph in place of the groups. **Groups assigned to the application** keeps the list short."},
					{"AADSTS65001, or a page that asks for approval", "Under **API permissions**, click **Grant admin consent** once, for everybody."},
				},
			},
			entraPeople(),
			domains(), test("Microsoft"),
		},
	}
}
