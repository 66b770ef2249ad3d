package setup

func adFS() Product {
	return Product{
		Kind: "adfs", Name: "AD FS", About: "Active Directory Federation Services, 2016 or newer", Admin: "a member of Administrators on the federation server",
		SAML: &Guide{
			Mapping: Mapping{Email: claimEmail, Name: claimName, GivenName: claimGiven, FamilyName: claimFamily, Groups: "http://schemas.xmlsoap.org/claims/Group"},
			Steps: []Step{
				{
					ID: "application", Title: "Add the relying party trust",
					Do: []string{
						"Open **AD FS Management**, right-click **Relying Party Trusts**, and choose **Add Relying Party Trust**.",
						"On **Welcome**, choose **Claims aware** and click **Start**.",
						"On **Select Data Source**, choose **Import data about the relying party published online or on a local network** and paste this.",
					},
					Give: []Give{{"Federation metadata address (host name or URL)", Metadata}},
					After: []string{
						"On **Specify Display Name**, enter a name.",
						"On **Choose Access Control Policy**, choose **Permit everyone**, or whom you wish.",
						"Click **Next** until **Finish**. Leave **Configure claims issuance policy for this application** ticked, and click **Close**.",
					},
					Wrong: []Trouble{
						{"An error occurred during an attempt to read the federation metadata", "The server cannot reach us, or speaks TLS older than 1.2. Open our metadata address in a browser, save it as a file, and choose **Import data about the relying party from a file**."},
						{"MSIS7001 or MSIS3200", "Monitoring was chosen and our address cannot be reached from there. On the **Monitoring** tab of the trust, untick **Monitor relying party**, or let the server reach us."},
					},
				},
				{
					ID: "attributes", Title: "Send who people are", Take: TakesMapping,
					Lead: "The window **Edit Claim Issuance Policy** is open. Without a rule AD FS says nothing about anybody.",
					Do: []string{
						"Click **Add Rule**, choose the template **Send LDAP Attributes as Claims**, and click **Next**.",
						"Enter a **Claim rule name**, choose **Active Directory** as the **Attribute store**, and add these lines. `objectGUID` is not in the list: type it.",
					},
					Sends: &Table{Columns: []string{"LDAP Attribute", "Outgoing Claim Type"}, Rows: [][]string{
						{"objectGUID", "Name ID"}, {"E-Mail-Addresses", "E-Mail Address"}, {"Display-Name", "Name"}, {"Given-Name", "Given Name"}, {"Surname", "Surname"},
						{"Token-Groups - Unqualified Names", "Group"},
					}},
					After: []string{"Click **Finish**, then **OK**."},
					Hint:  "These are the names that the claim types have on the wire.",
					Wrong: []Trouble{
						{"The test ends with subject_missing", "There is no rule that issues **Name ID**."},
						{"The test ends with email_missing", "The person has no **E-mail** in Active Directory."},
						{"MSIS7070", "The request asks for a NameID format that the rules do not give. Set the NameID format to ask for to none, under Options."},
						{"Too many groups", "`Token-Groups` are all of a person's groups. To send some, use the template **Send Group Membership as a Claim** for each instead."},
					},
				},
				{
					ID: "metadata", Title: "Give us AD FS's metadata", Take: TakesMetadata,
					Do: []string{
						"Its address is always `https://{your federation server}/FederationMetadata/2007-06/FederationMetadata.xml`.",
						"If that answers on the internet, give it here as the metadata address. If not, open it within your network and give the file.",
					},
					Hint: "AD FS replaces its own signing certificate once a year, some days after announcing the next one in this document. With an address we see it coming.",
					Wrong: []Trouble{
						{"The test ends with signature_invalid, a year later", "The certificate was renewed (**AutoCertificateRollover**) and we were given a file. Give the new metadata."},
						{"The test ends with signature_algorithm", "On the **Advanced** tab of the trust, set **Secure hash algorithm** to `SHA-256`."}, late,
					},
				},
				domains(), test("AD FS"),
			},
		},
	}
}
